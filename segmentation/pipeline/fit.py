"""Features of one as-of date to a bundle of six models, which serves where none does yet or the gate lets it pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig, Swept, choose, run_sweep
from segmentation.core.config import load
from segmentation.core.errors import BadInputError, GuardError
from segmentation.core.schemas import K_SELECTION, K_SWEEP, SEGMENT_LINEAGE, SEGMENT_MODELS, UNIFIED
from segmentation.io.models import load_model, save_model
from segmentation.io.runs import Run, new_run
from segmentation.io.tracking import Tracker
from segmentation.matrix import Preprocessor, fit_preprocessor, hash_sample, unify
from segmentation.pipeline import tracked
from segmentation.pipeline.bundle import Fitted, bundle_of, lacking, load_bundle, models_of_fit, version_of
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import Dimensions, load_dimensions
from segmentation.pipeline.features import tiles_before
from segmentation.pipeline.gate import FIRST, PASSED, Ruling, weigh
from segmentation.pipeline.holdout import read_holdout
from segmentation.pipeline.identity import Identified, identify
from segmentation.pipeline.population import Everyone, read_everyone
from segmentation.pipeline.promotion import PromotionRules
from segmentation.pipeline.records import lineage_rows, model_row, selection_row, sweep_row
from segmentation.pipeline.reference import take_references
from segmentation.segments import Model

DRIFT = "drift"
"""Of a month's inputs its drift report; of a fit's the one that has called for it."""
CHALLENGER = "challenger"
"""Of a month's inputs the fit that its drift has called for."""


def run_fit(context: Context, as_of: dt.date) -> Row:
    """Fits, gates and publishes a bundle on the features of those scored at `as_of`; returns the published run.

    Where no bundle is in effect at `as_of`, it is promoted. Where there is a champion, segments that are the same keep
    their ids and names, and the bundle takes its place if it passes `conf/promotion.yml`: from `as_of` on, or from the
    day after the last one that is scored. Else it stays a challenger. Raises BadInputError where the features are
    missing, GuardError where a model is not sound or nobody is left to score.
    """
    done = _fit(context, as_of)
    promote_fitted(context, as_of, done)
    return done


def fit_challenger(context: Context, as_of: dt.date, drift: Row) -> Row:
    """A refit that a drift report calls for, published but not promoted yet: its month is not published either.

    The gate does not ask it to agree with the champion.
    """
    return _fit(context, as_of, drift)


def _fit(context: Context, as_of: dt.date, drift: Row | None = None) -> Row:
    features_run = context.runs.latest("build_features", as_of)
    if features_run is None:
        raise BadInputError(
            f"no features are published as of {as_of}. Run jobs/build_features.py --as-of {as_of} first."
        )
    config = context.config_files(
        "population.yml", "sweep.yml", "dimensions.yml", "personas.yml", "promotion.yml", *context.feature_files()
    )
    inputs = {"features": features_run["run_id"], **({DRIFT: drift["run_id"]} if drift else {})}
    run = new_run("fit_segments", as_of, config, inputs)
    done = context.runs.published(run.run_key)
    if done is None or context.restate:
        return _fit_and_publish(context, as_of, run, features_run)
    context.steps.say(f"fit_segments: {as_of} is published already (run {done['run_id']})")
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
    version = version_of(as_of, run.run_id)
    fitted, notes = _fit_all(context, as_of, everyone, sweep, dimensions, features_run)
    serving = context.runs.champion(as_of)
    champion = _predecessors(context, serving, notes)
    found = identify(context, fitted, champion, features, dimensions, tiles, as_of, version)
    models = [i.model for i in found.values()]
    references = take_references(context, {m.dimension: m for m in models}, everyone, features_run, sweep)
    tracker = Tracker(warehouse.root)
    candidates = [sweep_row(as_of, run, d, c) for d, f in fitted.items() for c in f.candidates]
    selections = [selection_row(as_of, run, f.choice, found[d].model) for d, f in fitted.items()]
    rows = []
    with steps.step("models") as facts:
        tracked.begin(tracker, version, as_of.isoformat())
        # Saving and reloading are many short jobs, most of them the driver's overhead; MLflow's part is no job at all.
        with ThreadPoolExecutor(3) as threads:
            saved = threads.map(lambda model: _saved(context, model, features), models)
            for model, (path, files) in zip(models, saved, strict=True):
                d = model.dimension
                row = model_row(as_of, run, fitted[d], model, references[d], path, files)
                logged = tracked.track(tracker, warehouse.spark, model, row, candidates, selections, features.schema)
                rows.append({**row, "mlflow_run_id": logged})
        tracked.end(tracker, candidates, selections)
        facts.append(f"{len(models)} saved, reloaded and checked; bundle {version}")
    if tracker.warning:
        notes.append(tracker.warning)
        steps.say(f"  warning                 {tracker.warning}")
    versions = {}
    for table, values in (
        (K_SWEEP, candidates),
        (K_SELECTION, selections),
        (SEGMENT_MODELS, rows),
        (SEGMENT_LINEAGE, [r for d, i in found.items() for r in lineage_rows(as_of, run, d, serving, i)]),
    ):
        versions[table.name] = warehouse.write_rows(table, values, as_of, run.run_id)
    ruling = _rule(context, serving, fitted, found, champion, everyone, called_for=DRIFT in run.inputs)
    said = f"bundle {version}: {ruling.reason}"
    everyone.release()
    inputs = {**run.inputs, **({"champion": serving} if serving else {})}
    return context.runs.publish(
        run.finish(output_versions=versions, input_versions=dict(features_run["output_versions"]), inputs=inputs,
                   rows_in=everyone.scored, rows_out=len(rows), verdict=ruling.word, reason=said, notes=notes),
        context.restate,
    )  # fmt: skip


def _predecessors(context: Context, serving: str | None, notes: list[str]) -> dict[str, Model]:
    """The champion's models that can score today's features."""
    if serving is None:
        return {}
    models = load_bundle(context, serving)
    for d in [d for d, m in models.items() if lacking(context, m)]:
        gone = ", ".join(lacking(context, models.pop(d)))
        notes.append(f"{d}: its segments are not compared with those of {serving}, fitted on {gone}, off or gone")
    return models


def _rule(
    context: Context, serving: str | None, fitted: Mapping[str, Fitted], found: Mapping[str, Identified],
    champion: Mapping[str, Model], everyone: Everyone, called_for: bool,
) -> Ruling:  # fmt: skip
    if serving is None:
        return Ruling(FIRST, f"the first, on {everyone.scored:,} customers")
    with context.steps.step("gate") as facts:
        rules = load(context.config / "promotion.yml", PromotionRules)
        ruling = weigh(rules, fitted, found, champion, everyone, called_for)
        facts.append(f"{ruling.word}: {ruling.reason}")
    return ruling


def _fit_all(
    context: Context, as_of: dt.date, everyone: Everyone, sweep: SweepConfig, dimensions: Dimensions, features_run: Row
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
    holdout = read_holdout(context, as_of, sweep.holdout_days, features_run, parts)
    try:
        with context.steps.step("sweep") as facts:
            swept = run_sweep(sweep, features, parts, unified, everyone.scored, holdout)
            facts.append(f"{sum(len(s.candidates) for s in swept.values())} candidates by {sweep.engine}")
    finally:
        if holdout is not None:
            holdout.customers.unpersist()
    notes += [s.note for s in swept.values() if s.note]
    return {p.dimension: _fitted(context, p, swept[p.dimension], sweep) for p in (*parts, unified)}, notes


def _fitted(context: Context, p: Preprocessor, swept: Swept, sweep: SweepConfig) -> Fitted:
    choice = choose(sweep, p.dimension, swept)
    chosen = choice.candidate
    centroids = chosen.centroids if chosen else np.zeros((1, len(p.names)))
    what = f"k={chosen.k}" if chosen else "one segment"
    context.steps.say(
        f"  {p.dimension:<24}{swept.customers:>9,} customers, {len(p.names)} slots, "
        f"{len(swept.candidates)} candidates: {what}"
    )  # fmt: skip
    return Fitted(p, centroids, choice, swept.candidates, swept.customers)


def _saved(context: Context, model: Model, features: DataFrame) -> tuple[str, dict[str, str]]:
    """Where a model lies and the hash of each file; it must say of every customer what it said before it was saved."""
    if not np.isfinite(model.centroids).all():
        raise GuardError(f"{model.dimension}: a centroid is not finite; look at the features for extreme values.")
    pipeline = model.pipeline(context.warehouse.spark)
    path, files = save_model(context.warehouse, pipeline, model.dimension, model.version)
    reloaded = load_model(context.warehouse, path, files)
    if len(model.centroids) > 1:
        members = features.where(F.expr(model.preprocessor.has_data))
        once = pipeline.transform(members).withColumnRenamed("cluster_id", "then").select(*members.columns, "then")
        elsewhere = reloaded.transform(once).where("cluster_id <> then").count()
        if elsewhere:
            raise GuardError(f"{model.dimension}: the saved model puts {elsewhere:,} customers elsewhere.")
    return path, files


def promote_fitted(context: Context, as_of: dt.date, run: Row) -> None:
    """Makes the published bundle champion where none is in effect, or where the gate let it pass; once.

    It serves from `as_of` on, or from the day after the last one that is scored: no published date changes its labels.
    """
    runs = context.runs
    models, version = models_of_fit(context, run), bundle_of(run)
    if not runs.promoted(version):
        serving, scored = runs.champion(as_of), runs.last_as_of("monthly")
        start = as_of if scored is None or scored < as_of else scored + dt.timedelta(days=1)
        if serving is None:
            start = as_of  # nothing of it, or before it, can be scored yet
            checked = f"reload, finite centroids and equal scores checked for {len(models)} models"
            runs.promote(version, start, "fit_segments", f"first bundle as of {as_of}; {checked}")
        elif run["verdict"] == PASSED and runs.champion(start) == run["inputs"].get("champion"):
            runs.promote(version, start, "gate", f"in place of {serving}; {run['reason']}")
        else:
            tracked.mirror(context, models, "challenger")
            context.steps.say(f"  challenger              {version}; {serving} stays champion")
            return
        context.steps.say(f"  promoted                {version} is champion from {start} on")
    if runs.newest_champion() == version:
        tracked.mirror(context, models, "champion")
