"""Whether half of a day is missing: tills that stopped sending, an export that ended at noon.

The orders of each local hour are held against the median of the same weekday in the weeks before, and each channel
against itself: a web shop goes on selling while the shops are closed. Orders are counted, not lines: people arrive with
baskets, and three baskets of ten lines are missing by chance where thirty lines never are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.staging.guards import LAST, Guards, Problem, listed, month_ago

WEEKS = 8
FEWEST = 4
"""Weeks without which a day is not judged."""
ORDERS = 30
"""A gap that expects fewer is not judged: chance leaves out as many once in 10^13."""
NONE = 0.05
"""A gap has at most this part of what it expects: the clock of one till may be wrong."""

Hours = Mapping[tuple[str, dt.date], Sequence[int]]
"""Orders in each of 24 local hours, by channel ("" where it is not known) and day; days without any are not there."""


def hour_counts(lines: DataFrame, newest_month: dt.date) -> Hours:
    """Of staged or accepted lines, returns left out, as far back as a day of the files is judged or held against.

    An order whose hour is not known counts nowhere. `newest_month`: the first day of the last month in the files.
    """
    since = _judged_from(newest_month) - dt.timedelta(weeks=WEEKS)
    bought = lines.where("NOT is_return AND local_hour BETWEEN 0 AND 23").where(F.col("event_date") >= F.lit(since))
    orders = bought.groupBy("channel", "event_date", "local_hour").agg(F.count_distinct("customer_id", "order_id"))
    found: dict[tuple[str, dt.date], list[int]] = {}
    for channel, day, hour, n in orders.collect():
        found.setdefault((channel or "", day), [0] * 24)[hour] = n
    return found


def broken_days(
    guards: Guards,
    new: Hours,
    stored: Hours,
    received_on: dt.date,
    is_received_stated: bool,
    last_received: dt.date | None = None,
) -> list[Problem]:
    """The days of new files of which half is missing, given those that are staged: files may repeat or add to them.

    A day of which nothing is there is none of these: shops close. Where `received_on` is no more than a guess from
    when a file was written, the day before it may not have been over; it is judged with the files that follow it, those
    received on `last_received` in the ones at hand.
    """
    if not new:
        return []
    both = {key: np.maximum(new.get(key, [0] * 24), stored.get(key, [0] * 24)) for key in {*new, *stored}}
    since = _judged_from(max(day for _, day in new).replace(day=1))
    until = received_on - dt.timedelta(days=0 if is_received_stated else 1)
    open_ends = last_received - dt.timedelta(days=1) if last_received else received_on
    known = {d for _, d in both if guards.known_day(d) or f"{d:%Y-%m}" in guards.known_months}
    odd: dict[dt.date, str] = {}
    for channel, day in sorted(both, key=lambda key: (key[1], key[0])):
        is_asked = (channel, day) in new or day >= open_ends
        if not is_asked or not since <= day < until or day in known:
            continue
        weeks = [day - dt.timedelta(weeks=i) for i in range(1, WEEKS + 1)]
        before = [both[channel, d] for d in weeks if (channel, d) in both and d not in known]
        if len(before) < FEWEST:
            continue
        expected = np.median(before, axis=0)
        opens = int(np.argmin(expected[:12]))  # what was sold before belongs to the evening of the day before
        found, expected = both[channel, day][opens:], expected[opens:]
        begin, after, orders = longest_gap(found, expected)
        is_closed = orders == expected.sum()
        if orders >= ORDERS and orders > guards.max_missing_day_share * expected.sum() and not is_closed:
            odd.setdefault(
                day,
                f"{day}{f' ({channel})' if channel else ''} has {int(found[begin:after].sum()):,} orders from "
                f"{opens + begin} to {opens + after} h, and the same weekday of {len(before)} weeks before "
                f"{orders:,.0f} of its {expected.sum():,.0f}; expected at most {guards.max_missing_day_share:.0%} of a "
                "day's orders to be missing in a row",
            )
    if not odd:
        return []
    first, *others = odd
    text = f"transactions: {odd[first]}"
    if others:
        text += f" (so too {listed(others, 'days', '%Y-%m-%d')})"
    if max(odd) == max(day for _, day in new) and not is_received_stated:
        text += " (if the files end within it, state `received_on` in the mapping)"
    return [Problem("max_missing_day_share", text, days=tuple(odd))]


def longest_gap(found: npt.ArrayLike, expected: npt.ArrayLike) -> tuple[int, int, float]:
    """The run of hours, from one to before another, with (nearly) nothing of the most that is expected; and how much.

    Of equal runs the longest: it reaches over hours in which a shop is closed anyway.

    >>> longest_gap([5, 0, 0, 0, 5], [5, 5, 5, 0, 5])
    (1, 4, 10.0)
    """
    f, e = (np.concatenate([[0.0], np.cumsum(np.asarray(x, dtype=float))]) for x in (found, expected))
    runs = [
        (float(e[after] - e[begin]), after - begin, begin)
        for after in range(1, len(e))
        for begin in range(after)
        if f[after] - f[begin] <= NONE * (e[after] - e[begin])
    ]
    orders, length, begin = max(runs, default=(0.0, 0, 0))
    return begin, begin + length, orders


def _judged_from(newest_month: dt.date) -> dt.date:
    """The first day that is judged: a broken day of years ago is history, no fault."""
    return month_ago(newest_month, LAST)
