"""Whether a part of a day is missing: tills that stopped sending, an export that ended at noon.

The lines of each local hour are held against the median of the same weekday in the weeks before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.staging.guards import LAST, Guards, Problem, month_ago

WEEKS = 8
FEWEST = 4
"""Weeks without which a day is not judged."""
LINES = 30
"""A gap that expects fewer lines is not judged: chance leaves out so many once in 10^13."""
NONE = 0.05
"""A gap has less than this part of what it expects: the clock of one till may be wrong."""
REOPENS = 0.2
"""Shops close early (on Thanksgiving those of The Complete Journey lack two fifths of a day's lines), but hardly open
late, or shut between: of a gap with lines after it so much of the threshold is allowed."""

Hours = Mapping[dt.date, Sequence[int]]
"""Lines bought in each of 24 local hours, by day; days without any are not there."""


def hour_counts(lines: DataFrame, since: dt.date) -> Hours:
    """Staged or accepted lines from that day on, returns left out; those without an hour count nowhere."""
    bought = lines.where("NOT is_return AND local_hour IS NOT NULL").where(F.col("event_date") >= F.lit(since))
    found: dict[dt.date, list[int]] = {}
    for r in bought.groupBy("event_date", "local_hour").count().collect():
        found.setdefault(r["event_date"], [0] * 24)[r["local_hour"]] = r["count"]
    return found


def judged_from(received_on: dt.date) -> dt.date:
    """The first day that is judged; a broken day of years ago is history, no fault."""
    return month_ago(received_on.replace(day=1), LAST)


def held_against(received_on: dt.date) -> dt.date:
    """The first day that any judged one is held against."""
    return judged_from(received_on) - dt.timedelta(weeks=WEEKS)


def broken_days(
    guards: Guards, new: Hours, stored: Hours, received_on: dt.date, is_received_stated: bool
) -> list[Problem]:
    """The days of new files of which a part is missing, given those that are staged: files may repeat or add to them.

    A day of which nothing is there is none of these: shops close. Where `received_on` is no more than a guess from
    when a file was written, that day may not have been over.
    """
    both = {day: np.maximum(new.get(day, [0] * 24), stored.get(day, [0] * 24)) for day in {*new, *stored}}
    known = {dt.date.fromisoformat(day) for day in guards.known_days}
    end = received_on - dt.timedelta(days=0 if is_received_stated else 1)
    odd: dict[dt.date, str] = {}
    for day in sorted(d for d in new if judged_from(received_on) <= d < end and d not in known):
        weeks = [day - dt.timedelta(weeks=i) for i in range(1, WEEKS + 1)]
        before = [both[d] for d in weeks if d in both and d not in known]
        if len(before) < FEWEST:
            continue
        expected = np.median(before, axis=0)
        for begin, after, lines in longest_gaps(both[day], expected):
            allowed = guards.max_missing_day_share * (1 if after == 24 else REOPENS)
            is_closed = (begin, after) == (0, 24)
            if lines >= LINES and lines > allowed * expected.sum() and not is_closed:
                odd[day] = (
                    f"{day} has {int(both[day][begin:after].sum()):,} lines from {begin} to {after} h, and the same "
                    f"weekday of {len(before)} weeks before {lines:,.0f} of its {expected.sum():,.0f}; expected at "
                    f"most {allowed:.0%} of a day's lines to be missing in a row"
                )
    if not odd:
        return []
    first, *others = odd
    text = f"transactions: {odd[first]}"
    if others:
        text += f" (so too {', '.join(map(str, others[:3]))}"
        text += f" and {len(others) - 3} more days)" if len(others) > 3 else ")"
    return [Problem("max_missing_day_share", text, days=tuple(odd))]


def longest_gaps(found: npt.ArrayLike, expected: npt.ArrayLike) -> list[tuple[int, int, float]]:
    """The runs of hours, from one to before another, with (nearly) nothing of the most lines expected; their number.

    First the one that ends the day, then the one with lines between them. Of equal ones the longest: it reaches over
    hours in which a shop is closed anyway.

    >>> longest_gaps([0, 0, 5, 0, 0], [5, 5, 5, 0, 5])
    [(3, 5, 5.0), (0, 2, 10.0)]
    """
    f, e = (np.concatenate([[0.0], np.cumsum(np.asarray(x, dtype=float))]) for x in (found, expected))

    def longest(afters: Sequence[int]) -> tuple[int, int, float]:
        runs = [
            (float(e[after] - e[begin]), after - begin, begin)
            for after in afters
            for begin in range(after)
            if f[after] - f[begin] <= NONE * (e[after] - e[begin])
        ]
        lines, length, begin = max(runs, default=(0.0, 0, afters[-1] if afters else 0))
        return begin, begin + length, lines

    last = longest([len(e) - 1])
    return [last, longest(range(1, last[0]))]
