"""One month: stage what is new, build features, score with the bundle in effect, see whether it holds, publish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.config import load
from segmentation.core.errors import BadInputError, GuardError, StopError
from segmentation.core.schemas import (
    ALL_DIMENSIONS,
    EXCLUDED_CUSTOMERS,
    POPULATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    SEGMENTS_CHALLENGER,
    STG_TRANSACTIONS,
    Table,
)
from segmentation.io.runs import Run, new_run
from segmentation.monitoring import REFIT, STOP, WAITING
from segmentation.pipeline.alerts import load_alerts
from segmentation.pipeline.bundle import bundle_of, check_features, fit_of, load_bundle
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import load_dimensions
from segmentation.pipeline.features import run_features, tiles_before
from segmentation.pipeline.fit import CHALLENGER, DRIFT, fit_challenger, promote_fitted, run_fit
from segmentation.pipeline.gate import PASSED
from segmentation.pipeline.ingest import run_ingest
from segmentation.pipeline.migration import write_migration
from segmentation.pipeline.monitor import Month, monitor
from segmentation.pipeline.population import Everyone, check_kept, read_everyone, write_population
from segmentation.pipeline.profiles import write_profiles
from segmentation.pipeline.report import run_drift_report
from segmentation.pipeline.tell import tell, tell_refusal
from segmentation.pipeline.tracked import log_missed
from segmentation.segments import Model, Stickiness, load_rules, segment_rows
from segmentation.segments.population import SCORED


def run_months(context: Context, as_ofs: Sequence[dt.date], folder: str | None = None) -> Iterator[Row]:
    """All steps of as-of dates, in order of time; each that is published already is passed over. Yields scoring runs.

    Features of all dates are built in one pass. `folder` holds new raw files; without it what is staged is used. Where
    no bundle is in effect at a date, one is fitted on its features. Where the customers have drifted away from the
    segments, a challenger is fitted, which takes over from the next as-of date on if the gate lets it pass. Raises
    StopError, and publishes no segments of a date, where they have drifted beyond what may be published. One message a
    date is told by the channels of `conf/alerts.yml`, also where its data are refused (BadInputError, GuardError).
    MLflow then gets bundles of which it was out of reach.
    """
    load_alerts(context.config).ready()
    published = 0
    try:
        for run in _each_month(context, as_ofs, folder):
            published += 1
            yield run
    except (BadInputError, GuardError) as error:
        tell_refusal(context, as_ofs[published:], error)
        raise
    log_missed(context)


def _each_month(context: Context, as_ofs: Sequence[dt.date], folder: str | None) -> Iterator[Row]:
    if folder is not None:
        run_ingest(context, folder)
    newest = context.runs.before("monthly", dt.date.max)
    if newest is not None and newest["verdict"] == REFIT:
        _settle(context, newest)  # it may have been published, and its process killed before the promotion
    for as_of, features_run in zip(as_ofs, run_features(context, as_ofs, follow=True), strict=True):
        if context.runs.champion(as_of) is None:
            run_fit(context, as_of)
        run = run_score(context, as_of, features_run)
        _settle(context, run)
        tell(context, run)
        yield run


def _settle(context: Context, run: Row) -> None:
    """Lets the challenger of the newest month take over where that month has said so, once; else it stays one."""
    if CHALLENGER in run["inputs"] and run["as_of"] == context.runs.last_as_of("monthly"):
        promote_fitted(context, run["as_of"], context.runs.get(run["inputs"][CHALLENGER]))


def run_month(context: Context, as_of: dt.date, folder: str | None = None) -> Row:
    """The same for one date."""
    [run] = run_months(context, [as_of], folder)
    return run


def run_score(context: Context, as_of: dt.date, features_run: Row) -> Row:
    """Scores the population of `as_of` with the bundle in effect; publishes it, `segments`, profiles and differences.

    Raises GuardError, and publishes nothing, where rows or money were lost on the way; StopError where the drift report
    says so, which alone is then published.
    """
    bundle = context.runs.champion(as_of)
    assert bundle is not None  # run_month fits one where there is none
    previous = context.runs.before("monthly", as_of)
    inputs = {"features": features_run["run_id"], "bundle": bundle}
    run = new_run(
        "monthly", as_of, config_of_month(context), inputs | ({"previous": previous["run_id"]} if previous else {})
    )
    done = context.standing(run)
    if done is not None:
        return done
    context.steps.say(f"monthly: as of {as_of}, scoring with bundle {bundle}")
    context.create_tables()
    row = context.runs.publish(write_month(context, run, features_run, previous, _judge), context.restate, alone=True)
    if row["run_id"] != run.run_id:
        context.steps.say(f"monthly: {as_of} was published by another job in the meantime: run {row['run_id']} stands")
    return row


def config_of_month(context: Context) -> dict[str, object]:
    """What of `conf/` a month's segments depend on, beside its inputs."""
    files = ("population.yml", "rules.yml", "stickiness.yml", "dimensions.yml", *context.feature_files())
    return context.config_files(*files)


def write_month(
    context: Context, run: Run, features_run: Row, previous: Row | None, judge: Judge
) -> Run:  # fmt: skip
    """Writes the rows of a month's tables under `run`, and audits them; returns the run, finished and not published."""
    everyone = read_everyone(context, run.as_of, features_run)
    try:
        month = Month(run.as_of, features_run, run.inputs["bundle"], everyone, previous, run.run_id)
        return _score(context, run, month, judge)
    finally:
        everyone.release()


def _score(context: Context, run: Run, month: Month, judge: Judge) -> Run:
    as_of, everyone, previous = month.as_of, month.everyone, month.previous
    features, tiles = everyone.features, tiles_before(context, as_of, month.features_run)
    with context.steps.step("bundle") as facts:
        models = load_bundle(context, month.bundle)
        check_features(context, models)
        facts.append(f"{len(models)} models, every file as published")
    rows, notes = score_rows(context, features, models, previous)
    context.steps.say_notes("off, inputs missing", notes)
    versions = {SEGMENTS.name: _write_segments(context, run, SEGMENTS, rows)}
    written = context.warehouse.read_run(SEGMENTS, as_of, run.run_id).persist()
    try:
        between = _between(context, previous, month.bundle, models)
        moved, moves = write_migration(context, run, previous, written, tiles, between)
        versions |= moved | write_profiles(context, run, previous, written, everyone, models, tiles)
    finally:
        written.unpersist()
    verdict = judge(context, month, models)
    # Without a challenger the run has no rows there, and says at which version.
    versions[SEGMENTS_CHALLENGER.name] = context.warehouse.version(SEGMENTS_CHALLENGER)
    if verdict.challenger is not None:
        theirs, _ = score_rows(context, features, load_bundle(context, verdict.challenger), previous)
        versions[SEGMENTS_CHALLENGER.name] = _write_segments(context, run, SEGMENTS_CHALLENGER, theirs)
    versions |= write_population(context, run, everyone, tiles)
    _audit(context, run, month.features_run, everyone)
    return run.finish(
        output_versions=versions, input_versions=dict(month.features_run["output_versions"]),
        inputs={**run.inputs, **verdict.runs}, rows_in=everyone.known, rows_out=everyone.scored * len(ALL_DIMENSIONS),
        verdict=verdict.word, reason=verdict.reason, notes=everyone.notes + notes + moves,
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The word on a month and why; the runs that it stands on, and the bundle that was fitted because of it."""

    word: str
    reason: str
    runs: Mapping[str, str] = field(default_factory=dict)
    challenger: str | None = None


Judge = Callable[[Context, Month, Mapping[str, Model]], Verdict]
"""What says of a month in hand, scored by these models, whether its segments hold."""


def _judge(context: Context, month: Month, models: Mapping[str, Model]) -> Verdict:
    """What the drift report says, and where it asks for new segments what the gate says of them."""
    fit = fit_of(context, month.bundle)
    if fit["inputs"]["features"] == month.features_run["run_id"]:
        return Verdict("refit", f"bundle {month.bundle}, fitted on these customers")
    drift = monitor(context, month, models)
    found, said, runs = drift["verdict"], drift["reason"], {DRIFT: drift["run_id"]}
    if found == STOP:
        tell(context, drift)
        raise StopError(
            f"{month.as_of} is not published: {said}. More is in {run_drift_report(context, drift)}. Mend the data and "
            "start again; if it is the shop that has changed, raise `stop` in conf/monitoring.yml."
        )
    if found != REFIT:
        return Verdict(found, said, runs)
    newest = context.runs.last_as_of("monthly")
    if newest is not None and newest > month.as_of:
        return Verdict("rescored", f"{said}. Later months are scored already: no challenger was fitted", runs)
    next_up = context.runs.champion(month.as_of + dt.timedelta(days=1))
    if next_up != month.bundle:
        return Verdict("rescored", f"{said}. {next_up} takes over from the next date on already", runs)
    challenger = fit_challenger(context, month.as_of, drift)
    version = bundle_of(challenger)
    runs |= {CHALLENGER: challenger["run_id"]}
    if challenger["verdict"] == PASSED:
        return Verdict("refit", f"{said}. {version} takes over: {challenger['reason']}", runs, version)
    if challenger["verdict"] == WAITING:
        return Verdict(
            "rescored", f"{said}. jobs/promote.py --approve has the word: {challenger['reason']}", runs, version
        )
    return Verdict("rescored", f"{said}. The gate refused {version}: {challenger['reason']}", runs, version)


def score_rows(
    context: Context, features: DataFrame, models: Mapping[str, Model], previous: Row | None
) -> tuple[DataFrame, list[str]]:
    """What is to be published of each customer, by the month before, and the rules that are off."""
    sticky = load(context.config / "stickiness.yml", Stickiness)
    before = None
    if previous is not None and sticky.min_score > 0:
        before = context.warehouse.read_run(SEGMENTS, previous["as_of"], previous["run_id"])
    registry = context.registry
    conditions = load_dimensions(context.config, registry).conditions
    rules, notes = load_rules(context.config, [f.name for f in registry.features]).without(
        {f.name for f in registry.features if f.off_because}
    )
    return segment_rows(models, features, conditions, rules, before, sticky.min_score), notes


def _between(context: Context, previous: Row | None, bundle: str, models: Mapping[str, Model]) -> DataFrame | None:
    """What today's models say of the features of the month before, where other models said it then."""
    if previous is None or previous["inputs"]["bundle"] == bundle:
        return None
    built = context.runs.get(previous["inputs"]["features"])
    features = context.warehouse.read_run(context.registry.table, built["as_of"], built["run_id"])
    check_kept(features, built)
    rows, _ = score_rows(context, features, models, previous)
    return rows


def _write_segments(context: Context, run: Run, table: Table, rows: DataFrame) -> int:
    with context.steps.step(table.name) as facts:
        rows = rows.withColumns({"as_of": F.lit(run.as_of), "run_id": F.lit(run.run_id)})
        version = context.warehouse.write_attempt(table, rows, run.as_of, run.run_id)
        facts.append(f"version {version}")
    return version


def _audit(context: Context, run: Run, features_run: Row, everyone: Everyone) -> None:
    """Nobody is lost and no cent: who is known is scored or excluded, with the lifetime revenue that is staged.

    Of what lies in the tables, not of what this process knows to have written.
    """
    with context.steps.step("audit") as facts:
        expected = everyone.scored
        rows = context.warehouse.read_run(SEGMENTS, run.as_of, run.run_id)
        found = {r["dimension"]: (r["n"], r["customers"]) for r in rows.groupBy("dimension").agg(
            F.count("*").alias("n"), F.count_distinct("customer_id").alias("customers")).collect()}  # fmt: skip
        for dimension in ALL_DIMENSIONS:
            if found.get(dimension) != (expected, expected):
                raise GuardError(
                    f"segments, {dimension}: {found.get(dimension)} rows and customers; expected {expected:,} each. "
                    "Nothing was published."
                )
        lines = context.warehouse.read(STG_TRANSACTIONS, features_run["input_versions"][STG_TRANSACTIONS.name])
        past = lines.where(F.col("event_date") < F.lit(run.as_of))
        staged = past.agg(F.coalesce(F.sum("net_amount"), F.lit(0)).alias("money")).collect()[0]["money"]
        population = context.warehouse.read_run(POPULATION, run.as_of, run.run_id).collect()
        apart = sum((r["revenue_lifetime"] for r in population if r["exclusion"] != SCORED), Decimal(0))
        profiles = context.warehouse.read_run(SEGMENT_PROFILES, run.as_of, run.run_id)
        for r in profiles.groupBy("dimension").agg(F.sum("revenue_lifetime").alias("money")).collect():
            if r["money"] + apart != staged:
                raise GuardError(
                    f"segment_profiles, {r['dimension']}: lifetime revenue {r['money']:,}, and {apart:,} of those who "
                    f"are excluded; staged lines hold {staged:,}. Nothing was published."
                )
        names = context.warehouse.read_run(EXCLUDED_CUSTOMERS, run.as_of, run.run_id)
        too = rows.select("customer_id").distinct().withColumn("is_scored", F.lit(True))
        named = names.join(too, on="customer_id", how="left").agg(F.count("*"), F.count("is_scored"))
        [(excluded, both)] = named.collect()
        known = sum(r["customers"] for r in population)
        if both or known != expected + excluded:
            raise GuardError(
                f"population: {known:,} known, {expected:,} scored + {excluded:,} excluded, {both:,} both; expected "
                "everybody once. Nothing was published."
            )
        facts.append(f"{expected:,} customers in {len(found)} dimensions; lifetime revenue {staged:,}")
