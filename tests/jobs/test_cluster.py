"""The monthly job on a standalone cluster, submitted with the wheel as README says: what one machine publishes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, submit
from tests.jobs import kills
from tests.published import published, row_hash
from tests.shop import configure, two_kinds, write_sales

AS_OF = dt.date(2024, 7, 1)


@pytest.mark.faults
def test_a_cluster_publishes_what_one_machine_does_and_so_it_does_when_executors_die(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    """SIGKILL to one as the fit begins, and to another as the scoring does."""
    master, workers = cluster
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    assert subprocess.run(build, capture_output=True, text=True, check=False).returncode == 0
    (wheel,) = tmp_path.glob("segmentation-*.whl")
    configure(tmp_path / "conf")
    raw = write_sales(tmp_path / "raw", two_kinds())
    options = ["--config", str(tmp_path / "conf"), "--source", "shop", "--input", str(raw), "--as-of", str(AS_OF)]
    alone = submit("monthly", *options, "--warehouse", str(tmp_path / "alone"), fast=True)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    # Delta's JARs from this folder instead of Maven, and as little memory as the workers have.
    jars = ",".join(sorted(map(str, (ROOT / "build" / "jars").glob("*.jar"))))
    command = [
        "spark-submit", "--properties-file", "conf/spark/standalone.conf", "--master", master,
        "--conf", "spark.jars.packages=", "--jars", jars, "--conf", "spark.executor.memory=900m",
        "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.sql.shuffle.partitions=4", "--py-files", str(wheel),
        "jobs/monthly.py", *options, "--warehouse",
    ]  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if k not in ("PYSPARK_SUBMIT_ARGS", "MLFLOW_TRACKING_URI")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = kept | {"PATH": path, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    for side, killed_at in (("together", ()), ("bereaved", ("customer_features", "segment_models"))):
        with (tmp_path / f"{side}.log").open("w+") as log:
            job = subprocess.Popen([*command, str(tmp_path / side)], cwd=ROOT, env=environment, stdout=log, stderr=log)
            for worker, name in zip(workers, killed_at, strict=False):
                kills.wait_for(job, tmp_path / side, name, 1)
                kills.kill_an_executor(worker)
            code = job.wait()
            log.seek(0)
            said = log.read()
        assert code == 0, said[-3000:]
        assert said.count("Lost executor") >= len(killed_at)
        for name in ("segments", "segment_profiles", "customer_features", "k_sweep", "population"):
            one, other = (published(tmp_path / of, name, AS_OF) for of in ("alone", side))
            assert len(one) > 0
            assert row_hash(one) == row_hash(other), f"{name}, {side}"
