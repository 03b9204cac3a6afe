"""What MLflow is told of a bundle, from the rows of its tables: at its fit, or later where it was out of reach then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import Row, SparkSession
from pyspark.sql.types import StructType

from segmentation.core.config import sql_columns
from segmentation.core.errors import GuardError
from segmentation.core.schemas import ALL_DIMENSIONS, K_SELECTION, K_SWEEP
from segmentation.io.tracking import OUT_OF_REACH, Tracker
from segmentation.pipeline.bundle import bundle_of, load_bundle, models_of_fit
from segmentation.pipeline.context import Context
from segmentation.reports import view
from segmentation.reports.figures import Index, curve
from segmentation.reports.style import to_png
from segmentation.segments import Model

CURVE = ("sse", "silhouette", "davies_bouldin", "calinski_harabasz", "min_share", "stability")
PICTURES: dict[Index, str] = {"silhouette": "Mean silhouette", "stability": "Adjusted Rand index"}
Rows = Sequence[Mapping[str, Any]]


def begin(tracker: Tracker, version: str, as_of: str) -> None:
    """The run that those of the bundle's dimensions are children of."""
    tracker.begin_bundle(version, {"model_version": version, "as_of": as_of})


def track(
    tracker: Tracker, spark: SparkSession, model: Model, row: Mapping[str, Any], sweep: Rows, selection: Rows,
    features: StructType,
) -> str | None:  # fmt: skip
    """Logs one dimension's fit: its MLflow run id, or None where tracking is out of reach.

    row: of `segment_models`; sweep, selection: all of the fit's rows of `k_sweep` and `k_selection`; features: the
    schema of `customer_features`.
    """
    shown = _choice(sweep, selection, model.dimension)
    params = {"dimension": model.dimension, "model_version": model.version, "as_of": row["as_of"].isoformat(),
              "k": len(model.centroids), "structure": shown.structure, "reason": shown.reason[:500],
              "run_id": row["run_id"], "features": len(model.preprocessor.names),
              "customers": row["training_customers"]}  # fmt: skip
    by_k = [{"k": c.k, **{name: v for name in CURVE if (v := getattr(c, name)) is not None}} for c in shown.best]
    types = {f.name: f.dataType.typeName() for f in features}
    reads = {c for s in model.preprocessor.fitted for c in sql_columns(s.sql, s.name) if c in types}
    name = f"{model.dimension} {row['as_of']}"
    inputs = {c: types[c] for c in sorted(reads)}
    return tracker.log_fit(name, model.pipeline(spark), params, dict(row["metrics"]), by_k, inputs)


def end(tracker: Tracker, sweep: Rows, selection: Rows) -> None:
    """Completes the parent run: the sweep as a table, and pictures of each choice of k."""
    kept = [{name: str(v) if name == "as_of" else v for name, v in row.items()} for row in sweep]
    tracker.end_bundle(kept, _pictures(sweep, selection))


def mirror(context: Context, models: Iterable[Row], alias: str) -> None:
    """Tells MLflow's registry what `promotions` says of a bundle: rows of its `segment_models`.

    A dimension that the bundle does without has no model of that alias any more.
    """
    tracker = Tracker(context.warehouse.root)
    of = {m["dimension"]: m for m in models}
    for dimension in ALL_DIMENSIONS:
        if m := of.get(dimension):
            tracker.set_alias(dimension, m["mlflow_run_id"] or tracker.run_of(dimension, m["model_version"]), alias)
        else:
            tracker.clear_alias(dimension, alias)


def log_missed(context: Context) -> None:
    """Logs the published bundles whose fit found MLflow out of reach, each once; nothing where it still is.

    In `segment_models` their mlflow_run_id stays null: published rows do not change. MLflow's run names the bundle.
    """
    missed = [r for r in context.runs.of("fit_segments") if any(n.startswith(OUT_OF_REACH) for n in r["notes"])]
    if not missed:
        return
    tracker = Tracker(context.warehouse.root)
    for run in missed:
        if tracker.warning:
            return
        version = bundle_of(run)
        if tracker.has_bundle(version):
            continue
        rows = models_of_fit(context, run)
        try:
            log_bundle(context, tracker, run, rows)
        except GuardError as error:  # the month is published, and may be by another bundle
            context.steps.say(f"  warning                 {error}")
            continue
        if context.runs.newest_champion() == version:
            mirror(context, rows, "champion")
        if not tracker.warning:
            context.steps.say(f"  MLflow                  has bundle {version} now; it was out of reach at the fit")


def log_bundle(context: Context, tracker: Tracker, run: Row, rows: Sequence[Row]) -> None:
    """Logs what a fit has published: `rows` of `segment_models`. Raises GuardError for an altered file."""
    warehouse = context.warehouse
    sweep, selection = (
        [r.asDict() for r in warehouse.rows_of_run(table, run["as_of"], run["run_id"])]
        for table in (K_SWEEP, K_SELECTION)
    )
    version = bundle_of(run)
    models = load_bundle(context, version)
    features = warehouse.read(context.registry.table).schema
    begin(tracker, version, run["as_of"].isoformat())
    for r in rows:
        track(tracker, warehouse.spark, models[r["dimension"]], r.asDict(), sweep, selection, features)
    end(tracker, sweep, selection)


def _choice(sweep: Rows, selection: Rows, dimension: str) -> view.Choice:
    found = view.choice(pd.DataFrame(list(sweep)), pd.DataFrame(list(selection)), dimension)
    assert found is not None  # it was fitted
    return found


def _pictures(sweep: Rows, selection: Rows) -> Iterator[tuple[str, bytes]]:
    """Silhouette and stability over k, of each dimension."""
    for row in selection:
        shown = _choice(sweep, selection, row["dimension"])
        for index, title in PICTURES.items():
            spec = curve(shown, index, title)
            if spec:
                yield f"{row['dimension']}-{index}", to_png(spec)
