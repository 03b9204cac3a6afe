"""One month: stage what is new, build features, score with the bundle in effect, publish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.errors import GuardError
from segmentation.core.schemas import (
    DIMENSIONS,
    EXCLUDED_CUSTOMERS,
    POPULATION,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    STG_TRANSACTIONS,
    UNIFIED,
)
from segmentation.io.runs import Run, new_run
from segmentation.pipeline.bundle import check_features, load_bundle
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import load_dimensions
from segmentation.pipeline.features import run_features, tiles_before
from segmentation.pipeline.fit import run_fit
from segmentation.pipeline.ingest import run_ingest
from segmentation.pipeline.migration import write_migration
from segmentation.pipeline.population import Everyone, read_everyone, write_population
from segmentation.pipeline.profiles import write_profiles
from segmentation.segments import Model, load_rules, segment_rows
from segmentation.segments.population import SCORED


def run_month(context: Context, as_of: dt.date, folder: str | None = None) -> Row:
    """All steps of one as-of date; each that is published already is passed over. Returns the scoring run.

    `folder` holds new raw files; without it what is staged is used. Where no bundle is in effect at `as_of`,
    one is fitted on its features.
    """
    if folder is not None:
        run_ingest(context, folder)
    [features_run] = run_features(context, [as_of])
    if context.runs.champion(as_of) is None:
        run_fit(context, as_of)
    return run_score(context, as_of, features_run)


def run_score(context: Context, as_of: dt.date, features_run: Row) -> Row:
    """Scores the population of `as_of` with the bundle in effect; publishes it, `segments`, profiles and differences.

    Raises GuardError, and publishes nothing, where rows or money were lost on the way.
    """
    bundle = context.runs.champion(as_of)
    assert bundle is not None  # run_month fits one where there is none
    config = context.config_files("population.yml", "rules.yml", "dimensions.yml", *context.feature_files())
    previous = context.runs.before("monthly", as_of)
    inputs = {"features": features_run["run_id"], "bundle": bundle}
    run = new_run("monthly", as_of, config, inputs | ({"previous": previous["run_id"]} if previous else {}))
    done = context.standing(run)
    if done is not None:
        return done
    context.steps.say(f"monthly: as of {as_of}, scoring with bundle {bundle}")
    context.create_tables()
    everyone = read_everyone(context, as_of, features_run)
    features, tiles = everyone.features, tiles_before(context, as_of, features_run)
    with context.steps.step("bundle") as facts:
        models = load_bundle(context, bundle)
        check_features(context, models)
        facts.append(f"{len(models)} models, every file as published")
    segments, notes = _write_segments(context, run, features, models)
    versions = {SEGMENTS.name: segments} | write_profiles(context, run, previous, everyone, models, tiles)
    versions[SEGMENT_MIGRATION.name] = write_migration(context, run, previous, tiles)
    versions |= write_population(context, run, everyone, tiles)
    _audit(context, run, features_run, everyone)
    everyone.release()
    trained = models[UNIFIED].version.split("-")[0]
    is_new = trained == f"{as_of:%Y%m%d}"
    return context.runs.publish(
        run.finish(output_versions=versions, input_versions=dict(features_run["output_versions"]),
                   rows_in=everyone.known, rows_out=everyone.scored * (len(DIMENSIONS) + 1),
                   verdict="refit" if is_new else "rescored",
                   reason=f"bundle {bundle}, " + ("fitted on these customers" if is_new else "as it was promoted"),
                   notes=everyone.notes + notes),
        context.restate,
    )  # fmt: skip


def _write_segments(
    context: Context, run: Run, features: DataFrame, models: Mapping[str, Model]
) -> tuple[int, list[str]]:
    registry = context.registry
    conditions = load_dimensions(context.config, registry).conditions
    rules, notes = load_rules(context.config, [f.name for f in registry.features]).without(
        {f.name for f in registry.features if f.off_because}
    )
    context.steps.say_notes("off, inputs missing", notes)
    with context.steps.step(SEGMENTS.name) as facts:
        rows = segment_rows(models, features, conditions, rules)
        attempt = rows.select(F.lit(run.as_of).alias("as_of"), F.lit(run.run_id).alias("run_id"), "*")
        version = context.warehouse.write_attempt(SEGMENTS, attempt, run.as_of, run.run_id)
        facts.append(f"version {version}")
    return version, notes


def _audit(context: Context, run: Run, features_run: Row, everyone: Everyone) -> None:
    """Nobody is lost and no cent: who is known is scored or excluded, with the lifetime revenue that is staged."""
    with context.steps.step("audit") as facts:
        expected = everyone.scored
        rows = context.warehouse.read_run(SEGMENTS, run.as_of, run.run_id)
        found = {r["dimension"]: (r["n"], r["customers"]) for r in rows.groupBy("dimension").agg(
            F.count("*").alias("n"), F.count_distinct("customer_id").alias("customers")).collect()}  # fmt: skip
        for dimension in (*DIMENSIONS, UNIFIED):
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
        both = names.join(rows, on="customer_id", how="left_semi").count()
        known, excluded = sum(r["customers"] for r in population), names.count()
        if both or known != expected + excluded:
            raise GuardError(
                f"population: {known:,} known, {expected:,} scored + {excluded:,} excluded, {both:,} both; expected "
                "everybody once. Nothing was published."
            )
        facts.append(f"{expected:,} customers in {len(found)} dimensions; lifetime revenue {staged:,}")
