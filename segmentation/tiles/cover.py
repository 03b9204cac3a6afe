"""The fewest tiles that make up every window of an as-of date: months for the body, days for the edges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import WINDOWS
from segmentation.tiles.aggregates import STATES


def cover(days: DataFrame, months: DataFrame, as_ofs: Sequence[dt.date]) -> DataFrame:
    """Tiles that add up to everything before the last of `as_ofs`, each wholly inside or outside of all their windows.

    Columns: customer_id, the states, `event_date` (a month stands on its first day), and `order_dates`, the days
    with an order, ascending. Nothing of that last date or later is in them.
    """
    last, edges = max(as_ofs), edge_months(as_ofs)
    states = [s.name for s in STATES]
    whole = (F.col("month") < F.lit(_month(last))) & ~F.col("month").isin(edges)
    dates = F.expr(
        "transform(filter(sequence(1, 31), d -> bit_get(order_days, d - 1) = 1), d -> date_add(month, d - 1))"
    )
    body = months.where(whole).select(
        "customer_id", F.col("month").alias("event_date"), dates.alias("order_dates"), *states
    )
    inside = ((F.col("event_date") >= F.lit(m)) & (F.col("event_date") < F.lit(_next_month(m))) for m in edges)
    at_edge = reduce(or_, inside, F.lit(False)) & (F.col("event_date") < F.lit(last))
    date = F.expr("CASE WHEN orders > 0 THEN array(event_date) ELSE CAST(array() AS array<date>) END")
    return body.unionByName(days.where(at_edge).select("customer_id", "event_date", date.alias("order_dates"), *states))


def edge_months(as_ofs: Sequence[dt.date]) -> list[dt.date]:
    """The months that a window's first day, or an as-of date, cuts in two.

    >>> [str(m) for m in edge_months([dt.date(2018, 1, 1)])]
    ['2017-07-01', '2017-10-01', '2017-12-01']
    """
    cuts = [day for a in as_ofs for day in (a, *(w.start(a) for w in WINDOWS if w.days is not None))]
    return sorted({_month(day) for day in cuts if day.day > 1})


def _month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def _next_month(month: dt.date) -> dt.date:
    return _month(month + dt.timedelta(days=31))
