"""What `conf/deploy` asks a scheduler to run: jobs that are there, options that they have, settings of `conf/spark`."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import CONF, ROOT

DEPLOY = CONF / "deploy"


def settings(name: str) -> dict[str, str]:
    """Of a file of conf/spark, those of SQL and Hadoop: sizes are where each manifest has them."""
    lines = (CONF / "spark" / f"{name}.conf").read_text().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {k: v for k, v in pairs if k.startswith(("spark.sql.", "spark.hadoop."))}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, set[str]]:
    """By job the options that it has."""
    found = {}
    for job in ("monthly", "maintain", "ingest", "assign_stream"):
        monkeypatch.setattr(sys, "argv", [job, "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / "jobs" / f"{job}.py"), run_name="__main__")
        assert end.value.code == 0
        found[job] = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    return found


def options(words: list[str]) -> set[str]:
    return {w.partition("=")[0] for w in words if w.startswith("--")}


def test_the_databricks_bundle_runs_month_and_housekeeping_with_the_wheel(known: dict[str, set[str]]) -> None:
    path = DEPLOY / "databricks" / "databricks.yml"
    bundle = yaml.safe_load(path.read_text())
    [job] = bundle["resources"]["jobs"].values()
    [cluster] = job["job_clusters"]
    assert cluster["new_cluster"]["spark_conf"] == settings("databricks")
    assert [t["task_key"] for t in job["tasks"]] == ["month", "housekeeping"]
    assert job["tasks"][1]["depends_on"] == [{"task_key": "month"}]
    for task in job["tasks"]:
        assert task["job_cluster_key"] == cluster["job_cluster_key"]
        python = task["spark_python_task"]
        file = (path.parent / python["python_file"]).resolve()
        assert file.is_file()
        assert options(python["parameters"]) <= known[file.stem]
        assert task["libraries"] == [{"whl": "../../../build/dist/*.whl"}]
    for folder in bundle["sync"]["paths"]:
        assert (path.parent / folder).is_dir()
    used = set(re.findall(r"\$\{var\.(\w+)\}", path.read_text()))
    assert used == set(bundle["variables"])


def test_the_kubernetes_application_runs_the_month(known: dict[str, set[str]]) -> None:
    app = yaml.safe_load((DEPLOY / "kubernetes" / "segmentation.yaml").read_text())
    assert (app["apiVersion"], app["kind"]) == ("sparkoperator.k8s.io/v1beta2", "SparkApplication")
    spec = app["spec"]
    assert spec["sparkConf"] == settings("kubernetes")
    file = Path(spec["mainApplicationFile"].removeprefix("local:///opt/segmentation/"))
    assert (ROOT / file).is_file()
    assert options(spec["arguments"]) <= known[file.stem]
    assert "--as-of=${AS_OF}" in spec["arguments"]


def test_the_cron_lines_find_what_they_run_in_the_environment_that_cron_gives(
    known: dict[str, set[str]], tmp_path: Path
) -> None:
    """With the project's own folder in place of /opt, and the submitted command shown instead of run."""
    text = (
        (DEPLOY / "crontab")
        .read_text()
        .replace("/opt/segmentation/.venv/bin", f"{tmp_path}:{Path(sys.executable).parent}")
    )
    lines = [s for s in text.replace("/opt/segmentation", str(ROOT)).splitlines() if not s.startswith("#")]
    environment = dict(s.split("=", 1) for s in lines if re.match(r"[A-Z]+=", s))
    for name in ("spark-submit", "flock"):  # both only say how they were called
        shown = tmp_path / name
        shown.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\n[ {name} = flock ] && shift 4 && exec "$@"; exit 3\n'
        )
        shown.chmod(0o755)
    jobs = [s.split(maxsplit=5) for s in lines if s[0].isdigit()]
    for *_, command in jobs:
        command = command.replace(r"\%", "%").replace("segmentation.log 2>&1", f"{tmp_path}/log 2>&1")
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert "exit code 3; see" in done.stdout, done.stderr
    called = [shlex.split(s) for s in (tmp_path / "called").read_text().splitlines() if s.startswith("spark-submit")]
    jobs_of = [words[3] for words in called]
    assert jobs_of == ["jobs/monthly.py", "jobs/ingest.py", "jobs/assign_stream.py", "jobs/maintain.py"]
    for words in called:
        assert (ROOT / words[2]).is_file()
        assert options(words[4:]) <= known[Path(words[3]).stem]
    assert re.fullmatch(r"\d{4}-\d\d-01", called[0][called[0].index("--as-of") + 1])
    assert shutil.which("spark-submit", path=str(Path(sys.executable).parent))
