"""How much of a basket is new to the customer. Needs the first and last day of each product, not sums."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.features.windows import windows_covering
from segmentation.tiles.aggregates import BOUGHT


def variety_states(lines: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window: different products bought, and those never bought before the window.

    A product is in a window when its last purchase before the as-of date is, and new there when its first is.
    """
    seen = (
        lines.where(f"{BOUGHT} AND product_id IS NOT NULL")
        .groupBy("customer_id", "product_id")
        .agg(F.min("event_date").alias("first_day"), F.max("event_date").alias("last_day"))
    )
    return (
        seen.select(
            "customer_id",
            F.explode(windows_covering(as_of, "last_day")).alias("window"),
            windows_covering(as_of, "first_day").alias("new_in"),
        )
        .groupBy("customer_id", "window")
        .agg(
            F.count("*").alias("products"),
            F.count_if(F.array_contains("new_in", F.col("window"))).alias("new_products"),
        )
    )
