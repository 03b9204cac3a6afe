"""The door for SQL clients: Spark's Thrift Server, over the names that a session has."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from segmentation.core.errors import ConfigError

SERVER = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
LDAP = "hive.server2.authentication.ldap."
SECURE = {"authentication": "LDAP", "use.SSL": "true"}
"""What must be set, as `spark.hadoop.hive.server2.<key>`, before anybody beyond this machine is listened to."""


def open_door(spark: SparkSession, host: str, port: int) -> None:
    """Listens for JDBC and ODBC clients, who see the tables and views of this session's catalog.

    Raises ConfigError where the address is taken, or is not this machine's own and LDAP and TLS are not configured.
    """
    settings = spark.sparkContext.getConf()
    lacking = [
        f"spark.hadoop.hive.server2.{key}={value}"
        for key, value in SECURE.items()
        if settings.get(f"spark.hadoop.hive.server2.{key}", "").lower() != value.lower()
    ]
    if lacking and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: whoever reaches it could read everything. Expected 127.0.0.1, or LDAP and TLS: "
            f"{', '.join(lacking)} among the settings of spark-submit, with keystore.path and LDAP's url."
        )
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port}: {error.strerror}. Name another with --port or --host.") from None
    hadoop: Any = spark._jsc.hadoopConfiguration()
    hadoop.set("hive.server2.thrift.bind.host", host)
    hadoop.set("hive.server2.thrift.port", str(port))
    tell_ldap(spark._jvm, dict(settings.getAll()))
    getattr(spark._jvm, SERVER).startWithContext(spark._jsparkSession.sqlContext())


def tell_ldap(jvm: Any, settings: Mapping[str, str]) -> None:
    """Hands over Spark's settings of LDAP: who asks it reads a configuration of its own, which knows JVM properties."""
    for key, value in settings.items():
        if (name := key.removeprefix("spark.hadoop.")).startswith(LDAP):
            jvm.java.lang.System.setProperty(name, value)


def is_open(spark: SparkSession) -> bool:
    """Whether Spark is still there: its JVM may have been ended without this process."""
    try:
        return not spark._jsc.sc().isStopped()
    except (Py4JError, OSError):
        return False


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address.

    >>> [is_loopback(h) for h in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.1.2.3", "shop.example")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
