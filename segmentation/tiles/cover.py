"""The fewest tiles that make up every window of an as-of date: months for the body, days for the edges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import WINDOWS
from segmentation.tiles.aggregates import STATES


def cover(days: DataFrame, months: DataFrame, as_ofs: Sequence[dt.date]) -> DataFrame:
    """Tiles that add up to everything before the last of `as_ofs`, each wholly inside or outside of all their windows.

    Columns: customer_id, the states, `event_date` (a month stands on its first day), and `order_days`, a bitmap of
    the days with an order: bit d is d days after `event_date`. Nothing of that last date or later is in them.
    """
    last, edges = max(as_ofs), edge_months(as_ofs)
    states = [s.name for s in STATES]
    whole = (F.col("month") < F.lit(_month(last))) & ~F.col("month").isin(edges)
    body = months.where(whole).select("customer_id", F.col("month").alias("event_date"), "order_days", *states)
    at_edge = F.col("month").isin(edges) & (F.col("event_date") < F.lit(last))
    own = F.expr("IF(orders > 0, 1, 0)").alias("order_days")
    return body.unionByName(days.where(at_edge).select("customer_id", "event_date", own, *states))


def edge_months(as_ofs: Sequence[dt.date]) -> list[dt.date]:
    """The months that a window's first day, or an as-of date, cuts in two.

    >>> [str(m) for m in edge_months([dt.date(2018, 1, 1)])]
    ['2017-07-01', '2017-10-01', '2017-12-01']
    """
    cuts = [day for a in as_ofs for day in (a, *(w.start(a) for w in WINDOWS if w.days is not None))]
    return sorted({_month(day) for day in cuts if day.day > 1})


def _month(day: dt.date) -> dt.date:
    return day.replace(day=1)
