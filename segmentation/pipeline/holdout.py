"""A step back in time: customers as they were some months before the as-of date, and what they have spent since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import Holdout
from segmentation.clustering.usefulness import OUTCOME
from segmentation.core.config import sql_columns
from segmentation.features import build_features
from segmentation.matrix import Preprocessor
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import read_inputs, tiles_before
from segmentation.tiles import in_units


def read_holdout(
    context: Context, as_of: dt.date, days: int, features_run: Row, scored: DataFrame, parts: Sequence[Preprocessor]
) -> Holdout | None:
    """The customers `scored` at `as_of`, with their features of `days` before and the log of their spend since.

    Only the features that the parts read are built, and nothing is written. None where `days` is 0, or history does
    not reach as far back again. Persisted; the caller releases it.
    """
    tiles, start = tiles_before(context, as_of, features_run), as_of - dt.timedelta(days)
    first = tiles.agg(F.min("event_date")).collect()[0][0]
    if not days or first is None or first > start - dt.timedelta(days):
        return None
    with context.steps.step("holdout") as facts:
        reads = {s.feature for p in parts for s in p.fitted}.union(*(sql_columns(p.has_data, "") for p in parts))
        inputs = read_inputs(context, context.runs.get(features_run["inputs"]["ingest"]))
        then = build_features(context.registry.only(reads), inputs, [start])
        known = then.join(scored.select("customer_id"), on="customer_id", how="left_semi")
        with_spend = known.join(log_spend(tiles, start, OUTCOME), on="customer_id", how="left")
        customers = with_spend.withColumn(OUTCOME, F.coalesce(OUTCOME, F.lit(0.0))).persist()
        found = Holdout(customers, customers.count())
        facts.append(f"{found.count:>9,} customers as of {start}, and their spend since")
    return found


def log_spend(tiles: DataFrame, start: dt.date, name: str) -> DataFrame:
    """One row per customer with purchases or returns from `start` on: log(1 + net revenue), 0 for none or less."""
    net = F.greatest(F.sum("net_amount"), F.lit(0)).cast("double")
    return in_units(tiles.where(F.col("event_date") >= F.lit(start))).groupBy("customer_id").agg(
        F.log1p(net).alias(name)
    )  # fmt: skip
