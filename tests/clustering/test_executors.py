"""On a cluster of two workers an executor is killed (SIGKILL) in mid-sweep: nothing changes, to the bit."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from tests.conftest import ROOT

CUSTOMERS = 300_000  # 128 blocks, enough for a job to last while its executor dies
SEEDING, ITERATION = "job 2", "job 8"  # job 0 measures the reach, 1 to 4 draw the pool, 5 weighs it, 6 to 17 iterate


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


def kill_an_executor(workers: list[subprocess.Popen[bytes]]) -> None:
    """SIGKILL to the executor's JVM under a worker; its Python workers end with it."""
    found: list[str] = []
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        # The newest: that of a sweep before may still be on its way out.
        command = ["pgrep", "--newest", "--parent", str(workers[0].pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    os.kill(int(found[0]), signal.SIGKILL)


def sweep(master: str, workers: list[subprocess.Popen[bytes]], kill_at: str | None = None) -> str:
    """What the sweep found, as a hash; an executor is killed as soon as `kill_at` is said."""
    arguments = [
        "--master", master, "--conf", "spark.executor.memory=700m", "--conf", "spark.executor.cores=1",
        "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false", "pyspark-shell",
    ]  # fmt: skip
    environment = os.environ | {
        "PYSPARK_SUBMIT_ARGS": " ".join(arguments), "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.clustering.swept", str(CUSTOMERS)]
    said: list[str] = []
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if line.strip() == kill_at:
                kill_an_executor(workers)
        code = process.wait(60)
        log.seek(0)
        errors = log.read()
    assert code == 0, errors[-3000:]
    if kill_at is not None:
        assert kill_at in said
        assert "Lost executor" in errors  # it was really lost, and Spark noticed
    return said[-1]


@pytest.fixture(scope="module")
def undisturbed(cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> str:
    found = sweep(*cluster)
    assert found.startswith("found ")
    return found


@pytest.mark.faults
@pytest.mark.parametrize("when", [SEEDING, ITERATION, "fitted"], ids=["seeding", "iteration", "last passes"])
def test_a_killed_executor_changes_no_bit(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], undisturbed: str, when: str
) -> None:
    assert sweep(*cluster, when) == undisturbed


@pytest.mark.faults
def test_one_machine_finds_the_same_as_the_cluster(undisturbed: str) -> None:
    assert sweep("local[2]", []) == undisturbed
