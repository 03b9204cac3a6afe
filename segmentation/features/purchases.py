"""What follows from adding up days: money, orders, items, and the first and last order."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.features.windows import age, window_states
from segmentation.tiles import SUMS


def purchase_states(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window: every sum of `customer_day`, order days, ages of the first and last order."""
    has_order = F.col("orders") > 0
    return window_states(
        tiles, as_of, ("customer_id",),
        {
            **{s.name: ("sum", F.col(s.name)) for s in SUMS},
            "order_days": ("sum", has_order.cast("bigint")),
            "days_since_last_order": ("min", F.when(has_order, age(as_of))),
            "days_since_first_order": ("max", F.when(has_order, age(as_of))),
        },
    )  # fmt: skip
