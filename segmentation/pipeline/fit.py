"""Features of one as-of date to a bundle of six models, gated and, where none serves yet, promoted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import Candidate, Choice, SweepConfig, Swept, Weighed, adopt, choose, run_sweep
from segmentation.clustering.views import Array
from segmentation.core.config import load
from segmentation.core.errors import BadInputError, GuardError
from segmentation.core.schemas import K_SELECTION, K_SWEEP, SEGMENT_MODELS, UNIFIED
from segmentation.io.models import load_model, save_model
from segmentation.io.runs import Run, new_run
from segmentation.io.tracking import Tracker
from segmentation.matrix import Preprocessor, fit_preprocessor, hash_sample, unify
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import Dimensions, load_dimensions
from segmentation.pipeline.features import tiles_before
from segmentation.pipeline.population import Everyone, read_everyone
from segmentation.segments import (
    Model,
    beyond_chance,
    cluster_means,
    load_personas,
    name_segments,
    segment_ids,
    segment_rows,
)
from segmentation.segments.profiles import EVERYONE, difference

ALL = "all"


@dataclass(frozen=True)
class Fitted:
    """One dimension's outcome, before it has ids and names."""

    preprocessor: Preprocessor
    stages: PipelineModel
    centroids: Array
    choice: Choice
    candidates: list[Candidate]
    customers: int

    def model(self, version: str, ids: tuple[str, ...], names: tuple[str, ...]) -> Model:
        """What scoring needs."""
        return Model(self.preprocessor, self.stages, self.centroids, ids, names, version)


def run_fit(context: Context, as_of: dt.date) -> Row:
    """Fits, gates and publishes a bundle on the features of those scored at `as_of`; returns the published run.

    Where no bundle is in effect at `as_of`, it is promoted. Raises BadInputError where the features are missing,
    GuardError where a gate refuses or nobody is left to score.
    """
    features_run = context.runs.latest("build_features", as_of)
    if features_run is None:
        raise BadInputError(
            f"no features are published as of {as_of}. Run jobs/build_features.py --as-of {as_of} first."
        )
    config = context.config_files(
        "population.yml", "sweep.yml", "dimensions.yml", "personas.yml", *context.feature_files()
    )
    run = new_run("fit_segments", as_of, config, {"features": features_run["run_id"]})
    done = context.runs.published(run.run_key)
    if done is None or context.restate:
        done = _fit_and_publish(context, as_of, run, features_run)
    else:
        context.steps.say(f"fit_segments: {as_of} is published already (run {done['run_id']})")
    _promote_first(context, as_of, done)
    return done


def _fit_and_publish(context: Context, as_of: dt.date, run: Run, features_run: Row) -> Row:
    steps, warehouse = context.steps, context.warehouse
    sweep = load(context.config / "sweep.yml", SweepConfig)
    dimensions = load_dimensions(context.config, context.registry)
    steps.say(f"fit_segments: as of {as_of}, k = {sweep.k_min}..{sweep.k_max}, seeds {sweep.seeds}")
    context.create_tables()
    everyone = read_everyone(context, as_of, features_run)
    features = everyone.features
    tiles = tiles_before(context, as_of, features_run)
    version = f"{as_of:%Y%m%d}-{run.run_id[-8:]}"
    fitted, notes = _fit_all(context, everyone, sweep, dimensions)
    models = _named(context, fitted, features, dimensions, tiles, as_of, version)
    tracker = Tracker(warehouse.root)
    rows = []
    with steps.step("models") as facts:
        for model in models:
            f = fitted[model.dimension]
            path, files = save_model(warehouse, model.stages, model.dimension, version)
            _gate(context, model, path, files, features)
            mlflow_run = _track(tracker, f, model, as_of, run)
            rows.append(_model_row(as_of, run, f, model, path, files, mlflow_run))
        facts.append(f"{len(models)} saved, reloaded and checked; bundle {version}")
    if tracker.warning:
        notes.append(tracker.warning)
        steps.say(f"  warning                 {tracker.warning}")
    versions = {}
    for table, values in (
        (K_SWEEP, [_sweep_row(as_of, run, d, c) for d, f in fitted.items() for c in f.candidates]),
        (K_SELECTION, [_selection_row(as_of, run, d, f.choice) for d, f in fitted.items()]),
        (SEGMENT_MODELS, rows),
    ):
        versions[table.name] = warehouse.write_attempt(table, warehouse.frame(table, values), as_of, run.run_id)
    everyone.release()
    return context.runs.publish(
        run.finish(output_versions=versions, input_versions=dict(features_run["output_versions"]),
                   rows_in=everyone.scored, rows_out=len(rows), verdict=f"bundle {version}", notes=notes),
        context.restate,
    )  # fmt: skip


def _fit_all(
    context: Context, everyone: Everyone, sweep: SweepConfig, dimensions: Dimensions
) -> tuple[dict[str, Fitted], list[str]]:
    features = everyone.features
    parts: list[Preprocessor] = []
    notes: list[str] = []
    with context.steps.step("preprocessing") as facts:
        for name, dimension in dimensions.items():
            columns = context.registry.fitted(name)
            members = features.where(F.expr(dimension.has_data)).select("customer_id", *(f.name for f in columns))
            sample = hash_sample(members, sweep.sample_size, sweep.sample_seed) if columns else None
            if sample is None or sample.empty:
                why = "the source has nothing for it" if sample is None else "no customer has data"
                notes.append(f"{name} is skipped: {why}")
                continue
            parts.append(fit_preprocessor(name, dimension.has_data, columns, sample, sweep.max_correlation))
        facts.append(f"{sum(len(p.fitted) for p in parts)} slots in {len(parts)} dimensions")
    for note in notes:
        context.steps.say(f"  skipped                 {note}")
    if not parts:
        raise BadInputError("no dimension has data: there is nothing to segment. Check the source mapping.")
    unified = unify(UNIFIED, parts, {name: dimension.weight for name, dimension in dimensions.items()})
    with context.steps.step("sweep") as facts:
        swept = run_sweep(sweep, features, parts, unified, everyone.scored)
        facts.append(f"{sum(len(s.candidates) for s in swept.values())} candidates by {sweep.engine}")
    return {p.dimension: _fitted(context, p, swept[p.dimension], sweep) for p in (*parts, unified)}, notes


def _fitted(context: Context, p: Preprocessor, swept: Swept, sweep: SweepConfig) -> Fitted:
    choice = choose(sweep, p.dimension, swept)
    chosen, stages = choice.candidate, p.stages()
    centroids = chosen.centroids if chosen else np.zeros((1, len(p.names)))
    model = PipelineModel([*stages.stages, adopt(context.warehouse.spark, chosen.centroids)]) if chosen else stages
    what = f"k={chosen.k}" if chosen else "one segment"
    context.steps.say(
        f"  {p.dimension:<24}{swept.customers:>9,} customers, {len(p.names)} slots, "
        f"{len(swept.candidates)} candidates: {what}"
    )  # fmt: skip
    return Fitted(p, model, centroids, choice, swept.candidates, swept.customers)


def _named(
    context: Context,
    fitted: Mapping[str, Fitted],
    features: DataFrame,
    dimensions: Dimensions,
    tiles: DataFrame,
    as_of: dt.date,
    version: str,
) -> list[Model]:
    """Ids by lifetime revenue a customer, and names by what is true of the training customers."""
    personas = load_personas(context.config, context.registry.meant_for_fit)
    with context.steps.step("names") as facts:
        clusters = {d: tuple(str(c) for c in range(len(f.centroids))) for d, f in fitted.items()}
        rows = [segment_rows(d, f.model(version, clusters[d], clusters[d]), features, dimensions.conditions)
                for d, f in fitted.items()]  # fmt: skip
        assigned = rows[0]
        for more in rows[1:]:
            assigned = assigned.unionByName(more)
        assigned = assigned.select("customer_id", "dimension", "segment_id").persist()
        means = cluster_means(assigned, features, {d: f.preprocessor for d, f in fitted.items()})
        revenue = _revenue(assigned, tiles)
        models = []
        for d, f in fitted.items():
            of = [means.get((d, c)) for c in clusters[d]]
            sizes = [m.customers if m else 0 for m in of]
            z = [beyond_chance(difference(m, means.get((d, EVERYONE))), m.counts) if m else {} for m in of]
            if f.choice.candidate is None:
                models.append(f.model(version, (ALL,), ("All customers",)))
            else:
                ids = segment_ids(d, as_of, [revenue.get((d, c), 0.0) for c in clusters[d]])
                models.append(f.model(version, ids, name_segments(personas, d, z, sizes)))
        assigned.unpersist()
        facts.append(f"{sum(len(m.segment_ids) for m in models)} segments")
    return models


def _revenue(assigned: DataFrame, tiles: DataFrame) -> dict[tuple[str, str], float]:
    """Lifetime revenue a customer, by dimension and segment."""
    money = tiles.groupBy("customer_id").agg(F.sum("net_amount").alias("money"))
    rows = assigned.join(money, on="customer_id", how="left").groupBy("dimension", "segment_id").agg(
        (F.sum("money") / F.count("*")).cast("double").alias("revenue")
    ).collect()  # fmt: skip
    return {(r["dimension"], r["segment_id"]): r["revenue"] or 0.0 for r in rows}


def _gate(context: Context, model: Model, path: str, files: Mapping[str, str], features: DataFrame) -> None:
    """A bundle must say after a plain reload what it said before: the gate that every model passes."""
    if not np.isfinite(model.centroids).all():
        raise GuardError(f"{model.dimension}: a centroid is not finite; look at the features for extreme values.")
    reloaded = load_model(context.warehouse, path, files)
    members = features.where(F.expr(model.preprocessor.has_data))
    if len(model.centroids) > 1:
        counts = [
            {r["cluster_id"]: r["count"] for r in m.transform(members).groupBy("cluster_id").count().collect()}
            for m in (model.stages, reloaded)
        ]
        if counts[0] != counts[1]:
            raise GuardError(f"{model.dimension}: the saved model scores {counts[1]}, the fitted one {counts[0]}.")


def _track(tracker: Tracker, f: Fitted, model: Model, as_of: dt.date, run: Run) -> str | None:
    params = {"dimension": model.dimension, "model_version": model.version, "as_of": as_of.isoformat(),
              "k": len(model.centroids), "reason": f.choice.reason[:500], "run_id": run.run_id,
              "features": len(model.preprocessor.names), "customers": f.customers}  # fmt: skip
    best: dict[int, Candidate] = {}
    for c in f.candidates:
        if c.k not in best or c.indices.sse < best[c.k].indices.sse:
            best[c.k] = c
    curve = [{"k": k, **_figures(c)} for k, c in sorted(best.items())]
    metrics = _figures(f.choice.candidate) if f.choice.candidate else {}
    return tracker.log_fit(f"{model.dimension} {as_of}", model.stages, params, metrics, curve)


def _figures(c: Candidate) -> dict[str, float]:
    i = c.indices
    found = {"sse": i.sse, "silhouette": i.silhouette, "davies_bouldin": i.davies_bouldin,
             "calinski_harabasz": i.calinski_harabasz, "min_share": i.min_share}  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _sweep_row(as_of: dt.date, run: Run, dimension: str, c: Candidate) -> dict[str, Any]:
    i = c.indices
    return {"as_of": as_of, "run_id": run.run_id, "dimension": dimension, "k": c.k, "seed": c.seed, "sse": i.sse,
            "silhouette": i.silhouette, "davies_bouldin": i.davies_bouldin, "calinski_harabasz": i.calinski_harabasz,
            "iterations": c.iterations, "min_share": i.min_share, "engine": c.engine}  # fmt: skip


def _selection_row(as_of: dt.date, run: Run, dimension: str, choice: Choice) -> dict[str, Any]:
    chosen = choice.candidate
    return {"as_of": as_of, "run_id": run.run_id, "dimension": dimension, "k": chosen.k if chosen else None,
            "seed": chosen.seed if chosen else None, "chosen_by": choice.chosen_by,
            "structure": choice.structure, "reason": choice.reason,
            "candidates": [_weighed(w) for w in choice.weighed]}  # fmt: skip


def _weighed(w: Weighed) -> tuple[Any, ...]:
    i, e = w.candidate.indices, w.evidence
    argued = (
        (e.seed_agreement, e.stability, min(e.returns, default=None), e.excess, e.error, e.gap, e.separation, e.valleys)
        if e else (None,) * 8
    )  # fmt: skip
    return (w.candidate.k, w.candidate.seed, i.silhouette, i.davies_bouldin, i.calinski_harabasz, i.min_share, *argued,
            list(w.against))  # fmt: skip


def _model_row(
    as_of: dt.date, run: Run, f: Fitted, m: Model, path: str, files: dict[str, str], mlflow_run: str | None
) -> dict[str, Any]:
    return {"as_of": as_of, "run_id": run.run_id, "dimension": m.dimension, "model_version": m.version,
            "k": len(m.centroids), "centroids": m.centroids.tolist(), "segment_ids": list(m.segment_ids),
            "segment_names": list(m.segment_names), "preprocessor": m.preprocessor.to_json(),
            "feature_names": list(m.preprocessor.names),
            "metrics": _figures(f.choice.candidate) if f.choice.candidate else {}, "trained_as_of": as_of,
            "training_customers": f.customers, "mlflow_run_id": mlflow_run, "model_path": path,
            "files_sha256": files}  # fmt: skip


def _promote_first(context: Context, as_of: dt.date, run: Row) -> None:
    """Where no bundle is in effect, the published one becomes champion; its gates were passed before publishing."""
    if context.runs.champion(as_of) is not None:
        return
    models = context.warehouse.read(SEGMENT_MODELS).where(F.col("run_id") == run["run_id"]).collect()
    version = models[0]["model_version"]
    reason = f"first bundle as of {as_of}; reload, finite centroids and equal scores checked for {len(models)} models"
    context.runs.promote(version, as_of, "fit_segments", reason)
    tracker = Tracker(context.warehouse.root)
    for m in models:
        tracker.set_champion(m["dimension"], m["mlflow_run_id"])
    context.steps.say(f"  promoted                {version} is champion from {as_of} on")
