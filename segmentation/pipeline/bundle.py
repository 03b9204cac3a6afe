"""A bundle: the models of all dimensions, as they come out of a fit and as they come back from the warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import Candidate, Choice
from segmentation.clustering.views import Array
from segmentation.core.errors import GuardError
from segmentation.core.schemas import RUNS, SEGMENT_MODELS
from segmentation.io.models import check_models
from segmentation.matrix import NOTHING, Preprocessor
from segmentation.pipeline.context import Context
from segmentation.segments import Model


@dataclass(frozen=True)
class Fitted:
    """One dimension's outcome, before it has ids and names."""

    preprocessor: Preprocessor
    centroids: Array
    choice: Choice
    candidates: list[Candidate]
    customers: int

    def model(self, version: str, ids: tuple[str, ...], names: tuple[str, ...]) -> Model:
        """What scoring needs."""
        return Model(self.preprocessor, self.centroids, ids, names, version)


def load_bundle(context: Context, version: str) -> dict[str, Model]:
    """The models of a bundle by dimension, from the warehouse alone. Raises GuardError for an altered file.

    Nothing is scored by a bundle of which a file is not what was published, though scoring reads the table alone.
    """
    rows = context.warehouse.read(SEGMENT_MODELS).where(F.col("model_version") == version).collect()
    check_models(context.warehouse, {r["model_path"]: r["files_sha256"] for r in rows})
    return {
        r["dimension"]: Model(
            Preprocessor.from_json(r["preprocessor"]),
            np.array(r["centroids"], dtype=np.float64),
            tuple(r["segment_ids"]), tuple(r["segment_names"]), version,
        )
        for r in rows
    }  # fmt: skip


def bundle_of(context: Context, run: Row) -> str:
    """The version of the bundle that a fit has published."""
    row = context.warehouse.read(SEGMENT_MODELS).where(F.col("run_id") == run["run_id"]).first()
    assert row is not None  # it has published one
    return str(row["model_version"])


def trained_as_of(context: Context, bundle: str) -> dt.date:
    """The as-of date whose customers a bundle was fitted on."""
    models = context.warehouse.read(SEGMENT_MODELS).where(F.col("model_version") == bundle)
    row = models.select("trained_as_of").first()
    assert row is not None  # somebody has it in effect
    found: dt.date = row["trained_as_of"]
    return found


def names_of(models: DataFrame) -> dict[str, str]:
    """The name of each segment, by id, of rows of `segment_models`."""
    pairs = models.select(F.explode(F.arrays_zip("segment_ids", "segment_names")).alias("s")).select("s.*")
    return {r["segment_ids"]: r["segment_names"] for r in pairs.collect()}


def published_models(context: Context) -> DataFrame:
    """The rows of `segment_models` of published runs: what a dead attempt wrote is no model."""
    models, runs = context.warehouse.read(SEGMENT_MODELS), context.warehouse.read(RUNS)
    return models.join(runs, on="run_id", how="left_semi")


def check_features(context: Context, models: Mapping[str, Model]) -> None:
    """A bundle scores by the features it was fitted on; one that is gone would be imputed for everybody."""
    for model in models.values():
        for feature in lacking(context, model):
            raise GuardError(
                f'bundle {model.version}: {model.dimension} was fitted on "{feature}", which is off or gone. '
                "Bring it back in conf/, or start another --warehouse."
            )


def lacking(context: Context, model: Model) -> list[str]:
    """The features that a model was fitted on and that are off or gone: it cannot score without them."""
    on = {f.name for f in context.registry.features if not f.off_because}
    return [s.feature for s in model.preprocessor.fitted if s != NOTHING and s.feature not in on]
