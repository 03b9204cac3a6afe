"""MLflow's aliases say what `promotions` says, dimension by dimension."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from segmentation.io.tracking import EXPERIMENT, Tracker
from segmentation.pipeline.tracked import mirror
from tests.tracking import client

pytestmark = pytest.mark.usefixtures("no_server")


def logged(registry: MlflowClient, dimension: str, version: str) -> dict[str, Any]:
    """A row of segment_models, and its model in the registry."""
    experiment = registry.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    run = registry.create_run(experiment.experiment_id)
    for name, value in (("dimension", dimension), ("model_version", version)):
        registry.log_param(run.info.run_id, name, value)
    name = f"segmentation-{dimension}"
    if not registry.search_registered_models(f"name = '{name}'"):
        registry.create_registered_model(name)
    registry.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
    return {"dimension": dimension, "model_version": version, "mlflow_run_id": run.info.run_id}


def aliases(registry: MlflowClient) -> dict[str, dict[str, int]]:
    """By dimension alias → version in the registry."""
    found = registry.search_registered_models()
    return {m.name.removeprefix("segmentation-"): {a: int(v) for a, v in m.aliases.items()} for m in found}


def test_a_champion_takes_the_alias_in_each_of_its_dimensions_and_from_those_that_it_does_without(
    tmp_path: Path,
) -> None:
    Tracker(str(tmp_path))
    registry = client(tmp_path)
    context: Any = SimpleNamespace(warehouse=SimpleNamespace(root=str(tmp_path)))
    first = [logged(registry, d, "20180101-1") for d in ("transactional", "psychographic")]
    mirror(context, first, "champion")  # type: ignore[arg-type]
    assert aliases(registry) == {"transactional": {"champion": 1}, "psychographic": {"champion": 1}}
    second = [logged(registry, "transactional", "20180201-1")]
    second[0]["mlflow_run_id"] = None  # out of reach at the fit, logged later
    mirror(context, second, "challenger")  # type: ignore[arg-type]
    assert aliases(registry)["transactional"] == {"champion": 1, "challenger": 2}
    mirror(context, second, "champion")  # type: ignore[arg-type]
    assert aliases(registry) == {"transactional": {"champion": 2}, "psychographic": {}}
    mirror(context, first, "champion")  # type: ignore[arg-type]
    assert aliases(registry) == {"transactional": {"champion": 1}, "psychographic": {"champion": 1}}
