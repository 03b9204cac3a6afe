"""Tiles and staged tables to the features of one as-of date."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, GuardError
from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS, STG_TRANSACTIONS
from segmentation.features import Inputs, build_features, known_customers
from segmentation.io.runs import new_run
from segmentation.pipeline.context import Context
from segmentation.pipeline.ingest import check_source
from segmentation.tiles import CUSTOMER_DAY, TILES


def run_features(context: Context, as_of: dt.date) -> Row:
    """Builds and publishes `customer_features` for one as-of date; returns the published run.

    Raises BadInputError where nothing is staged, or nobody is known before the as-of date.
    """
    ingest = check_source(context)
    if ingest is None:
        raise BadInputError(
            f"{context.warehouse.root}: nothing is staged yet. "
            "Run jobs/ingest.py --input DIR first, or name another --warehouse."
        )
    registry = context.registry
    config = {**context.config_files(*context.feature_files()), "provides": sorted(context.source.provides())}
    run = new_run("build_features", as_of, config, {"ingest": ingest["run_id"]})
    done = context.standing(run)
    if done is not None:
        return done
    context.steps.say(f"build_features: as of {as_of}, {len(registry.features)} features")
    context.steps.say_notes("off, inputs missing", registry.notes())
    inputs = read_inputs(context, ingest)
    if known_customers(inputs.before(as_of)).isEmpty():
        raise BadInputError(f"--as-of {as_of}: no customer has a record before that day. Choose a later date.")
    context.create_tables()
    table = registry.table
    with context.steps.step(table.name) as facts:
        rows = build_features(registry, inputs, as_of).select(
            F.lit(as_of).alias("as_of"), F.lit(run.run_id).alias("run_id"), "*"
        )
        version = context.warehouse.write_attempt(table, rows, as_of, run.run_id)
        written = context.warehouse.read_run(table, as_of, run.run_id)
        found = written.agg(F.count("*").alias("n"), F.count_distinct("customer_id").alias("customers")).first()
        assert found is not None  # an aggregate without groups has one row
        if found["n"] != found["customers"]:
            raise GuardError(
                f"{table.name}: {found['n']:,} rows for {found['customers']:,} customers; expected one each."
            )
        facts.append(f"{found['n']:>9,} customers")
    read = {t.name: ingest["output_versions"][t.name] for t in (STG_TRANSACTIONS, *TILES, *READ)}
    return context.runs.publish(
        run.finish(input_versions=read, output_versions={table.name: version}, rows_in=found["n"], rows_out=found["n"],
                   notes=registry.notes()),
        context.restate,
    )  # fmt: skip


def tiles_before(context: Context, as_of: dt.date, features_run: Row) -> DataFrame:
    """The day tiles that a published run of features was made from."""
    version = features_run["input_versions"][CUSTOMER_DAY.name]
    return context.warehouse.read(CUSTOMER_DAY, version).where(F.col("event_date") < F.lit(as_of))


READ = (STG_CUSTOMERS, STG_INTERACTIONS, STG_FEEDBACK)


def read_inputs(context: Context, ingest: Row) -> Inputs:
    """The tiles and staged tables as the ingest run left them, whatever has been written since."""
    versions = ingest["output_versions"]
    return Inputs(*(context.warehouse.read(table, versions[table.name]) for table in (*TILES, *READ)))
