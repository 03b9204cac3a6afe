"""MLflow is told of a bundle what its tables say: the same at its fit, and later where it was out of reach then."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import SEGMENT_MODELS
from segmentation.io import Warehouse
from segmentation.io.tracking import Tracker
from segmentation.pipeline import Context, Steps
from segmentation.pipeline.tracked import log_bundle, log_missed
from tests.conftest import CONF
from tests.published import published, table
from tests.shop import open_shop
from tests.tracking import client

pytestmark = pytest.mark.usefixtures("no_server")


def logged(folder: Path) -> dict[str, Any]:
    """By name of the run: parameters, metrics with their steps, and the table of the sweep."""
    held = client(folder)
    experiment = held.get_experiment_by_name("segmentation")
    found = {}
    for run in held.search_runs([experiment.experiment_id]):
        history = {m: sorted((x.step, x.value) for x in held.get_metric_history(run.info.run_id, m))
                   for m in run.data.metrics}  # fmt: skip
        artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
        sweep = artifacts / "sweep.json"
        pictures = sorted(p.name for p in artifacts.glob("pictures/*"))
        rows = json.loads(sweep.read_text())["data"] if sweep.exists() else []
        assert run.info.run_name not in found
        found[run.info.run_name] = (run.info.status, run.data.params, history, sorted(map(str, rows)), pictures)
    return found


@pytest.mark.long
def test_logged_later_it_is_what_was_logged_at_the_fit(
    spark: SparkSession, demo_warehouse: Path, tmp_path: Path
) -> None:
    context = Context(Warehouse(spark, str(demo_warehouse)), CONF, "complete_journey", Steps())
    fit = context.runs.latest("fit_segments")
    assert fit is not None
    rows = context.warehouse.read_run(SEGMENT_MODELS, fit["as_of"], fit["run_id"]).collect()
    log_bundle(context, Tracker(str(tmp_path)), fit, rows)
    then, later = logged(demo_warehouse), logged(tmp_path)
    assert len(then) == 7  # the bundle and its six dimensions
    assert later == then


def test_a_bundle_of_which_mlflow_was_out_of_reach_is_logged_once_it_is_not(
    spark: SparkSession, shop: Path, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    models = published(warehouse, "segment_models", dt.date(2024, 5, 1))
    assert models["mlflow_run_id"].isna().all()
    [version] = set(models["model_version"])
    with pytest.MonkeyPatch.context() as m:
        m.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        log_missed(context)  # out of reach still
    assert not (warehouse / "mlflow.db").exists()
    assert "MLflow" not in capsys.readouterr().out
    for _ in range(2):
        log_missed(context)
    assert capsys.readouterr().out.count(f"has bundle {version} now; it was out of reach at the fit") == 1
    found = logged(warehouse)
    assert {name for name, (status, *_) in found.items() if status == "FINISHED"} == {
        f"bundle {version}", *(f"{d} 2024-05-01" for d in models["dimension"])}  # fmt: skip
    assert len(found[f"bundle {version}"][3]) == len(published(warehouse, "k_sweep", dt.date(2024, 5, 1)))
    held = client(warehouse)
    for d in models["dimension"]:
        champion = held.get_model_version_by_alias(f"segmentation-{d}", "champion")
        assert held.get_run(champion.run_id).data.params["model_version"] == version
    assert len(table(warehouse, "segment_models")) == len(models)
