"""The rhythm of buying: gaps between successive days with orders. It does not follow from sums."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import WINDOWS


def cadence_states(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window: the median gap in days, and the gaps' coefficient of variation.

    Gaps lie between two order days that are both inside the window. Null for fewer than two order days
    (median) or three (variation). The deviation is the population's (divided by n).
    """
    ages = F.transform(F.flatten(F.collect_list("order_dates")), lambda day: F.datediff(F.lit(as_of), day))
    days = tiles.groupBy("customer_id").agg(F.array_sort(ages).alias("ages"))
    windows = F.array(*(F.struct(F.lit(w.name).alias("name"), F.lit(w.days).alias("days")) for w in WINDOWS))
    per_window = days.withColumn("w", F.explode(windows)).select(
        "customer_id",
        F.col("w.name").alias("window"),
        F.filter("ages", lambda a: F.col("w.days").isNull() | (a <= F.col("w.days"))).alias("ages"),
    )
    gaps = F.zip_with(F.slice("ages", 2, F.greatest(F.size("ages"), F.lit(1))), "ages", lambda later, a: later - a)
    # zip_with pads the shorter side with null; the last pair has no later day.
    return per_window.withColumn("gaps", F.array_sort(F.filter(gaps, lambda g: g.isNotNull()))).select(
        "customer_id",
        "window",
        _median("gaps").alias("median_gap_days"),
        _variation("gaps").alias("gap_variation"),
    )


def _median(gaps: str) -> Column:
    n = F.size(gaps)
    low, high = F.floor((n + 1) / 2).cast("int"), F.floor(n / 2 + 1).cast("int")
    return F.when(n > 0, (F.get(gaps, low - 1) + F.get(gaps, high - 1)) / 2.0)


def _variation(gaps: str) -> Column:
    # In whole numbers until the last step, so that no order of addition can show.
    n = F.size(gaps).cast("bigint")
    total = F.aggregate(gaps, F.lit(0).cast("bigint"), lambda s, g: s + g)
    squares = F.aggregate(gaps, F.lit(0).cast("bigint"), lambda s, g: s + g.cast("bigint") * g)
    return F.when(n > 1, F.sqrt((n * squares - total * total).cast("double")) / total.cast("double"))
