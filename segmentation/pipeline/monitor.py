"""The drift report of a published month: its customers against those that its models were trained on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import replace

from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig, layers, pack_layers
from segmentation.core.config import load
from segmentation.core.errors import BadInputError
from segmentation.core.schemas import DIMENSIONS, DRIFT_REPORT, SEGMENT_MODELS, STG_TRANSACTIONS, UNIFIED
from segmentation.io.runs import Run, new_run
from segmentation.matrix import NOTHING, hash_sample
from segmentation.monitoring import (
    Change,
    Judged,
    Layer,
    MonitoringRules,
    count,
    fit_bins,
    fit_changes,
    judge,
    value_changes,
)
from segmentation.pipeline.bundle import check_features, load_bundle
from segmentation.pipeline.context import Context
from segmentation.pipeline.population import Everyone, read_everyone
from segmentation.segments import Model


def run_monitor(context: Context, as_of: dt.date) -> Row:
    """Measures what has changed since the bundle that scored `as_of` was trained; returns the published run.

    Its verdict is stable, rescored (something has moved, and the segments still serve), refit or stop; the rows of
    `drift_report` say what of. Raises BadInputError where the month is not scored.
    """
    scored = context.runs.latest("monthly", as_of)
    if scored is None:
        raise BadInputError(f"{as_of} is not scored. Run jobs/monthly.py --as-of {as_of} first.")
    bundle = scored["inputs"]["bundle"]
    config = context.config_files("monitoring.yml", "population.yml", "sweep.yml", *context.feature_files())
    run = new_run("monitor_drift", as_of, config, {"scored": scored["run_id"], "bundle": bundle})
    done = context.standing(run)
    if done is not None:
        return done
    context.create_tables()
    rules = load(context.config / "monitoring.yml", MonitoringRules)
    trained = context.warehouse.read(SEGMENT_MODELS).where(F.col("model_version") == bundle).first()
    assert trained is not None  # it has scored
    context.steps.say(f"monitor_drift: {as_of} against {trained['as_of']}, when bundle {bundle} was trained")
    models = load_bundle(context, bundle)
    check_features(context, models)
    fit = context.runs.get(trained["run_id"])
    built_then, built_now = (context.runs.get(r["inputs"]["features"]) for r in (fit, scored))
    then, now = (read_everyone(context, r["as_of"], r) for r in (built_then, built_now))
    try:
        growing = _growing(context, trained["as_of"], built_now)
        rows, verdict, reason = _report(context, rules, models, then, now, growing)
    finally:
        then.release()
        now.release()
    version = _write(context, run, bundle, rows)
    context.steps.say(f"  verdict                 {verdict}: {reason}")
    return context.runs.publish(
        run.finish(output_versions={DRIFT_REPORT.name: version}, input_versions=dict(scored["input_versions"]),
                   rows_in=then.scored + now.scored, rows_out=len(rows), verdict=verdict, reason=reason),
        context.restate,
    )  # fmt: skip


def _report(
    context: Context, rules: MonitoringRules, models: Mapping[str, Model], then: Everyone, now: Everyone,
    growing: Collection[str],
) -> tuple[list[Judged], str, str]:  # fmt: skip
    sweep = load(context.config / "sweep.yml", SweepConfig)
    with context.steps.step("values") as facts:
        sample = hash_sample(then.features, sweep.sample_size, sweep.sample_seed)
        seen = {s.feature for m in models.values() for s in m.preprocessor.slots if s != NOTHING} - set(growing)
        bins = [b for f in context.registry.features if f.name in seen and (b := fit_bins(f, sample[f.name]))]
        changes = list(value_changes(bins, count(then.features, bins), count(now.features, bins)))
        facts.append(f"{len(bins)} features of {then.scored:,} customers then and {now.scored:,} now")
    with context.steps.step("segments") as facts:
        found = _of_segments(models, then, now, sweep, rules)
        young = {d for d, m in models.items() if any(s.feature in growing for s in m.preprocessor.fitted)}
        changes += [replace(c, grows=c.dimension in young) for c in found]
        facts.append(f"{len(found)} figures")
        if young:
            facts.append(f"not covered by history at training: {', '.join(sorted(young))}")
    return judge(rules, changes)


def _of_segments(
    models: Mapping[str, Model], then: Everyone, now: Everyone, sweep: SweepConfig, rules: MonitoringRules
) -> list[Change]:
    parts = [models[d].preprocessor for d in DIMENSIONS if d in models]
    unified = models[UNIFIED].preprocessor
    ordered = [*(models[p.dimension] for p in parts), models[UNIFIED]]
    packed = [pack_layers(e.features, parts, layers(parts, unified), e.scored) for e in (then, now)]
    try:
        of = [Layer(m.dimension, m.segment_ids, m.centroids) for m in ordered]
        return fit_changes(of, packed[0], packed[1], sweep.sample_seed, sweep.max_iterations, rules.too_few)
    finally:
        for blocks in packed:
            blocks.release()


def _growing(context: Context, trained: dt.date, features_run: Row) -> frozenset[str]:
    """Features that change by themselves: with the calendar, or while history does not cover their window yet."""
    lines = context.warehouse.read(STG_TRANSACTIONS, features_run["input_versions"][STG_TRANSACTIONS.name])
    first = lines.agg(F.min("event_date")).collect()[0][0]
    return frozenset(
        f.name for f in context.registry.features
        if f.grows_with_calendar or (f.window is not None and (first is None or f.window.start(trained) < first))
    )  # fmt: skip


def _write(context: Context, run: Run, bundle: str, rows: list[Judged]) -> int:
    with context.steps.step(DRIFT_REPORT.name) as facts:
        attempt = {"as_of": run.as_of, "run_id": run.run_id, "model_version": bundle}
        frame = context.warehouse.frame(DRIFT_REPORT, [attempt | vars(r) for r in rows])
        version = context.warehouse.write_attempt(DRIFT_REPORT, frame, run.as_of, run.run_id)
        facts.append(f"{len(rows)} figures, {sum(r.verdict not in ('holds', 'too few') for r in rows)} moved")
    return version
