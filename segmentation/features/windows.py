"""Window states from days: every day is aged once, merged per age bucket, then added up into windows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import WINDOWS

Merge = Mapping[str, tuple[str, Column]]
"""State name → (how two merge: sum, min or max; the value of one row)."""


def window_states(days: DataFrame, as_of: dt.date, keys: tuple[str, ...], states: Merge) -> DataFrame:
    """One row per `keys` and window with rows of `days` inside it: columns keys, `window`, and the states.

    `days` has `event_date`; rows on or after the as-of date must be gone already. A day belongs to every
    window at least as long as its age, so buckets are merged first and windows are unions of buckets
    (five windows cost one pass, not five).
    """
    aged = days.select(*keys, _bucket(as_of).alias("bucket"), *(value.alias(n) for n, (_, value) in states.items()))
    merged = {n: _merge(how, n) for n, (how, _) in states.items()}
    buckets = aged.groupBy(*keys, "bucket").agg(*(m.alias(n) for n, m in merged.items()))
    covering = F.slice(F.array(*(F.lit(w.name) for w in WINDOWS)), F.col("bucket"), F.lit(len(WINDOWS)))
    return (
        buckets.withColumn("window", F.explode(covering))
        .groupBy(*keys, "window")
        .agg(*(m.alias(n) for n, m in merged.items()))
    )


def age(as_of: dt.date, day: str = "event_date") -> Column:
    """Days from `day` to the as-of date; yesterday is 1."""
    return F.datediff(F.lit(as_of), F.col(day))


def windows_covering(as_of: dt.date, day: str) -> Column:
    """The names of all windows in which `day` lies, to explode; null where `day` is."""
    names = F.array(*(F.lit(w.name) for w in WINDOWS))
    return F.when(F.col(day).isNotNull(), F.slice(names, _bucket(as_of, day), F.lit(len(WINDOWS))))


def _bucket(as_of: dt.date, day: str = "event_date") -> Column:
    """1-based position of the shortest window that holds the day; WINDOWS ascend and end with the lifetime."""
    bucket = F.lit(len(WINDOWS))
    for position in range(len(WINDOWS) - 1, 0, -1):
        days = WINDOWS[position - 1].days
        assert days is not None  # only the last window is the lifetime
        bucket = F.when(age(as_of, day) <= days, position).otherwise(bucket)
    return bucket


def _merge(how: str, name: str) -> Column:
    return {"sum": F.sum, "min": F.min, "max": F.max}[how](name)
