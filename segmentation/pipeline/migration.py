"""Who moved since the last published as-of date: `segment_migration`."""

from __future__ import annotations

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.periods import YEAR
from segmentation.core.schemas import SEGMENT_MIGRATION, SEGMENTS
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.segments import migration
from segmentation.tiles import in_units, since


def write_migration(context: Context, run: Run, previous: Row | None, tiles: DataFrame) -> int:
    """Sets the segments that `run` has written against those of the run before; returns the table's version.

    Without an earlier as-of date nobody has moved, and there are no rows.
    """
    warehouse = context.warehouse
    with context.steps.step(SEGMENT_MIGRATION.name) as facts:
        rows = warehouse.frame(SEGMENT_MIGRATION, [])
        if previous is not None:
            then = warehouse.read_run(SEGMENTS, previous["as_of"], previous["run_id"])
            now = warehouse.read_run(SEGMENTS, run.as_of, run.run_id)
            year = since(tiles, YEAR.start(run.as_of)).groupBy("customer_id")
            money = in_units(year.agg(F.sum("net_amount").alias("net_amount")))
            revenue = money.withColumnRenamed("net_amount", "revenue_365d")
            rows = migration(then, now, revenue).select(
                F.lit(run.as_of).alias("as_of"), F.lit(run.run_id).alias("run_id"),
                F.lit(previous["as_of"]).alias("previous_as_of"), *SEGMENT_MIGRATION.names[3:],
            )  # fmt: skip
        version = warehouse.write_attempt(SEGMENT_MIGRATION, rows, run.as_of, run.run_id)
        facts.append(f"since {previous['as_of']}" if previous else "no earlier as-of date")
    return version
