"""A job as its own process, and SIGKILL to it as soon as a table has a certain commit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.conftest import ROOT, SUBMIT_FAST, job_environment


def start(job: str, *options: str) -> subprocess.Popen[bytes]:
    """`spark-submit` of a job, in a process group of its own."""
    return subprocess.Popen(
        [*SUBMIT_FAST, f"jobs/{job}.py", *options],
        cwd=ROOT, env=job_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def kill_behind(job: subprocess.Popen[bytes], warehouse: Path, name: str, version: int) -> None:
    """SIGKILL to the driver and its workers as soon as the table has the commit."""
    wait_for(job, warehouse, name, version)
    os.killpg(job.pid, signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL


def wait_for(job: subprocess.Popen[bytes], warehouse: Path, name: str, version: int) -> None:
    """Returns as soon as the table has the commit."""
    commit = log(warehouse, name) / f"{version:020d}.json"
    deadline = time.monotonic() + 300
    while not commit.exists():
        assert job.poll() is None, f"the job ended before {name} was written"
        assert time.monotonic() < deadline, f"{name} was not written within 300 s"
        time.sleep(0.005)


def kill_an_executor(worker: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the executor's JVM under a worker; its Python workers end with it."""
    found: list[str] = []
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        # The newest: that of an application before may still be on its way out.
        command = ["pgrep", "--newest", "--parent", str(worker.pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    os.kill(int(found[0]), signal.SIGKILL)


def log(warehouse: Path, name: str) -> Path:
    """Where a table's commits are."""
    return warehouse / "segmentation" / name / "_delta_log"
