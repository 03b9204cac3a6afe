"""MLflow has every fit where it is within reach, and stops nothing where it is not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from segmentation.io.tracking import Tracker
from segmentation.matrix import Preprocessor, Slot
from tests.tracking import client

PARAMS = {"dimension": "transactional", "k": 3, "model_version": "20180101-1"}
CURVE = [{"k": 2, "sse": 9.0}, {"k": 3, "sse": 4.0}]


pytestmark = pytest.mark.usefixtures("no_server")


def model() -> PipelineModel:
    return Preprocessor("transactional", "true", (Slot("x", "x", "x * 2.0D"),), (), 1.0, 3).stages()


def test_a_server_that_is_down_is_a_warning_within_seconds(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    start = time.monotonic()
    tracker = Tracker(str(tmp_path))
    assert tracker.warning is not None
    assert tracker.warning.startswith("MLflow is out of reach (")
    assert "127.0.0.1" in tracker.warning
    assert tracker.warning.endswith("): a fit is in Delta only until a month reaches it")
    assert "\n" not in tracker.warning
    assert tracker.log_fit("fit", model(), PARAMS, {}, CURVE, {"x": "double"}) is None
    tracker.set_alias("transactional", "0123", "champion")
    # MLflow's own default is seven tries with growing pauses, minutes in all.
    assert time.monotonic() - start < 20
    assert list(tmp_path.iterdir()) == []


def test_a_fit_is_logged_and_registered_beside_the_warehouse(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = tmp_path / "Anna's shop"
    tracker = Tracker(str(warehouse))
    tracker.begin_bundle("20180101-1", {"model_version": "20180101-1"})
    assert not tracker.has_bundle("20180101-1")  # as long as it is not complete
    inputs = {"x": "decimal(18,2)", "band": "string", "n": "long"}
    run_id = tracker.log_fit("transactional 2018-01-01", model(), PARAMS, {"silhouette": 0.25}, CURVE, inputs)
    tracker.end_bundle([{"k": 2, "seed": 11}, {"k": 3, "seed": 11}], [("transactional-silhouette", b"png")])
    assert tracker.has_bundle("20180101-1")
    assert not tracker.has_bundle("20180101-2")
    assert tracker.warning is None
    assert run_id is not None
    assert tracker.run_of("transactional", "20180101-1") == run_id
    assert tracker.run_of("behavioral", "20180101-1") is None
    assert "MLFLOW_TRACKING_URI" not in os.environ
    run = client(warehouse).get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.runName"] == "transactional 2018-01-01"
    assert run.data.params == {"dimension": "transactional", "k": "3", "model_version": "20180101-1"}
    assert run.data.metrics["silhouette"] == 0.25
    parent = client(warehouse).get_run(run.data.tags["mlflow.parentRunId"])
    assert (parent.info.run_name, parent.info.status) == ("bundle 20180101-1", "FINISHED")
    assert parent.data.params == {"model_version": "20180101-1"}
    assert mlflow.active_run() is None
    folder = Path(parent.info.artifact_uri.removeprefix("file://"))
    assert json.loads((folder / "sweep.json").read_text()) == {"columns": ["k", "seed"], "data": [[2, 11], [3, 11]]}
    assert (folder / "pictures" / "transactional-silhouette.png").read_bytes() == b"png"
    signature = mlflow.models.get_model_info(f"runs:/{run_id}/model").signature
    assert {c.name: c.type.name for c in signature.inputs} == {"x": "double", "band": "string", "n": "long"}
    assert [c.name for c in signature.outputs] == ["cluster_id"]
    curve = client(warehouse).get_metric_history(run_id, "sweep_sse")
    assert [(m.step, m.value) for m in curve] == [(2, 9.0), (3, 4.0)]

    (version,) = client(warehouse).search_model_versions("name = 'segmentation-transactional'")
    assert version.run_id == run_id
    assert client(warehouse).get_registered_model("segmentation-transactional").aliases == {}
    tracker.set_alias("transactional", run_id, "challenger")
    assert client(warehouse).get_registered_model("segmentation-transactional").aliases.keys() == {"challenger"}
    tracker.set_alias("transactional", run_id, "champion")
    assert client(warehouse).get_registered_model("segmentation-transactional").aliases.keys() == {"champion"}
    assert client(warehouse).get_model_version_by_alias("segmentation-transactional", "champion").run_id == run_id

    files = [p for p in (warehouse / "mlflow-artifacts").rglob("*") if p.is_file()]
    assert [p for p in files if p.suffix in (".pkl", ".pickle", ".joblib")] == []
    (metadata,) = (p for p in files if p.match("sparkml/metadata/part-*"))
    rows = spark.createDataFrame([(1.5,)], "x double")
    loaded = PipelineModel.load(str(metadata.parents[1]))
    assert [r["features"].tolist() for r in loaded.transform(rows).collect()] == [[3.0]]


@pytest.mark.long
def test_each_warehouse_of_a_process_has_its_own_tracking_until_a_user_names_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        assert Tracker(str(tmp_path / name)).warning is None
        assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/{name}/mlflow.db"
        assert [e.name for e in client(tmp_path / name).search_experiments()] == ["segmentation", "Default"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/server.db")
    Tracker(str(tmp_path / "three"))
    assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/server.db"
    assert not (tmp_path / "three").exists()


def test_a_bundle_that_is_logged_in_part_does_not_pass_for_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker(str(tmp_path))
    tracker.begin_bundle("20180101-1", {"model_version": "20180101-1"})

    def lost(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(mlflow, "log_table", lost)
    tracker.end_bundle([{"k": 2}], [])
    assert tracker.warning is not None
    assert "(ConnectionError)" in tracker.warning
    assert mlflow.active_run() is None
    again = Tracker(str(tmp_path))
    assert again.warning is None
    assert not again.has_bundle("20180101-1")


def test_what_fails_on_the_way_is_a_warning_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = Tracker(str(tmp_path))

    def lost(**_: Any) -> None:
        raise ConnectionError("the server went away\nwith a long story")

    monkeypatch.setattr(mlflow, "start_run", lost)
    assert tracker.log_fit("fit", model(), PARAMS, {}, CURVE, {"x": "double"}) is None
    assert (
        tracker.warning
        == "MLflow is out of reach (the server went away): a fit is in Delta only until a month reaches it"
    )
    monkeypatch.undo()
    assert tracker.log_fit("fit", model(), PARAMS, {}, CURVE, {"x": "double"}) is None
    assert client(tmp_path).search_registered_models() == []
