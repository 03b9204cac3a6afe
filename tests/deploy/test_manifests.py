"""What `conf/deploy` asks a scheduler to run: jobs that are there, options that they have, settings of `conf/spark`."""

from __future__ import annotations

import re
import shlex
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


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """By job the options that it has."""
    found = {}
    for job in ("monthly", "maintain"):
        done = subprocess.run(
            [sys.executable, f"jobs/{job}.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found[job] = set(re.findall(r"--[a-z-]+", done.stdout))
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


def test_the_cron_line_runs_the_month(known: dict[str, set[str]]) -> None:
    [line] = [s for s in (DEPLOY / "crontab").read_text().splitlines() if s.startswith("0 6 1 * *")]
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    words = shlex.split(command)
    after = words[words.index("jobs/monthly.py") + 1 :]
    assert options(after) <= known["monthly"]
    assert (ROOT / words[words.index("--properties-file") + 1]).is_file()
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
