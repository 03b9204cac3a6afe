"""Which prices were paid in a category on a day: an exact median of any window follows from the counts."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import BOUGHT, CATEGORY_PRICE, IS_ITEM
from segmentation.tiles.build import month_of


def price_tiles(lines: DataFrame) -> DataFrame:
    """One row per category, day and unit price. Lines not sold by the item have no place in it."""
    priced = lines.where(f"{IS_ITEM} AND {BOUGHT} AND quantity > 0 AND category IS NOT NULL AND unit_price IS NOT NULL")
    counted = priced.groupBy(*CATEGORY_PRICE.key).agg(F.count("*").alias("lines"))
    return counted.withColumn("month", month_of()).select(*CATEGORY_PRICE.names)
