"""Tiles and staged tables to the features of one as-of date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, GuardError
from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS, STG_TRANSACTIONS
from segmentation.features import Inputs, Tiles, build_features
from segmentation.io.runs import Run, new_run
from segmentation.pipeline.context import Context
from segmentation.pipeline.ingest import staged
from segmentation.tiles import CUSTOMER_DAY, TILES


def run_features(context: Context, as_ofs: Sequence[dt.date], follow: bool = False) -> list[Row]:
    """Builds and publishes `customer_features` for as-of dates, in one pass over the tiles; returns a run a date.

    What is published stays; with `follow`, of a date that is scored: the features of another are built anew where
    something else is staged by now. Raises BadInputError where nothing is staged, or nobody is known before one of the
    dates.
    """
    ingest = staged(context)
    registry = context.registry
    config, inputs = config_of_features(context), {"ingest": ingest["run_id"]}
    runs = {as_of: new_run("build_features", as_of, config, inputs) for as_of in as_ofs}
    standing = {
        as_of: context.runs.published(run.run_key)
        if follow and not context.restate and context.runs.latest("monthly", as_of) is None
        else context.standing(run)
        for as_of, run in runs.items()
    }
    wanted = [as_of for as_of, done in standing.items() if done is None]
    if wanted:
        context.steps.say(f"build_features: as of {', '.join(map(str, wanted))}, {len(registry.features)} features")
        context.steps.say_notes("off, inputs missing", registry.notes())
        built = _build(context, ingest, [runs[as_of] for as_of in wanted])
    return [standing[as_of] or built[as_of] for as_of in as_ofs]


def config_of_features(context: Context) -> dict[str, object]:
    """What of `conf/` features depend on, beside their inputs."""
    return {**context.config_files(*context.feature_files()), "provides": sorted(context.source.provides())}


def _build(context: Context, ingest: Row, runs: list[Run]) -> dict[dt.date, Row]:
    return {run.as_of: context.runs.publish(run, context.restate) for run in write_features(context, ingest, runs)}


def write_features(context: Context, ingest: Row, runs: Sequence[Run]) -> list[Run]:
    """Writes the features of each run's date, from what `ingest` left; returns the runs, finished and not published.

    Raises BadInputError where nobody is known before one of the dates, and has written nothing then.
    """
    registry, warehouse, as_ofs = context.registry, context.warehouse, [run.as_of for run in runs]
    inputs = read_inputs(context, ingest)
    first = min(as_ofs)
    # Who was known at an earlier date is known at this one too.
    somebody = any(run["as_of"] <= first for run in context.runs.of("build_features"))
    if not somebody and not inputs.introduce_anybody(first):
        raise BadInputError(f"--as-of {first}: no customer has a record before that day. Choose a later date.")
    context.create_tables()
    table = registry.table
    with context.steps.step(table.name) as facts:
        run_id = F.create_map(*(F.lit(v) for run in runs for v in (run.as_of, run.run_id)))[F.col("as_of")]
        rows = build_features(registry, inputs, as_ofs).withColumn("run_id", run_id)
        version = warehouse.write_attempts(table, rows, {run.as_of: run.run_id for run in runs})
        found = {}
        for run in runs:
            of_run = warehouse.read_run(table, run.as_of, run.run_id)
            found[run.as_of] = n, customers = of_run.agg(F.count("*"), F.count_distinct("customer_id")).collect()[0]
            if n != customers:
                raise GuardError(f"{table.name}: {n:,} rows for {customers:,} customers; expected one each.")
        facts.append(f"{sum(n for n, _ in found.values()):>9,} customers")
    read = {t.name: ingest["output_versions"][t.name] for t in (STG_TRANSACTIONS, *TILES, *READ)}
    return [
        run.finish(input_versions=read, output_versions={table.name: version}, rows_in=found[run.as_of][0],
                   rows_out=found[run.as_of][0], notes=registry.notes())
        for run in runs
    ]  # fmt: skip


def tiles_before(context: Context, as_of: dt.date, features_run: Row) -> DataFrame:
    """The day tiles that a published run of features was made from."""
    version = features_run["input_versions"][CUSTOMER_DAY.name]
    return context.warehouse.read(CUSTOMER_DAY, version).where(F.col("event_date") < F.lit(as_of))


READ = (STG_CUSTOMERS, STG_INTERACTIONS, STG_FEEDBACK)


def read_inputs(context: Context, ingest: Row) -> Inputs:
    """The tiles and staged tables as the ingest run left them, whatever has been written since."""
    versions = ingest["output_versions"]
    tiles, others = (
        [context.warehouse.read(table, versions[table.name]) for table in tables] for tables in (TILES, READ)
    )
    return Inputs(Tiles(*tiles), *others)
