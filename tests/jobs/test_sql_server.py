"""The SQL server as clients meet it, by JDBC with beeline and from Python; and who is kept out."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyspark
import pytest
import sqlalchemy
from impala.dbapi import connect
from impala.error import Error as Refused
from pyspark.sql import SparkSession

from segmentation.core.errors import ConfigError
from segmentation.io.thrift import open_door, tell_ldap
from tests.conftest import ROOT, SUBMIT_FAST, free_port, job_environment
from tests.jobs import kills
from tests.jobs.homes import JUNE, MAY, Shop
from tests.published import published

PATIENCE_SECONDS = 300
# The superuser may write everything, unless the process gives that up.
POWERLESS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]


def powerless() -> list[str]:
    if os.geteuid() != 0:
        return []
    tried = shutil.which(POWERLESS[0]) and subprocess.run([*POWERLESS, "true"], check=False, capture_output=True)
    return POWERLESS if tried and tried.returncode == 0 else []


def start(
    warehouse: Path, audience: str, log: Path, config: Path, source: str = "shop", host: str = "127.0.0.1", **conf: str
) -> Iterator[int]:
    """A server process that can write nothing where permissions say so, until the test is done; its port.

    conf: settings of hive.server2, with _ for the dots.
    """
    port = free_port()
    settings = [f"--conf=spark.hadoop.hive.server2.{key.replace('_', '.')}={value}" for key, value in conf.items()]
    command = [*SUBMIT_FAST, *settings, "jobs/sql_server.py", "--config", str(config), "--source", source, "--host",
               host, "--warehouse", str(warehouse), "--port", str(port), "--audience", audience]  # fmt: skip
    command = [*powerless(), *command]
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, cwd=ROOT, env=job_environment(), stdout=out, stderr=out, start_new_session=True
        ) as process,
    ):
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while not _listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.5)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # Java and the Python that it has started


@contextmanager
def only(mode: str, folder: Path) -> Iterator[None]:
    """The folder with other permissions, as chmod has them, for a while."""
    subprocess.run(["chmod", "-R", mode, str(folder)], check=True)
    yield
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)


@pytest.fixture(scope="module")
def warehouse(two_months: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy that nobody can write."""
    copy = tmp_path_factory.mktemp("server") / "warehouse"
    shutil.copytree(two_months.warehouse, copy)
    with only("a-w", copy):
        yield copy


def _listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def port(two_months: Shop, warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("log") / "log"
    yield from start(warehouse, "analysts", log, two_months.folder / "conf")


def ask(port: int, sql: str) -> list[tuple[Any, ...]]:
    with connect(host="127.0.0.1", port=port, auth_mechanism="PLAIN") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def beeline(port: int, sql: str, *login: str, extra: str = "") -> subprocess.CompletedProcess[str]:
    program = Path(pyspark.__file__).parent / "bin" / "beeline"
    url = f"jdbc:hive2://127.0.0.1:{port}/segmentation{extra}"
    command = [str(program), "-u", url, *login, "--outputformat=csv2", "--silent=true", "--showHeader=false", "-e", sql]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def permissions() -> None:
    """The server's process can do what they give, and no more."""
    if os.geteuid() == 0 and not powerless():
        pytest.skip("the superuser of this machine cannot give up what permissions do not give")


def test_python_reads_tables_and_marts_by_name(port: int, two_months: Shop) -> None:
    found = ask(port, "SELECT segment_id, customers, revenue_365d FROM segmentation.mart_segment_overview "
                      "WHERE dimension = 'unified' ORDER BY 1")  # fmt: skip
    profiles = published(two_months.warehouse, "segment_profiles", JUNE)
    unified = profiles[profiles["dimension"] == "unified"].sort_values("segment_id")
    expected = [(r.segment_id, r.customers, r.revenue_365d) for r in unified.itertuples()]
    assert [(s, n, Decimal(money)) for s, n, money in found] == expected
    spans = ask(port, "SELECT count(*), count(DISTINCT customer_id) FROM segmentation.dim_customer WHERE is_current")
    assert spans == [(40, 40)]
    engine = sqlalchemy.create_engine(f"impala://127.0.0.1:{port}/segmentation?auth_mechanism=PLAIN")
    with engine.connect() as connection:
        rows = connection.execute(
            sqlalchemy.text("SELECT as_of, count(*) FROM segments GROUP BY 1 ORDER BY 1")
        ).fetchall()
    assert [(str(day), n) for day, n in rows] == [(str(MAY), 240), (str(JUNE), 240)]


@pytest.mark.usefixtures("permissions")
def test_python_cannot_write(port: int) -> None:
    for sql in ("DELETE FROM segmentation.segments", "DELETE FROM segmentation_store.segments"):
        with pytest.raises(Refused):
            ask(port, sql)
    assert ask(port, "SELECT count(*) FROM segmentation.segments") == [(480,)]


@pytest.mark.long
def test_jdbc_clients_read_and_write_through_no_view(port: int) -> None:
    done = beeline(port, "SELECT dimension, count(*) FROM segments WHERE as_of = DATE'2024-06-01' GROUP BY 1")
    assert done.returncode == 0, done.stderr
    assert "unified,40" in done.stdout.split()
    assert beeline(port, "DELETE FROM segmentation.segments").returncode != 0


@pytest.mark.long
@pytest.mark.usefixtures("permissions")
def test_jdbc_clients_cannot_write(port: int, warehouse: Path) -> None:
    for sql in (
        "DELETE FROM segmentation_store.segments",
        f"DELETE FROM delta.`{warehouse}/segmentation/runs`",
        "INSERT INTO segmentation_store.stg_products VALUES ('p', 'c', 'd', 'b', true)",
    ):
        assert beeline(port, sql).returncode != 0, sql
    assert ask(port, "SELECT count(*) FROM segmentation.segments") == [(480,)]


@pytest.mark.long
def test_the_door_for_everyone_shows_aggregates_alone(two_months: Shop, warehouse: Path, tmp_path: Path) -> None:
    """Nor has it to read anything else: here its process cannot."""
    with only("a-rwx", warehouse / "segmentation"):
        for port in start(warehouse, "everyone", tmp_path / "log", two_months.folder / "conf"):
            names = {row[1] for row in ask(port, "SHOW TABLES IN segmentation")}
            assert {"segment_cube", "mart_segment_overview"} <= names
            assert not {"segments", "stg_customers", "mart_customer_360", "dim_customer"} & names
            assert ask(port, "SELECT count(*) > 0 FROM segmentation.fact_segment_month") == [(True,)]
            assert beeline(port, f"SELECT * FROM delta.`{warehouse}/segmentation/segments`").returncode != 0


@pytest.mark.long
def test_while_a_month_is_made_it_answers_with_whole_months_alone(two_months: Shop, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(two_months.warehouse, tmp_path / "warehouse"))
    config = two_months.folder / "conf"
    for port in start(copy, "analysts", tmp_path / "log", config):
        seen = set()
        with kills.start("monthly", "--config", str(config), "--source", "shop", "--as-of", "2024-07-01",
                         "--warehouse", str(copy)) as job:  # fmt: skip
            while job.poll() is None:
                found = ask(port, "SELECT as_of, count(*) FROM segmentation.segments GROUP BY 1 ORDER BY 1")
                seen.add(tuple(str(day) for day, _ in found))
                assert {n for _, n in found} == {240}  # six dimensions of 40 customers
        assert job.returncode == 0
        assert (str(MAY), str(JUNE)) in seen  # it was asked before, too
        last = ask(port, "SELECT max(as_of) FROM segmentation.segments")
        assert str(last[0][0]) == "2024-07-01"


def test_it_listens_to_nobody_else_without_ldap_and_tls(spark: SparkSession) -> None:
    with pytest.raises(
        ConfigError, match=r"--host 0\.0\.0\.0: .* Expected 127\.0\.0\.1, or LDAP and TLS: .*use\.SSL=true"
    ):
        open_door(spark, "0.0.0.0", free_port())


def test_ldaps_settings_reach_the_jvm_and_nothing_else_does(spark: SparkSession) -> None:
    url = "hive.server2.authentication.ldap.url"
    tell_ldap(
        spark._jvm, {f"spark.hadoop.{url}": "ldap://shop", "spark.hadoop.hive.server2.keystore.password": "secret"}
    )
    system = spark._jvm.java.lang.System
    try:
        assert system.getProperty(url) == "ldap://shop"
        assert system.getProperty("hive.server2.keystore.password") is None
    finally:
        system.clearProperty(url)


def test_an_address_that_is_taken_is_said(spark: SparkSession) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with pytest.raises(ConfigError, match="Name another with --port"):
            open_door(spark, "127.0.0.1", s.getsockname()[1])
