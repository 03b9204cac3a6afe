"""The fewest tiles that make up every window of an as-of date: months for the body, days for the edges."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import WINDOWS
from segmentation.tiles.aggregates import STATES


def cover(days: DataFrame, months: DataFrame, as_of: dt.date) -> DataFrame:
    """Tiles that add up to everything before `as_of`, each wholly inside or outside of every window.

    Columns: customer_id, the states, `event_date` (a month stands on its first day), and `order_dates`, the days
    with an order, ascending. Nothing of `as_of` or later is in them.
    """
    edges = edge_months(as_of)
    states = [s.name for s in STATES]
    whole = (F.col("month") < F.lit(_month(as_of))) & ~F.col("month").isin(edges)
    dates = F.expr(
        "transform(filter(sequence(1, 31), d -> bit_get(order_days, d - 1) = 1), d -> date_add(month, d - 1))"
    )
    body = months.where(whole).select(
        "customer_id", F.col("month").alias("event_date"), dates.alias("order_dates"), *states
    )
    inside = ((F.col("event_date") >= F.lit(m)) & (F.col("event_date") < F.lit(_next_month(m))) for m in edges)
    at_edge = reduce(or_, inside, F.lit(False)) & (F.col("event_date") < F.lit(as_of))
    date = F.expr("CASE WHEN orders > 0 THEN array(event_date) ELSE CAST(array() AS array<date>) END")
    return body.unionByName(days.where(at_edge).select("customer_id", "event_date", date.alias("order_dates"), *states))


def edge_months(as_of: dt.date) -> list[dt.date]:
    """The months that a window's first day, or the as-of date, cuts in two.

    >>> [str(m) for m in edge_months(dt.date(2018, 1, 1))]
    ['2017-07-01', '2017-10-01', '2017-12-01']
    """
    cuts = [as_of, *(w.start(as_of) for w in WINDOWS if w.days is not None)]
    return sorted({_month(day) for day in cuts if day.day > 1})


def _month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def _next_month(month: dt.date) -> dt.date:
    return _month(month + dt.timedelta(days=31))
