"""Which products a customer bought when: it tells how many were new in a window, which no sum does."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import BOUGHT, CUSTOMER_PRODUCT

PAIR = ("customer_id", "product_id")


def product_tiles(lines: DataFrame) -> DataFrame:
    """One row per customer and product bought; returns say nothing of what is known to the customer."""
    bought = lines.where(f"{BOUGHT} AND product_id IS NOT NULL")
    return bought.groupBy(*PAIR).agg(F.array_sort(F.collect_set("event_date")).alias("days"))


def changed_products(old: DataFrame, changes: DataFrame, lines: DataFrame) -> DataFrame:
    """The rows of the pairs in `changes`, as they follow from `old` and the lines as they are now.

    `changes`: lines before and after they changed; `lines`: all lines now, of the customers' days in `changes` at
    least. On each day of a change the pair is looked up anew; its other days stay.
    """
    touched = changes.where("product_id IS NOT NULL").groupBy(*PAIR).agg(F.collect_set("event_date").alias("touched"))
    now = product_tiles(lines).withColumnRenamed("days", "now")
    none = F.array().cast("array<date>")
    rows = touched.join(old, on=list(PAIR), how="left").join(now, on=list(PAIR), how="left")
    kept = F.array_except(F.coalesce("days", none), "touched")
    again = F.array_intersect(F.coalesce("now", none), "touched")
    days = F.array_sort(F.array_union(kept, again)).alias("days")
    return rows.select(*PAIR, days).where(F.size("days") > 0).select(*CUSTOMER_PRODUCT.names)
