"""What follows from adding up days: money, orders, items, and the first and last order."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.features.windows import window_states
from segmentation.tiles import SUMS


def purchase_states(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window: every sum of the tiles, order days, ages of the first and last order."""
    return window_states(
        tiles, as_of, ("customer_id",),
        {
            **{s.name: ("sum", F.col(s.name)) for s in SUMS},
            "order_days": ("sum", F.size("order_dates").cast("bigint")),
            "days_since_last_order": ("min", F.datediff(F.lit(as_of), F.array_max("order_dates"))),
            "days_since_first_order": ("max", F.datediff(F.lit(as_of), F.array_min("order_dates"))),
        },
    )  # fmt: skip
