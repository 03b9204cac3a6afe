"""A day of which a part is missing, beside days on which a real shop closed early or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import SparkSession

from segmentation.staging import Guards, Hours, broken_days, hour_counts
from segmentation.staging.hours import judged_from
from tests.staging.data import table

DAY = dt.date(2017, 6, 13)
ORDINARY = [0] * 8 + [30] * 12 + [0] * 4
"""From 8 to 20 h, 360 lines."""
THANKSGIVING, CHRISTMAS = dt.date(2017, 11, 23), dt.date(2017, 12, 25)


def weeks(*last: Sequence[int] | None, ordinary: Sequence[int] = ORDINARY, before: int = 8) -> Hours:
    """So many ordinary Tuesdays, and the last ones up to DAY."""
    days = [*[ordinary] * before, *last]
    return {DAY - dt.timedelta(weeks=i): day for i, day in enumerate(reversed(days)) if day is not None}


def found(
    new: Hours, stored: Hours | None = None, received_on: dt.date = dt.date(2017, 7, 1), is_stated: bool = True,
    **guards: Any,
) -> list[dt.date]:  # fmt: skip
    problems = broken_days(Guards(**guards), new, stored or {}, received_on, is_stated)
    assert all(p.threshold == "max_missing_day_share" and str(p.days[0]) in p.text for p in problems)
    return [day for p in problems for day in p.days]


def without(begin: int, after: int, day: Sequence[int] = ORDINARY) -> list[int]:
    return [0 if begin <= hour < after else n for hour, n in enumerate(day)]


@pytest.mark.parametrize(
    ("day", "is_broken"),
    [
        (ORDINARY, False),
        (without(14, 24), False),  # half of its lines, and not more
        (without(13, 24), True),
        (without(0, 9), False),  # opens an hour late
        (without(0, 10), True),  # a sixth: it is a tenth that may be missing before other lines
        (without(12, 13), False),
        (without(12, 14), True),
        ([n // 2 for n in ORDINARY], False),  # everywhere less: the month tells
        ([0] * 24, False),  # closed
        ([2] + [0] * 23, False),  # but for two lines of somebody who tried the tills
    ],
)
def test_so_much_of_a_day_may_be_missing_in_a_row(day: list[int], is_broken: bool) -> None:
    assert found(weeks(day)) == ([DAY] if is_broken else [])


def test_a_clock_that_is_wrong_does_not_hide_a_gap() -> None:
    few = without(12, 24)
    few[18] = 12  # of 240 lines
    assert found(weeks(few)) == [DAY]
    assert found(weeks([n // 10 if hour >= 12 else n for hour, n in enumerate(ORDINARY)])) == []  # open, and slow


def test_weekdays_of_four_weeks_are_needed_and_thirty_lines() -> None:
    assert found(weeks(without(12, 24), before=3)) == []
    assert found(weeks(without(12, 24), before=4)) == [DAY]
    few = [n // 10 for n in ORDINARY]  # 3 an hour
    assert found(weeks(without(11, 24, few), ordinary=few)) == []  # 27 of 36
    assert found(weeks(without(10, 24, few), ordinary=few)) == [DAY]  # 30 of 36


def test_the_last_three_months_are_judged_and_the_last_day_where_it_was_over() -> None:
    days = weeks(without(12, 24))
    assert found(days, received_on=dt.date(2017, 9, 30)) == [DAY]
    assert found(days, received_on=dt.date(2017, 10, 1)) == []
    assert found(days, received_on=DAY + dt.timedelta(days=1)) == [DAY]
    assert found(days, received_on=DAY + dt.timedelta(days=1), is_stated=False) == []
    assert found(days, received_on=DAY) == []  # not over


def test_what_is_staged_counts_and_is_not_judged_again() -> None:
    days = weeks(without(12, 24))
    new, stored = {DAY: days[DAY]}, {d: n for d, n in days.items() if d != DAY}
    assert found(new) == []
    assert found(new, stored) == [DAY]
    assert found({}, days) == []
    assert found({DAY: without(0, 12)}, stored | {DAY: without(12, 24)}) == []  # the afternoon came later


def test_a_known_day_is_not_judged_and_nothing_is_held_against_it() -> None:
    known = {str(DAY): "closed at noon"}
    assert found(weeks(without(12, 24)), known_days=known) == []
    strikes = {str(DAY - dt.timedelta(weeks=i)): "strike" for i in range(1, 5)}
    days = weeks(*[without(12, 24)] * 4, without(14, 24), before=4)
    assert found(days, known_days=strikes) == []
    assert found(weeks(*[without(12, 24)] * 4, without(13, 24), before=4), known_days=strikes) == [DAY]
    assert found(weeks(without(12, 24)), max_missing_day_share=1) == []


def test_the_sentence_says_what_was_found_and_what_was_expected() -> None:
    days = weeks(without(12, 24), without(12, 24))
    [problem] = broken_days(Guards(), days, {}, dt.date(2017, 7, 1), True)
    assert problem.text == (
        "transactions: 2017-06-06 has 0 lines from 12 to 24 h, and the same weekday of 8 weeks before 240 of its 360; "
        "expected at most 50% of a day's lines to be missing in a row (so too 2017-06-13)"
    )


def test_lines_are_counted_by_local_hour_without_returns(spark: SparkSession) -> None:
    bought = [(DAY, hour, False) for hour in (9, 9, 17, None)]
    others = [(DAY, 9, True), (DAY - dt.timedelta(days=1), 3, False)]
    rows = table(spark, "event_date date, local_hour int, is_return boolean", *bought, *others)
    counts = [2 if hour == 9 else 1 if hour == 17 else 0 for hour in range(24)]
    assert hour_counts(rows, DAY) == {DAY: counts}


@pytest.fixture(scope="module")
def year(complete_journey: Path) -> Mapping[dt.date, list[int]]:
    """Lines by day and hour of a real year of real shops."""
    days: dict[dt.date, list[int]] = {}
    for day, hour, n in duckdb.sql(f"""
        SELECT CAST(sold AS DATE), hour(sold), count(*)
        FROM (SELECT transaction_timestamp AT TIME ZONE 'America/New_York' AS sold
              FROM '{complete_journey}/transactions.parquet') GROUP BY ALL
    """).fetchall():
        days.setdefault(day, [0] * 24)[hour] = n
    return days


def quarters() -> list[dt.date]:
    """When files came, so that the four judge every day once."""
    return [dt.date(2017, 4, 1), dt.date(2017, 7, 1), dt.date(2017, 10, 1), dt.date(2018, 1, 1)]


def test_no_day_of_a_real_year_is_taken_for_a_broken_one(year: Mapping[dt.date, list[int]]) -> None:
    """On Thanksgiving the shops close early, at Christmas they are closed."""
    assert CHRISTMAS not in year
    assert sum(year[THANKSGIVING][17:]) <= 2
    for received_on in quarters():
        assert found(year, received_on=received_on) == []


@pytest.mark.parametrize(("begin", "after"), [(12, 24), (0, 12)], ids=["afternoon", "morning"])
def test_a_half_of_any_day_of_that_year_that_is_missing_is_noticed(
    year: Mapping[dt.date, list[int]], begin: int, after: int
) -> None:
    for received_on in quarters():
        judged = [d for d in year if judged_from(received_on) <= d < received_on and d >= dt.date(2017, 2, 1)]
        missed = []
        for d in judged:
            others = {other: n for other, n in year.items() if other != d}
            if found({d: without(begin, after, year[d])}, others, received_on) != [d]:
                missed.append(d)
        assert len(judged) > 50
        assert missed == []
