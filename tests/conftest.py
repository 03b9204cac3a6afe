"""One Spark session for all tests, and one warehouse made by the commands that README shows."""

from __future__ import annotations

import datetime as dt
import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyspark
import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import Table
from segmentation.datasets import write_complete_journey
from segmentation.io import Warehouse, open_session
from segmentation.io.catalog import STORE, VIEWS
from segmentation.pipeline import Context, Steps, run_features

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"

# Quick to start rather than quick to run: small data spend their time in class loading and compilation. The slow
# compiler begins eight times as late as by default in the session of all tests, and inlines little: half of its time,
# a seventh of all. In a job of its own it never begins. Room for what is young: a quarter of the collections.
# One compiler level has a code cache of 48 MB by default; a test session fills it and then runs interpreted.
JAVA = "-Dlog4j2.configurationFile=conf/spark/log4j2.properties -XX:+UseSerialGC -XX:ReservedCodeCacheSize=512m"
LATE = (
    "-XX:Tier4InvocationThreshold=40000 -XX:Tier4MinInvocationThreshold=5000 -XX:Tier4CompileThreshold=120000 "
    "-XX:Tier4BackEdgeThreshold=320000 "
    "-XX:InlineSmallCode=1000 -XX:MaxInlineLevel=9 -XX:FreqInlineSize=150 -XX:LoopUnrollLimit=20 -Xmn1000m"
)
FAST = {
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": f"{JAVA} -XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.databricks.delta.properties.defaults.checkpointInterval": "1000",
}

SUBMIT = ["spark-submit", "--properties-file", "conf/spark/local.conf"]
SUBMIT_FAST = [*SUBMIT, *(part for key, value in FAST.items() for part in ("--conf", f"{key}={value}"))]


WITHOUT_DEMO = ("marts", "matrix", "monitoring", "reports")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # So that both halves take as long: most rooms go with jobs on the demo's data, four with those on small shops.
        if "demo_raw" in getattr(item, "fixturenames", ()) or item.path.parent.name not in ("jobs", *WITHOUT_DEMO):
            item.add_marker("with_demo")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.chdir(ROOT)  # conf/spark/local.conf names the JARs relative to the project
    own = FAST | {"spark.driver.extraJavaOptions": f"{JAVA} {LATE}", "spark.driver.memory": "3g"}
    settings = " ".join(f"--conf '{key}={value}'" for key, value in own.items())
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--properties-file conf/spark/local.conf {settings} pyspark-shell"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = open_session("tests")
    yield session
    session.stop()


CREATE = Warehouse._match_contract


@pytest.fixture(scope="session", autouse=True)
def created_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty table is a copy of the first that the session has made by its contract, which takes no Spark."""
    folder = tmp_path_factory.mktemp("tables")
    made: dict[Table, Path] = {}

    def match(self: Warehouse, table: Table) -> None:
        path = Path(self.path(table))
        is_new = not path.exists()
        if is_new and table in made:
            shutil.copytree(made[table], path)
            return
        CREATE(self, table)
        if is_new and path.exists():
            made[table] = Path(shutil.copytree(path, Path(tempfile.mkdtemp(dir=folder)) / table.name))

    with pytest.MonkeyPatch.context() as m:
        m.setattr(Warehouse, "_match_contract", match)
        yield


@pytest.fixture
def created_by_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the creation itself."""
    monkeypatch.setattr(Warehouse, "_match_contract", CREATE)


@contextmanager
def tracked_beside_the_warehouse() -> Iterator[None]:
    """Nobody chose a tracking server, before and after."""
    import mlflow  # seconds, which most tests need not wait for

    with pytest.MonkeyPatch.context() as m:
        m.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        yield
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.fixture
def no_server() -> Iterator[None]:
    """Nobody chose a tracking server, before and after."""
    with tracked_beside_the_warehouse():
        yield


@pytest.fixture
def no_names(spark: SparkSession) -> Iterator[None]:
    """The session knows no table of any warehouse, before and after."""

    def forget() -> None:
        for schema in (VIEWS, STORE):
            spark.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    forget()
    yield
    forget()


def job_environment() -> dict[str, str]:
    """In which another process finds spark-submit and this interpreter, and no settings of the tests' own session."""
    kept = {k: v for k, v in os.environ.items() if k != "PYSPARK_SUBMIT_ARGS"}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"}


def submit(job: str, *options: str, fast: bool = False) -> subprocess.CompletedProcess[str]:
    """`spark-submit` of a job as README shows it; `fast` starts quicker and computes slower."""
    command = [*(SUBMIT_FAST if fast else SUBMIT), f"jobs/{job}.py", *options]
    environment = job_environment()
    environment.pop("MLFLOW_TRACKING_URI", None)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A standalone master and two workers of one core, from the wheel: the URL, and the workers."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    environment.pop("PYSPARK_SUBMIT_ARGS", None)
    url = f"spark://127.0.0.1:{port}"

    def start(name: str, *options: str) -> subprocess.Popen[bytes]:
        log = (folder / f"{options[-1].rpartition('/')[2]}.log").open("wb")
        command = [str(spark_class), f"org.apache.spark.deploy.{name}", *options]
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)

    master = start("master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port()))
    workers = [
        start("worker.Worker", url, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port",
              str(free_port()), "--work-dir", str(folder / f"work{i}"))
        for i in range(2)
    ]  # fmt: skip
    yield url, workers
    for process in (*workers, master):
        process.terminate()
    for process in (*workers, master):
        process.wait(30)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-demo", action="store_true", help="all of the demo's households")


@pytest.fixture(scope="session")
def complete_journey() -> Path:
    """The Complete Journey, all 2,469 households."""
    return write_complete_journey(ROOT / "build" / "raw" / "complete_journey")


@pytest.fixture(scope="session")
def demo_raw(request: pytest.FixtureRequest, complete_journey: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every eighth of its households; with --whole-demo all."""
    if request.config.getoption("whole_demo"):
        return complete_journey
    folder = tmp_path_factory.mktemp("eighth")
    for file in complete_journey.iterdir():
        rows = pq.read_table(file)
        if "household_id" in rows.column_names:
            households = rows["household_id"].cast(pa.int64())
            rows = rows.filter(pc.equal(pc.bit_wise_and(households, 7), 0))
        pq.write_table(rows, folder / file.name)
        shutil.copystat(file, folder / file.name)
    return folder


@pytest.fixture(scope="session")
def demo_warehouse(
    request: pytest.FixtureRequest, demo_raw: Path, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The demo's data as of 2018-01-01, as `make demo` does it, and its features as of 2017-07-01."""
    warehouse = tmp_path_factory.mktemp("demo") / "warehouse"
    options = ["--input", str(demo_raw), "--as-of", "2018-01-01", "--warehouse", str(warehouse)]
    if request.config.getoption("whole_demo"):
        # A job of its own compiles its code; in the tests' session so many lines would take three times as long.
        done = submit("monthly", *options)
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        with tracked_beside_the_warehouse(), pytest.MonkeyPatch.context() as m:
            m.setattr(sys, "argv", ["monthly", *options])
            runpy.run_path(str(ROOT / "jobs" / "monthly.py"))["main"]()
    run_features(Context(Warehouse(spark, str(warehouse)), CONF, "complete_journey", Steps()), [dt.date(2017, 7, 1)])
    return warehouse
