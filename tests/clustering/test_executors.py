"""On a cluster of two workers an executor is killed (SIGKILL) in mid-sweep: nothing changes, to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from tests.conftest import ROOT
from tests.jobs.kills import kill_an_executor

CUSTOMERS = 300_000  # 128 blocks, enough for a job to last while its executor dies
SEEDING, ITERATION = "job 2", "job 8"  # job 0 measures the reach, 1 to 4 draw the pool, 5 weighs it, 6 to 17 iterate


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
                kill_an_executor(workers[0])
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
