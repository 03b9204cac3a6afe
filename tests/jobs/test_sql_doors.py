"""Beyond this machine the SQL server wants a password over TLS, and turns others away; with slapd of Debian."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from impala.dbapi import connect
from thrift.transport.TTransport import TTransportException

from tests.conftest import free_port
from tests.jobs.homes import Shop
from tests.jobs.test_sql_server import beeline, start

pytestmark = pytest.mark.long

BASE, PASSWORD = "ou=people,dc=shop", "correct-horse"
SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=shop"
directory {folder}
"""
PEOPLE = f"""dn: dc=shop
objectClass: organization
objectClass: dcObject
o: A shop
dc: shop

dn: {BASE}
objectClass: organizationalUnit
ou: people

dn: uid=analyst,{BASE}
objectClass: inetOrgPerson
uid: analyst
cn: An analyst
sn: Analyst
userPassword: {PASSWORD}
"""


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def ldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a directory with one analyst."""
    program = shutil.which("slapd", path="/usr/sbin:/usr/bin:/usr/libexec")
    assert program, "slapd is not here: apt-get install slapd"
    folder = tmp_path_factory.mktemp("ldap")
    (folder / "db").mkdir()
    (folder / "slapd.conf").write_text(SLAPD.format(folder=folder / "db"))
    (folder / "people.ldif").write_text(PEOPLE)
    run(str(Path(program).with_name("slapadd")), "-f", str(folder / "slapd.conf"), "-l", str(folder / "people.ldif"))
    url = f"ldap://127.0.0.1:{free_port()}"
    with subprocess.Popen([program, "-f", str(folder / "slapd.conf"), "-h", url, "-d", "0"]) as process:
        yield url
        process.terminate()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keystore with the server's key, and beside it its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    store = ["-keystore", str(folder / "server.jks"), "-storepass", "changeit", "-alias", "server"]
    run("keytool", "-genkeypair", *store, "-keyalg", "RSA", "-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1",
        "-validity", "2", "-keypass", "changeit")  # fmt: skip
    run("keytool", "-exportcert", "-rfc", *store, "-file", str(folder / "server.pem"))
    return folder / "server.jks"


@pytest.fixture(scope="module")
def port(two_months: Shop, ldap: str, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    secure = {
        "authentication": "LDAP", "authentication_ldap_url": ldap, "authentication_ldap_baseDN": BASE,
        "use_SSL": "true", "keystore_path": str(key), "keystore_password": "changeit",
    }  # fmt: skip
    log = tmp_path_factory.mktemp("log") / "log"
    yield from start(
        two_months.warehouse, "everyone", log, two_months.folder / "conf", host="0.0.0.0", **secure
    )  # fmt: skip


def segments(port: int, key: Path, user: str, password: str) -> int:
    with connect(
        host="127.0.0.1", port=port, auth_mechanism="LDAP", user=user, password=password, use_ssl=True,
        ca_cert=str(key.with_name("server.pem")),
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute("SELECT count(*) FROM segmentation.mart_segment_overview")
        return int(cursor.fetchall()[0][0])


def test_who_knows_the_password_reads(port: int, key: Path) -> None:
    assert segments(port, key, "analyst", PASSWORD) > 0


@pytest.mark.parametrize(("user", "password"), [("analyst", "wrong"), ("nobody", PASSWORD), ("analyst", "")])
def test_a_wrong_name_or_password_is_turned_away(port: int, key: Path, user: str, password: str) -> None:
    with pytest.raises(TTransportException, match="Error validating the login"):
        segments(port, key, user, password)


def test_by_jdbc_too(port: int, key: Path) -> None:
    """With TLS, and neither with another password nor without TLS."""
    tls = f";ssl=true;sslTrustStore={key};trustStorePassword=changeit"
    right, wrong = ("-n", "analyst", "-p", PASSWORD), ("-n", "analyst", "-p", "wrong")
    sql = "SELECT count(*) > 0 FROM segmentation.mart_segment_overview"
    done = beeline(port, sql, *right, extra=tls)
    assert done.returncode == 0, done.stderr
    assert "true" in done.stdout.split()
    assert beeline(port, sql, *wrong, extra=tls).returncode != 0
    assert beeline(port, sql, *right).returncode != 0


def test_a_client_without_tls_is_turned_away(port: int) -> None:
    begun = time.monotonic()
    with pytest.raises((TTransportException, OSError)):
        connect(host="127.0.0.1", port=port, auth_mechanism="LDAP", user="analyst", password=PASSWORD, timeout=20)
    assert time.monotonic() - begun < 60
