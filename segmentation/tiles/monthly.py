"""Day tiles to month tiles: sums add, entries add by key, and the days with an order become a bitmap."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import CUSTOMER_MONTH, SUMS

MONTH = ("customer_id", "month")
CATEGORY_SUMS = ("net_amount", "items", "item_amount")


def month_of(day: str = "event_date") -> Column:
    """The first day of the calendar month."""
    return F.trunc(day, "month").alias("month")


def monthly_tiles(days: DataFrame) -> DataFrame:
    """One row per customer and calendar month with tiles in `days`."""
    days = days.withColumn("month", month_of())
    bit = F.when(F.col("orders") > 0, F.expr("shiftleft(1, day(event_date) - 1)")).otherwise(0)
    sums = days.groupBy(*MONTH).agg(
        F.bit_or(bit).alias("order_days"),
        *(F.sum(s.name).alias(s.name) for s in SUMS),
        F.array_sort(F.flatten(F.collect_list("bought_before"))).alias("bought_before"),
    )  # fmt: skip
    months = sums.join(_stores(days), on=list(MONTH), how="left").join(_categories(days), on=list(MONTH), how="left")
    return months.select(*CUSTOMER_MONTH.names)


def _stores(days: DataFrame) -> DataFrame:
    merged = days.select(*MONTH, F.inline("orders_by_store")).groupBy(*MONTH, "key").agg(F.sum("value").alias("value"))
    return merged.groupBy(*MONTH).agg(F.array_sort(F.collect_list(F.struct("key", "value"))).alias("orders_by_store"))


def _categories(days: DataFrame) -> DataFrame:
    sums = days.select(*MONTH, F.inline("by_category"))
    merged = sums.groupBy(*MONTH, "department", "category").agg(*(F.sum(c).alias(c) for c in CATEGORY_SUMS))
    entries = F.array_sort(F.collect_list(F.struct("department", "category", *CATEGORY_SUMS)))
    return merged.groupBy(*MONTH).agg(entries.alias("by_category"))
