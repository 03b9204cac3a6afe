"""The DAG in a real Airflow, in an environment of its own (`make test-airflow`): a month, a refusal, a lost machine."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SUBMIT_FAST
from tests.published import published, table
from tests.shop import configure, two_kinds, write_sales

AIRFLOW = ROOT / "build" / "airflow" / "bin" / "airflow"
DAG = "segmentation_monthly"


class Installation:
    """An Airflow with an empty database; `run` is one run of the DAG, in this machine, as the scheduler does it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in ("PYSPARK_SUBMIT_ARGS", "PYTHONPATH")}
        self.environment = kept | {
            "AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "conf" / "deploy" / "airflow"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "SEGMENTATION_HOME": str(ROOT),
        } | environment  # fmt: skip
        self("db", "migrate")

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(AIRFLOW), *command], env=self.environment, capture_output=True, text=True, check=False
        )

    def run(self, day: str) -> tuple[bool, str]:
        done = self("dags", "test", DAG, day)
        said = done.stdout + done.stderr
        return "state=success" in said.replace("state: success", "state=success") and done.returncode == 0, said


@pytest.fixture
def airflow(tmp_path: Path) -> Installation:
    configure(tmp_path / "conf")
    raw = write_sales(tmp_path / "raw", two_kinds())
    options = f"--config {tmp_path}/conf --source shop --warehouse {tmp_path}/warehouse"
    return Installation(
        tmp_path, SEGMENTATION_SUBMIT=shlex.join(SUBMIT_FAST), SEGMENTATION_OPTIONS=options, SEGMENTATION_INPUT=str(raw)
    )


@pytest.mark.airflow
def test_the_dag_has_no_import_errors_and_runs_a_month_and_housekeeping(airflow: Installation, tmp_path: Path) -> None:
    assert "No data found" in airflow("dags", "list-import-errors").stdout
    succeeded, said = airflow.run("2024-07-01T06:00:00+00:00")
    assert succeeded, said[-3000:]
    assert len(published(tmp_path / "warehouse", "segments", dt.date(2024, 7, 1))) > 0
    jobs = set(table(tmp_path / "warehouse", "runs")["job"])
    assert {"ingest", "build_features", "fit_segments", "monthly"} <= jobs
    assert "files taken away" in said or "maintain:" in said


@pytest.mark.airflow
def test_a_refusal_fails_at_once_and_anything_else_is_tried_again(tmp_path: Path) -> None:
    airflow = Installation(tmp_path, SEGMENTATION_SUBMIT="sh -c 'exit 3'", SEGMENTATION_OPTIONS="--warehouse nowhere")
    succeeded, said = airflow.run("2024-07-01T06:00:00+00:00")
    assert not succeeded
    assert "monthly: exit code 3, refused by a guard" in said
    for code, raised in ((4, "AirflowFailException"), (137, "RuntimeError")):
        environment = airflow.environment | {"SEGMENTATION_SUBMIT": f"sh -c 'exit {code}'"}
        call = "import segmentation_monthly as m; m.submit('monthly')"
        done = subprocess.run(
            [str(AIRFLOW.with_name("python")), "-c", call], capture_output=True, text=True, check=False,
            env=environment | {"PYTHONPATH": str(ROOT / "conf" / "deploy" / "airflow")},
        )  # fmt: skip
        assert f"{raised}: monthly: exit code {code}" in done.stderr
