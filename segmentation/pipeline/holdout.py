"""A step back in time: customers as they were some months before the as-of date, and what they have spent since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import Holdout
from segmentation.clustering.usefulness import OUTCOME
from segmentation.matrix import Preprocessor
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import tiles_before
from segmentation.pipeline.population import population_before
from segmentation.tiles import in_units, since


def read_holdout(
    context: Context, as_of: dt.date, days: int, features_run: Row, parts: Sequence[Preprocessor]
) -> Holdout | None:
    """The customers who would have been scored `days` before `as_of`, with the log of their spend from then on.

    Only the features that the parts and `conf/population.yml` read are built, and nothing is written. None where
    `days` is 0, or history does not reach as far back again. Persisted; the caller releases it.
    """
    start = as_of - dt.timedelta(days)
    if not days:
        return None
    tiles = tiles_before(context, as_of, features_run)
    first = tiles.agg(F.min("event_date")).collect()[0][0]
    if first is None or first > start - dt.timedelta(days):
        context.steps.say(f"  no holdout              history does not begin {days} days before {start}")
        return None
    with context.steps.step("holdout") as facts:
        ingest = context.runs.get(features_run["inputs"]["ingest"])
        scored = population_before(context, start, ingest, frozenset[str]().union(*(p.reads for p in parts)))
        with_spend = scored.join(log_spend(tiles, start, OUTCOME), on="customer_id", how="left")
        customers = with_spend.withColumn(OUTCOME, F.coalesce(OUTCOME, F.lit(0.0))).persist()
        found = Holdout(customers, customers.count())
        facts.append(f"{found.count:>9,} customers as of {start}, and their spend since")
    return found


def log_spend(tiles: DataFrame, start: dt.date, name: str) -> DataFrame:
    """One row per customer with purchases or returns from `start` on: log(1 + net revenue), 0 for none or less.

    What was bought before and taken back since counts on neither side.
    """
    spend = since(tiles, start).groupBy("customer_id").agg(F.sum("net_amount").alias("net_amount"))
    return in_units(spend).select("customer_id", F.log1p(F.greatest("net_amount", F.lit(0)).cast("double")).alias(name))
