"""Who went from which segment to which since an earlier as-of date."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segmentation.core.schemas import MONEY
from segmentation.segments.matching import GONE, NEW

FLOW = ("dimension", "from_segment_id", "from_segment_name", "to_segment_id", "to_segment_name")


def migration(then: DataFrame, now: DataFrame, revenue: DataFrame) -> DataFrame:
    """One row per dimension, segment then and segment now with customers: their number, share and revenue.

    then, now: published rows of `segments` of two as-of dates; revenue: customer_id and revenue_365d at the later one.
    Who was not scored then comes from `(new)`, who is not any more goes to `(gone)`. Over what they come from the
    customers add up to those of then, over where they go to those of now. share is of the customers of the segment
    then; of the new ones for `(new)`.
    """

    def side(rows: DataFrame, name: str) -> DataFrame:
        named = (F.col(c).alias(f"{name}_{c}") for c in ("segment_id", "segment_name"))
        return rows.select("dimension", "customer_id", *named)

    both = side(then, "from").join(side(now, "to"), on=["dimension", "customer_id"], how="full")
    flows = (
        both.fillna({"from_segment_id": NEW, "from_segment_name": "New", "to_segment_id": GONE,
                     "to_segment_name": "No longer scored"})
        .join(revenue, on="customer_id", how="left")
        .groupBy(*FLOW)
        .agg(
            F.count("*").alias("customers"),
            F.coalesce(F.sum("revenue_365d"), F.lit(0)).cast(MONEY).alias("revenue_365d"),
        )
    )  # fmt: skip
    of_then = Window.partitionBy("dimension", "from_segment_id")
    return flows.withColumn("share", F.col("customers") / F.sum("customers").over(of_then))
