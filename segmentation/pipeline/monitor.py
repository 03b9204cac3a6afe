"""The drift report of a month: its customers against what the models remember of those they were trained on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig
from segmentation.core.config import load
from segmentation.core.errors import BadInputError
from segmentation.core.schemas import DRIFT_REPORT, SEGMENT_MIGRATION, SEGMENT_PROFILES
from segmentation.io.runs import Run, new_run
from segmentation.monitoring import (
    HOLDS,
    MOVED,
    REFIT,
    TOO_FEW,
    WORDS,
    Change,
    Judged,
    count,
    fit_changes,
    judge,
    load_monitoring,
    migration_changes,
    value_changes,
)
from segmentation.pipeline.bundle import check_features, load_bundle, trained_as_of
from segmentation.pipeline.context import Context
from segmentation.pipeline.kpis import read_kpis
from segmentation.pipeline.population import Everyone, read_everyone
from segmentation.pipeline.reference import (
    features_of,
    in_order,
    layer,
    load_references,
    pack_models,
    unsettled,
    young_layers,
)
from segmentation.pipeline.season import SIMILAR, NotKeptError, against, features_of_last_year
from segmentation.segments import Model
from segmentation.segments.matching import GONE, NEW

YEAR_AGO = "a_year_ago"
"""Of a run's inputs the features of the same month of last year, where it was held against them."""
FILLING = "history was too short at training, and grows"
OUTGROWN = "history was too short at training, and is long enough now"
"""Why segments that have moved are no fault in the data: the one asks for nothing, the other for a refit."""


@dataclass(frozen=True)
class Month:
    """What is compared: the customers scored at `as_of`, the bundle that scores them, and where they came from."""

    as_of: dt.date
    features_run: Row
    bundle: str
    everyone: Everyone
    previous: Row | None
    """The scoring run of the as-of date before."""
    run_id: str
    """Under which `segment_migration` and `segment_profiles` have the month's rows, published or not."""


def run_monitor(context: Context, as_of: dt.date) -> Row:
    """Measures anew, or finds, what has changed since the bundle of `as_of` was trained; returns the published run.

    Its verdict is stable, rescored (something has moved, and the segments still serve), refit or stop; the rows of
    `drift_report` say what of. Raises BadInputError where the month is not scored.
    """
    scored = context.runs.latest("monthly", as_of)
    if scored is None:
        raise BadInputError(f"{as_of} is not scored. Run jobs/monthly.py --as-of {as_of} first.")
    inputs = scored["inputs"]
    features_run, bundle = context.runs.get(inputs["features"]), inputs["bundle"]
    previous = context.runs.get(inputs["previous"]) if "previous" in inputs else None
    run = _asked(context, as_of, features_run, bundle, previous)
    done = None if context.restate else context.runs.shown_for(run)
    if done is not None:
        context.steps.say(f"monitor_drift: {as_of} is published already (run {done['run_id']})")
        context.steps.say(f"  verdict                 {done['verdict']}: {done['reason']}")
        return done
    models = load_bundle(context, bundle)
    check_features(context, models)
    everyone = read_everyone(context, as_of, features_run)
    try:
        month = Month(as_of, features_run, bundle, everyone, previous, scored["run_id"])
        return monitor(context, month, models)
    finally:
        everyone.release()


def monitor(context: Context, month: Month, models: Mapping[str, Model]) -> Row:
    """The same for a month in hand, before it is published."""
    run = _asked(context, month.as_of, month.features_run, month.bundle, month.previous)
    done = None if context.restate else context.runs.shown_for(run)
    if done is not None:
        return done
    trained = trained_as_of(context, month.bundle)
    context.steps.say(f"monitor_drift: {month.as_of} against {trained}, when bundle {month.bundle} was trained")
    context.create_tables()
    # Anew where the same was asked before, and something else is shown since.
    again = context.restate or context.runs.published(run.run_key) is not None
    return context.runs.publish(measure(context, month, models, run), again)


def measure(
    context: Context, month: Month, models: Mapping[str, Model], run: Run, recorded: Row | None = None
) -> Run:  # fmt: skip
    """Writes the month's rows of `drift_report` under `run`; returns it finished, and not published.

    recorded: the published run that this is to be again, held against what that one was, earlier months as they were
    before it; None: against what is shown now. Raises NotKeptError where that has gone, before it writes any.
    """
    rows, verdict, reason, year_ago = _report(context, month, models, recorded)
    version = _write(context, run, month.bundle, rows)
    context.steps.say(f"  verdict                 {verdict}: {reason}")
    against_last_year = {} if year_ago is None else {YEAR_AGO: year_ago["run_id"]}
    return run.finish(
        inputs={**run.inputs, **against_last_year},
        output_versions={DRIFT_REPORT.name: version}, input_versions=dict(month.features_run["output_versions"]),
        rows_in=month.everyone.scored, rows_out=len(rows), verdict=verdict, reason=reason,
    )  # fmt: skip


def config_of_report(context: Context) -> dict[str, object]:
    """What of `conf/` a drift report depends on, beside its inputs."""
    return context.config_files(
        "monitoring.yml", "population.yml", "rules.yml", "stickiness.yml", "sweep.yml", *context.feature_files()
    )


def _asked(context: Context, as_of: dt.date, features_run: Row, bundle: str, previous: Row | None) -> Run:
    inputs = {"features": features_run["run_id"], "bundle": bundle}
    if previous is not None:
        inputs["previous"] = previous["run_id"]
    return new_run("monitor_drift", as_of, config_of_report(context), inputs)


def _report(
    context: Context, month: Month, models: Mapping[str, Model], recorded: Row | None
) -> tuple[list[Judged], str, str, Row | None]:
    """Its rows, verdict and reason, and the features of last year where it took them to tell."""
    rules = load_monitoring(context.config, SEGMENT_PROFILES.names)
    sweep = load(context.config / "sweep.yml", SweepConfig)
    references = load_references(context, month.bundle)
    everyone, ordered = month.everyone, in_order(models)
    with context.steps.step("values") as facts:
        trained = [h for r in references.values() for h in r.values]
        bins = [h.bins for h in trained]
        counts = count(everyone.features.select(*(b.feature for b in bins)), bins)
        changes = list(value_changes(trained, counts))
        facts.append(f"{len(trained)} features of {everyone.scored:,} customers")
    blocks = pack_models(everyone.features, ordered, everyone.scored)
    try:
        with context.steps.step("segments") as facts:
            standing = [references[m.dimension].standing for m in ordered]
            found = fit_changes([layer(m) for m in ordered], standing, blocks, sweep.max_iterations, rules.too_few)
            young = {d for d, r in references.items() if r.young}
            grown = bool(young) and not _still_young(context, month, models)
            excuse, at_most = (OUTGROWN, REFIT) if grown else (FILLING, MOVED)
            changes += [replace(c, excuse=excuse, at_most=at_most) if c.dimension in young else c for c in found]
            changes += [c for c in _migration(context, month, recorded) if c.dimension in models]
            facts.append(f"{len(found)} figures")
            if young:
                facts.append(f"{excuse}: {', '.join(sorted(young))}")
        rows, verdict, reason = judge(rules, changes)
        year_ago = _last_year(context, month, recorded) if verdict != WORDS[HOLDS] else None
        then = None
        if year_ago is not None:
            again = recorded is not None
            then = against(context, year_ago, ordered, bins, counts, blocks, sweep, rules.too_few, again)
        if then is not None:
            same = {(c.dimension, c.check, c.subject): c for c in then}
            changes = [replace(c, a_year_ago=same.get((c.dimension, c.check, c.subject))) for c in changes]
            rows, verdict, reason = judge(rules, changes)
    finally:
        blocks.release()
    rows += read_kpis(context, rules.kpis, month.as_of, month.run_id, month.previous)
    return rows, verdict, reason, None if then is None else year_ago


def _still_young(context: Context, month: Month, models: Mapping[str, Model]) -> frozenset[str]:
    """The layers of which a good part has not settled by now: while there are any, a refit would be young too."""
    read = set[str]().union(*(features_of(m) for m in models.values()))
    return young_layers(models, unsettled(context, month.features_run, read))


def _last_year(context: Context, month: Month, recorded: Row | None) -> Row | None:
    """The features run of the same month of last year, or the one that was it then."""
    if recorded is None:
        return features_of_last_year(context, month.as_of, trained_as_of(context, month.bundle))
    return context.runs.get(recorded["inputs"][YEAR_AGO]) if YEAR_AGO in recorded["inputs"] else None


def _migration(context: Context, month: Month, recorded: Row | None) -> list[Change]:
    """The share of the customers that changed segment since the month before, against the months before that."""
    if month.previous is None or month.previous["inputs"]["bundle"] != month.bundle:
        return []  # a month that a refit came before tells of the models, not of the customers
    days = (month.as_of - month.previous["as_of"]).days
    runs = [r for r in context.runs.of("monthly") if recorded is None or r["publish_seq"] < recorded["publish_seq"]]
    bundles = {r["run_id"]: r["inputs"]["bundle"] for r in runs}
    shown = {r["as_of"]: r for r in runs if r["as_of"] < month.as_of}.values()
    same = [r for r in shown if bundles[r["run_id"]] == bundles.get(r["inputs"].get("previous")) == month.bundle]
    ids = [month.run_id, *(r["run_id"] for r in same)]
    rows = context.warehouse.read(SEGMENT_MIGRATION).where(F.col("run_id").isin(ids))
    stayed = rows.where((F.col("from_segment_id") != NEW) & (F.col("to_segment_id") != GONE))
    moved = F.when(F.col("from_segment_id") != F.col("to_segment_id"), F.col("customers")).otherwise(0)
    counts = stayed.groupBy("run_id", "as_of", "previous_as_of", "dimension").agg(
        F.sum(moved).alias("moved"), F.sum("customers").alias("customers")
    )
    found = counts.collect()
    if recorded is not None and (gone := set(ids) - {r["run_id"] for r in found}):
        raise NotKeptError(f"who moved in the runs {', '.join(sorted(gone))} was compared with it")
    now: dict[str, tuple[int, int]] = {}
    before: dict[str, list[tuple[int, int]]] = {}
    for r in sorted(found, key=lambda r: r["as_of"]):
        if r["run_id"] == month.run_id:
            now[r["dimension"]] = r["moved"], r["customers"]
        elif abs((r["as_of"] - r["previous_as_of"]).days - days) <= SIMILAR:
            before.setdefault(r["dimension"], []).append((r["moved"], r["customers"]))
    return [c for d, of in sorted(now.items()) for c in migration_changes(d, of, before.get(d, []))]


def _write(context: Context, run: Run, bundle: str, rows: list[Judged]) -> int:
    with context.steps.step(DRIFT_REPORT.name) as facts:
        attempt = {"as_of": run.as_of, "run_id": run.run_id, "model_version": bundle}
        judged = [attempt | vars(r) for r in rows]
        version = context.warehouse.write_rows(DRIFT_REPORT, judged, run.as_of, run.run_id)
        beyond = Counter("in breach" if r.owner else "moved" for r in rows if r.verdict not in (HOLDS, TOO_FEW))
        facts.append(", ".join([f"{len(rows)} figures", *(f"{n} {what}" for what, n in sorted(beyond.items()))]))
    return version
