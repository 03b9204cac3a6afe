"""How much of a basket is new to the customer. Needs the first and last day of each product, not sums."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.features.windows import windows_covering


def variety_states(products: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window: different products bought, and those never bought before the window.

    `products`: `customer_product`, its days before the as-of date. A product is in a window when its last purchase
    is, and new there when its first is.
    """
    seen = products.select(
        "customer_id", F.element_at("days", 1).alias("first_day"), F.element_at("days", -1).alias("last_day")
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
