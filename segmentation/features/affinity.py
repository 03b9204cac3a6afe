"""What a customer buys and where: categories, departments, prices against the category's usual, stores."""

from __future__ import annotations

import datetime as dt
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import Window
from segmentation.features.windows import window_states

KEY = ["customer_id", "window"]
PRICE_WINDOW = Window(365)


def affinity_states(tiles: DataFrame, prices: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window with known categories, departments or stores."""
    parts = [
        _categories(tiles, category_prices(prices, as_of), as_of),
        _departments(tiles, as_of),
        _stores(tiles, as_of),
    ]
    return reduce(lambda left, right: left.join(right, on=KEY, how="full"), parts)


def category_prices(prices: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per category: the exact median unit price of its lines in the last 365 days, in currency per item.

    Every line counts once, whatever its quantity. Seven decimals, because unit prices have six and a median may lie
    between two.
    """
    inside = F.col("event_date") >= F.lit(PRICE_WINDOW.start(as_of))
    return (
        prices.where(inside)
        .groupBy("category")
        .agg(F.expr("percentile(cast(unit_price AS double), 0.5, lines)").cast("decimal(18,7)").alias("median_price"))
    )


def _categories(tiles: DataFrame, prices: DataFrame, as_of: dt.date) -> DataFrame:
    days = tiles.select("customer_id", "event_date", F.explode("by_category").alias("sums"))
    days = days.select("customer_id", "event_date", "sums.category", "sums").where("category IS NOT NULL")
    per_category = window_states(
        days, as_of, ("customer_id", "category"),
        {name: ("sum", F.col(f"sums.{name}")) for name in ("net_amount", "items", "item_amount")},
    )  # fmt: skip
    positive = F.when(F.col("net_amount") > 0, F.col("net_amount").cast("decimal(18,2)"))
    priced = F.col("median_price").isNotNull()
    return (
        per_category.join(F.broadcast(prices), on="category", how="left")
        .groupBy(*KEY)
        .agg(
            F.count(positive).alias("categories"),
            # Squares of cents stay exact in decimal(38,4): no order of addition can show.
            F.sum((positive * positive).cast("decimal(38,4)")).alias("squares"),
            F.sum(positive).alias("total"),
            F.sum(F.when(priced, F.col("item_amount"))).alias("item_amount"),
            F.sum((F.col("items").cast("decimal(18,3)") * F.col("median_price")).cast("decimal(38,10)"))
            .alias("expected_item_amount"),
        )
        .withColumn("total", F.col("total").cast("double"))
        .select(*KEY, "categories", "item_amount", "expected_item_amount",
                (F.col("squares").cast("double") / F.nullif(F.col("total") * F.col("total"), F.lit(0.0)))
                .alias("category_hhi"))
    )  # fmt: skip


def _departments(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    days = tiles.select("customer_id", "event_date", F.explode("by_category").alias("sums"))
    days = days.select("customer_id", "event_date", "sums.department", F.col("sums.net_amount").alias("net"))
    days = days.where("department IS NOT NULL")
    merged = window_states(days, as_of, ("customer_id", "department"), {"net": ("sum", F.col("net"))})
    entries = F.array_sort(F.collect_list(F.struct("department", F.col("net").cast("double").alias("net"))))
    return merged.groupBy(*KEY).agg(F.map_from_entries(entries).alias("net_by_department"))


def _stores(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    days = tiles.select("customer_id", "event_date", F.explode("orders_by_store").alias("store_id", "n"))
    merged = window_states(days, as_of, ("customer_id", "store_id"), {"n": ("sum", F.col("n"))})
    return merged.groupBy(*KEY).agg(F.sum("n").alias("known_store_orders"), F.max("n").alias("top_store_orders"))
