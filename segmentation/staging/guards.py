"""Whether new files make sense: the thresholds of a mapping's `guards`, judged before anything is written.

Files can be well-formed and wrong: cut off, exported twice over in another unit, a month left out. Months are held
against the twelve before them, in the files themselves and in what is staged already.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import Field, field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.config import Strict

LOOKBACK = 12
"""Months before a month that it is held against: a year, so that growth and prices of old do not count."""
FEWEST = 3
"""Months without which no count is judged: after one strong month every other looks weak."""
LAST = 3
"""How many of the files' complete months have their count judged: a weak month of years ago is history, no fault."""
EMPTY = 0.01
"""A month with a smaller part of an ordinary month's lines has no data: a stray line is no month."""


class Guards(Strict):
    """What files may be like; beyond it the ingest ends with exit code 3 and writes nothing."""

    min_rows: int = Field(default=500, ge=1)
    """Fewer rows of an input, or lines of a month, are not judged: chance alone may bring as much."""
    max_refused_share: float = Field(default=0.1, ge=0, le=1)
    """Of an input's rows; exact repeats do no harm and do not count."""
    min_month_share: float = Field(default=0.6, ge=0, le=1)
    """A month's lines against the median of the months before; 0 judges none. A half is missing at 0.5."""
    max_amount_ratio: float = Field(default=10, gt=1)
    """The median amount of a month's lines against the months before, either way. Cents for euros are 100."""
    max_empty_months: int = Field(default=0, ge=0)
    """Months without lines between others, or up to a `received_on` that somebody stated."""
    max_missing_day_share: float = Field(default=0.5, gt=0, le=1)
    """Of a day's orders, as the same weekday has them, so much may be missing in a row of hours; 1 judges no day."""
    known_months: dict[str, str] = {}
    """Months (2020-04) that are as they are, and why; they are not judged, and nothing is held against them."""
    known_days: dict[str, str] = {}
    """The same for days, of one year (2020-12-24) or of each (12-24); those of known months are known too."""

    @field_validator("known_months")
    @classmethod
    def _are_months(cls, value: dict[str, str]) -> dict[str, str]:
        for month in value:
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
                raise ValueError(f'"{month}" is not a month such as 2020-04')
        return value

    @field_validator("known_days", mode="before")
    @classmethod
    def _are_days(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        days = {}
        for key, why in value.items():
            day = str(key)  # YAML reads 2020-12-24 as a date
            try:
                dt.date.fromisoformat(f"2000-{day}" if len(day) == len("12-24") else day)
            except ValueError:
                raise ValueError(f'"{day}" is not a day such as 2020-12-24 or 12-24') from None
            days[day] = why
        return days

    def known_day(self, day: dt.date) -> str:
        """Why a day is right as it is; nothing where nobody said so."""
        return self.known_days.get(f"{day}") or self.known_days.get(f"{day:%m-%d}", "")


@dataclass(frozen=True)
class Month:
    """What is judged of one calendar month: lines bought, and the median amount of one, in currency."""

    lines: int
    median_amount: float


Months = Mapping[dt.date, Month]
"""By the first day of the month."""


@dataclass(frozen=True)
class Problem:
    """A threshold that was crossed; the months that `known_months` may excuse, or the days that `known_days` may."""

    threshold: str
    text: str
    months: tuple[dt.date, ...] = ()
    days: tuple[dt.date, ...] = ()


def month_figures(lines: DataFrame) -> dict[dt.date, Month]:
    """Staged or accepted lines by month, returns left out; exact, from one narrow aggregation."""
    month = F.trunc("event_date", "month").alias("month")
    # Few amounts are many lines': counted once, the median is that of a small table.
    by_amount = lines.where("NOT is_return").groupBy(month, "net_amount").agg(F.count("*").alias("n"))
    rows = by_amount.groupBy("month").agg(
        F.sum("n").alias("lines"), F.percentile("net_amount", 0.5, F.col("n")).alias("median_amount")
    )
    return {r["month"]: Month(r["lines"], r["median_amount"]) for r in rows.collect()}


def refused_rows(guards: Guards, facts: Iterable[tuple[str, str, str, float]]) -> list[Problem]:
    """Inputs of which too many rows are refused; `facts` as `quality` gives them."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for name, check, subject, value in facts:
        found.setdefault(name, {})[check, subject] = int(value)
    problems = []
    for name, values in found.items():
        by_rule = {rule: n for (check, rule), n in values.items() if check == "quarantined_by_rule"}
        by_rule.pop("duplicate_line", None)
        read, refused = values["rows_read", ""], sum(by_rule.values())
        if read >= guards.min_rows and refused > guards.max_refused_share * read:
            worst = max(by_rule, key=lambda rule: by_rule[rule])
            problems.append(
                Problem(
                    "max_refused_share",
                    f"{name}: {refused:,} of {read:,} rows ({refused / read:.1%}) are refused, {by_rule[worst]:,} of "
                    f"them by {worst}; expected at most {guards.max_refused_share:.0%}",
                )
            )
    return problems


def odd_months(
    guards: Guards,
    new: Months,
    stored: Months,
    received_on: dt.date,
    is_received_stated: bool,
    lines_after: Callable[[dt.date], int],
) -> list[Problem]:
    """What is wrong with the months of new files, given those that are staged.

    `lines_after` counts a month's different lines in both, and is asked only where it matters: the files may repeat
    what is staged or add to it. `is_received_stated`: `received_on` is no guess from when a file was written.
    """
    known = {dt.date.fromisoformat(f"{month}-01") for month in guards.known_months}
    least = {m: max(x[m].lines for x in (new, stored) if m in x) for m in {*new, *stored}}
    ordinary = ordinary_lines(least.values())
    if ordinary < guards.min_rows:
        return []
    regular = sorted(m for m, lines in least.items() if lines >= EMPTY * ordinary)
    this = received_on.replace(day=1)  # not over when the files were received
    end = this if is_received_stated else max(regular)
    problems = _empty(guards, [m for m in _span(min(regular), end) if m not in {*regular, *known}], ordinary)
    complete = [m for m in regular if m < this and m in new]
    for month in complete[-LAST:]:
        before = [least[m] for m in regular if m not in known and month_ago(month, LOOKBACK) <= m < month]
        if month in known or len(before) < FEWEST:
            continue
        expected, lines = median(before), least[month]
        too_few = guards.min_month_share * expected
        if lines < too_few <= lines + min(x[month].lines if month in x else 0 for x in (new, stored)):
            lines = lines_after(month)
        if expected >= guards.min_rows and lines < too_few:
            text = (
                f"transactions: {month:%Y-%m} has {lines:,} lines; expected at least {guards.min_month_share:.0%} of "
                f"{expected:,.0f}, the median of the {len(before)} months before"
            )
            if month == max(regular) and not is_received_stated:
                text += " (if the files end within it, state `received_on` in the mapping)"
            problems.append(Problem("min_month_share", text, (month,)))
    return problems + _amounts(guards, new, stored, known)


def ordinary_lines(counts: Iterable[int]) -> int:
    """The lines of an ordinary month: half of all lines stand in months of at least so many. Stray lines hardly count.

    >>> ordinary_lines([100, 120, 110, 1, 1, 1, 1])
    110
    """
    ordered = sorted(counts, reverse=True)
    half, so_far = sum(ordered) / 2, 0
    for count in ordered:
        so_far += count
        if so_far >= half:
            return count
    return 0


def _empty(guards: Guards, months: Sequence[dt.date], ordinary: int) -> list[Problem]:
    if len(months) <= guards.max_empty_months:
        return []
    text = (
        f"transactions: {listed(months)} without data (an ordinary month has {ordinary:,} lines); expected "
        f"{f'at most {guards.max_empty_months}' if guards.max_empty_months else 'no'} such months"
    )
    return [Problem("max_empty_months", text, tuple(months))]


def _amounts(guards: Guards, new: Months, stored: Months, known: set[dt.date]) -> list[Problem]:
    enough = {m: f.median_amount for m, f in new.items() if f.lines >= guards.min_rows and m not in known}
    trusted = {m: f.median_amount for m, f in stored.items() if f.lines >= guards.min_rows and m not in known}
    odd: list[tuple[dt.date, float, float]] = []
    for month in sorted(enough):
        before = [amount for m, amount in trusted.items() if month_ago(month, LOOKBACK) <= m <= month]
        expected, found = median(before) if before else 0.0, enough[month]
        lowest, highest = expected / guards.max_amount_ratio, expected * guards.max_amount_ratio
        if expected and not lowest <= found <= highest:
            odd.append((month, found, expected))
        else:
            trusted.setdefault(month, found)
    if not odd:
        return []
    month, found, expected = odd[0]
    text = (
        f"transactions: the median line of {month:%Y-%m} is {found:,.2f}, and {expected:,.2f} in the months before; "
        f"expected {expected / guards.max_amount_ratio:,.2f} to {expected * guards.max_amount_ratio:,.2f}"
    )
    if len(odd) > 1:
        text += f" (so too {listed([m for m, *_ in odd[1:]])})"
    return [Problem("max_amount_ratio", text, tuple(m for m, *_ in odd))]


def advice(problems: Sequence[Problem], path: str) -> str:
    """One sentence a problem, and what to do next."""
    found = "; ".join(p.text for p in problems)
    thresholds = ", ".join(f"guards.{t}" for t in dict.fromkeys(p.threshold for p in problems))
    excusable = [what for what in ("months", "days") if any(getattr(p, what) for p in problems)]
    choices = [f"change {thresholds}", *(f"name the {what} and why under guards.known_{what}" for what in excusable)]
    return f"{found}. Correct the files; if they are right, {', or '.join(choices)} in {path}. Nothing was written."


def listed(dates: Sequence[dt.date], what: str = "months", written: str = "%Y-%m") -> str:
    """Months, or other dates, as people read them.

    >>> listed([dt.date(2020, 1 + i, 1) for i in range(5)])
    '2020-01, 2020-02, 2020-03 and 2 more months'
    """
    shown = ", ".join(date.strftime(written) for date in dates[:3])
    return shown + (f" and {len(dates) - 3} more {what}" if len(dates) > 3 else "")


def month_ago(month: dt.date, months: int) -> dt.date:
    """The first day of the month so many months earlier.

    >>> month_ago(dt.date(2020, 1, 1), 12), month_ago(dt.date(2020, 3, 1), 1)
    (datetime.date(2019, 1, 1), datetime.date(2020, 2, 1))
    """
    count = month.year * 12 + month.month - 1 - months
    return dt.date(count // 12, count % 12 + 1, 1)


def looks_back_to(new: Months) -> dt.date:
    """The first month that new files are held against; stray lines of long ago do not ask for more."""
    ordinary = ordinary_lines(f.lines for f in new.values())
    return month_ago(min(m for m, f in new.items() if f.lines >= EMPTY * ordinary), LOOKBACK)


def _span(first: dt.date, end: dt.date) -> Iterable[dt.date]:
    """The months from `first` to before `end`."""
    while first < end:
        yield first
        first = month_ago(first, -1)
