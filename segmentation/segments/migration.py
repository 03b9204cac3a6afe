"""Who went from which segment to which since an earlier as-of date, and what of a segment's change is due to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation.core.schemas import MONEY
from segmentation.segments.matching import GONE, NEW

Path = tuple[str, str, str, str, int]
"""dimension; segment then; by today's models on the features of then; now; customers."""
PARTS = ("customers_before", "by_model", "came", "gone", "moved_in", "moved_out", "customers")
FLOW = ("dimension", "from_segment_id", "from_segment_name", "to_segment_id", "to_segment_name")


def migration(then: DataFrame, now: DataFrame, revenue: DataFrame) -> DataFrame:
    """One row per dimension, segment then and segment now with customers: their number, share and revenue.

    then, now: published rows of `segments` of two as-of dates; revenue: customer_id and revenue_365d at the later one.
    Who was not scored then comes from `(new)`, who is not any more goes to `(gone)`. Over what they come from the
    customers add up to those of then, over where they go to those of now. share is of the customers of the segment
    then; of the new ones for `(new)`. held: of the customers those whom stickiness keeps where they were; raw_moved:
    those of whom the model alone says another segment than then.
    """

    def side(rows: DataFrame, name: str, *more: Column) -> DataFrame:
        named = (F.col(c).alias(f"{name}_{c}") for c in ("segment_id", "segment_name"))
        return rows.select("dimension", "customer_id", *named, F.col("raw_segment_id").alias(f"{name}_raw"), *more)

    kept = F.col("held_distance").isNotNull().alias("kept")
    both = side(then, "from").join(side(now, "to", kept), on=["dimension", "customer_id"], how="full")
    flows = (
        both.fillna({"from_segment_id": NEW, "from_segment_name": "New", "to_segment_id": GONE,
                     "to_segment_name": "No longer scored"})
        .join(revenue, on="customer_id", how="left")
        .groupBy(*FLOW)
        .agg(
            F.count("*").alias("customers"),
            F.count_if("kept").alias("held"),
            F.count_if(F.col("from_raw") != F.col("to_raw")).alias("raw_moved"),
            F.coalesce(F.sum("revenue_365d"), F.lit(0)).cast(MONEY).alias("revenue_365d"),
        )
    )  # fmt: skip
    of_then = Window.partitionBy("dimension", "from_segment_id")
    return flows.withColumn("share", F.col("customers") / F.sum("customers").over(of_then))


def paths(then: DataFrame, between: DataFrame, now: DataFrame) -> list[Path]:
    """Customers by dimension, segment then, between (today's models on the features of then) and now: three shuffles.

    Who was not scored then is `(new)` before, and who is not any more `(gone)` now.
    """

    def side(rows: DataFrame, name: str) -> DataFrame:
        return rows.select("dimension", "customer_id", F.col("segment_id").alias(name))

    on = ["dimension", "customer_id"]
    both = side(then, "then").join(side(between, "between"), on=on, how="left")
    found = both.join(side(now, "now"), on=on, how="full").fillna({"then": NEW, "now": GONE})
    # Somebody of then whom today's models do not score there has not moved because of them.
    counts = found.groupBy("dimension", "then", F.coalesce("between", "then").alias("between"), "now").count()
    return [(r["dimension"], r["then"], r["between"], r["now"], r["count"]) for r in counts.collect()]


def segment_changes(found: Iterable[Path]) -> dict[tuple[str, str], dict[str, int]]:
    """By dimension and segment the sizes then and now, and the parts of the change, which add up to it.

    >>> segment_changes([("unified", "a", "b", "b", 5), ("unified", "a", "a", "(gone)", 1)])["unified", "a"]
    {'customers_before': 6, 'by_model': -5, 'came': 0, 'gone': 1, 'moved_in': 0, 'moved_out': 0, 'customers': 0}
    """
    changes: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(PARTS, 0))
    for dimension, then, between, now, n in found:
        if then == NEW:
            changes[dimension, now]["came"] += n
        else:
            changes[dimension, then]["customers_before"] += n
            changes[dimension, then]["by_model"] -= n
            changes[dimension, between]["by_model"] += n
            if now == GONE:
                changes[dimension, between]["gone"] += n
            elif now != between:
                changes[dimension, between]["moved_out"] += n
                changes[dimension, now]["moved_in"] += n
        if now != GONE:
            changes[dimension, now]["customers"] += n
    return dict(changes)
