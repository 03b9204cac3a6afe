"""A bundle: the models of all dimensions, as they come out of a fit and as they come back from the warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Row

from segmentation.clustering import Candidate, Choice
from segmentation.clustering.views import Array
from segmentation.core.errors import GuardError
from segmentation.core.schemas import SEGMENT_MODELS
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
    """The models of a bundle by dimension, from the warehouse alone. Raises GuardError for an altered file, LookupError
    for a bundle that was never published.

    Nothing is scored by a bundle of which a file is not what was published, though scoring reads the table alone.
    """
    rows = models_of(context, version)
    check_models(context.warehouse, {r["model_path"]: r["files_sha256"] for r in rows})
    return {
        r["dimension"]: Model(
            Preprocessor.from_json(r["preprocessor"]),
            np.array(r["centroids"], dtype=np.float64),
            tuple(r["segment_ids"]), tuple(r["segment_names"]), version,
        )
        for r in rows
    }  # fmt: skip


def bundle_of(run: Row) -> str:
    """The version of the bundle that a fit has published."""
    return version_of(run["as_of"], run["run_id"])


def trained_as_of(context: Context, bundle: str) -> dt.date:
    """The as-of date whose customers a bundle was fitted on."""
    found: dt.date = fit_of(context, bundle)["as_of"]
    return found


def names_of(models: Iterable[Row]) -> dict[str, str]:
    """The name of each segment, by id, of rows of `segment_models`."""
    return {s: name for r in models for s, name in zip(r["segment_ids"], r["segment_names"], strict=True)}


def models_of(context: Context, bundle: str) -> list[Row]:
    """The rows of `segment_models` of a published bundle, one a dimension. Raises LookupError for any other."""
    return models_of_fit(context, fit_of(context, bundle))


def models_of_fit(context: Context, run: Row) -> list[Row]:
    """The same of what a fit has published."""
    return context.warehouse.rows_of_run(SEGMENT_MODELS, run["as_of"], run["run_id"])


def fit_of(context: Context, bundle: str) -> Row:
    """The run that has fitted and published a bundle. Raises LookupError where none has."""
    found = next((r for r in context.runs.of("fit_segments") if bundle_of(r) == bundle), None)
    if found is None:
        raise LookupError(f"bundle {bundle} was never published")
    return found


def version_of(as_of: dt.date, run_id: str) -> str:
    """What the bundle of a fit is called: by its date, and the end of the run's id, which no other attempt has.

    >>> version_of(dt.date(2018, 1, 1), "0123456789abcdef-5788e153")
    '20180101-5788e153'
    """
    return f"{as_of:%Y%m%d}-{run_id[-8:]}"


def published_models(context: Context) -> list[Row]:
    """Of `segment_models` what its segments are called, of published runs: what a dead attempt wrote is no model."""
    published = {r["run_id"] for r in context.runs.of("fit_segments")}
    models = context.warehouse.read(SEGMENT_MODELS)
    rows = models.select("run_id", "dimension", "segment_ids", "segment_names").collect()
    return [r for r in rows if r["run_id"] in published]


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
