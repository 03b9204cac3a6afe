"""A day of which half is missing, beside days on which real shops closed early or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import SparkSession

from segmentation.staging import Guards, Hours, broken_days, hour_counts
from tests.staging.data import table

DAY = dt.date(2017, 6, 13)
ORDINARY = [0] * 8 + [30] * 12 + [0] * 4
"""From 8 to 20 h, 360 orders."""
THANKSGIVING, CHRISTMAS = dt.date(2017, 11, 23), dt.date(2017, 12, 25)
QUARTERS = [dt.date(2017, 4, 1), dt.date(2017, 7, 1), dt.date(2017, 10, 1), dt.date(2018, 1, 1)]
"""When files came, so that each day is judged."""


def weeks(*last: Sequence[int], ordinary: Sequence[int] = ORDINARY, before: int = 8, channel: str = "") -> Hours:
    """So many ordinary Tuesdays, and the last ones up to DAY; of a day that is all zeros there is nothing."""
    days = [*[ordinary] * before, *last]
    return {(channel, DAY - dt.timedelta(weeks=i)): day for i, day in enumerate(reversed(days)) if any(day)}


def found(
    new: Hours, stored: Hours | None = None, received_on: dt.date = dt.date(2017, 7, 1), is_stated: bool = True,
    last_received: dt.date | None = None, **guards: Any,
) -> list[dt.date]:  # fmt: skip
    problems = broken_days(Guards(**guards), new, stored or {}, received_on, is_stated, last_received)
    assert all(p.threshold == "max_missing_day_share" and str(p.days[0]) in p.text for p in problems)
    return [day for p in problems for day in p.days]


def without(begin: int, after: int, day: Sequence[int] = ORDINARY) -> list[int]:
    return [0 if begin <= hour < after else n for hour, n in enumerate(day)]


@pytest.mark.parametrize(
    ("day", "is_broken"),
    [
        (ORDINARY, False),
        (without(14, 24), False),  # half of its orders, and not more
        (without(13, 24), True),
        (without(0, 14), False),
        (without(0, 15), True),
        (without(11, 18), True),
        ([n // 2 for n in ORDINARY], False),  # everywhere less: the month tells
        ([0] * 24, False),  # closed
        ([2] + [0] * 23, False),  # but for somebody who tried the tills
    ],
)
def test_half_of_a_days_orders_may_be_missing_in_a_row(day: list[int], is_broken: bool) -> None:
    assert found(weeks(day, ORDINARY)) == ([DAY - dt.timedelta(weeks=1)] if is_broken else [])


def test_a_clock_that_is_wrong_does_not_hide_a_gap() -> None:
    few = without(12, 24)
    few[18] = 12  # of 240 orders
    assert found(weeks(few)) == [DAY]
    assert found(weeks([n // 10 if hour >= 12 else n for hour, n in enumerate(ORDINARY)])) == []  # open, and slow


def test_weekdays_of_four_weeks_are_needed_and_thirty_orders() -> None:
    assert found(weeks(without(12, 24), before=3)) == []
    assert found(weeks(without(12, 24), before=4)) == [DAY]
    few = [n // 10 for n in ORDINARY]  # 3 an hour
    assert found(weeks(without(11, 24, few), ordinary=few)) == []  # 27 of 36
    assert found(weeks(without(10, 24, few), ordinary=few)) == [DAY]  # 30 of 36


def test_each_channel_is_held_against_itself() -> None:
    """A web shop sells on the day on which the shops are closed; and it breaks by itself."""
    web = [8] * 24
    both = weeks([0] * 24, channel="store") | weeks(web, ordinary=web, channel="online")
    assert found(both) == []
    both = weeks(ORDINARY, channel="store") | weeks(without(6, 20, web), ordinary=web, channel="online")
    assert found(both) == [DAY]


def test_what_is_sold_after_midnight_belongs_to_the_evening_before() -> None:
    bar = [30, 30, *[0] * 9, *[60] * 13]  # from 11 to 2 h
    closed = [30, 30, *[0] * 22]
    assert found(weeks(closed, ordinary=bar)) == []
    assert found(weeks(without(17, 24, bar), ordinary=bar)) == [DAY]


def test_the_days_of_the_last_four_months_in_the_files_are_judged() -> None:
    later = {("", dt.date(2017, 9, 30)): ORDINARY}
    assert found(weeks(without(12, 24)) | later, received_on=dt.date(2018, 5, 1)) == [DAY]
    later = {("", dt.date(2017, 10, 1)): ORDINARY}
    assert found(weeks(without(12, 24)) | later, received_on=dt.date(2018, 5, 1)) == []


def test_a_day_that_may_not_have_been_over_is_judged_with_the_next_files() -> None:
    days, morrow = weeks(without(12, 24)), {("", DAY + dt.timedelta(days=1)): ORDINARY}
    day_after = DAY + dt.timedelta(days=1)
    assert found(days, received_on=day_after) == [DAY]
    assert found(days, received_on=day_after, is_stated=False) == []
    assert found(days, received_on=DAY) == []
    assert found(morrow, days, last_received=day_after) == [DAY]
    assert found(morrow, days, last_received=day_after + dt.timedelta(days=1)) == []  # it was judged then
    rest = {("", DAY): without(0, 12)}
    assert found(morrow | rest, days, last_received=day_after) == []  # its afternoon has come


def test_what_is_staged_counts_and_is_not_judged_again() -> None:
    days = weeks(without(12, 24))
    new, stored = {("", DAY): days["", DAY]}, {key: n for key, n in days.items() if key != ("", DAY)}
    assert found(new) == []
    assert found(new, stored) == [DAY]
    assert found({}, days) == []
    assert found({("", DAY): ORDINARY}, days) == []


@pytest.mark.parametrize(
    "known",
    [
        {"known_days": {"2017-06-13": "closed at noon"}},
        {"known_days": {"06-13": "closed at noon, each year"}},
        {"known_months": {"2017-06": "strikes"}},
    ],
)
def test_a_known_day_is_not_judged(known: dict[str, Any]) -> None:
    assert found(weeks(without(12, 24))) == [DAY]
    assert found(weeks(without(12, 24)), **known) == []


def test_nothing_is_held_against_a_known_day_and_one_judges_none() -> None:
    strikes = {str(DAY - dt.timedelta(weeks=i)): "strike" for i in range(1, 5)}
    days = weeks(*[without(12, 24)] * 4, without(13, 24), before=4)
    assert found(days, known_days=strikes) == [DAY]
    assert found(weeks(without(12, 24)), max_missing_day_share=1) == []
    assert found(weeks(without(0, 19)), max_missing_day_share=1) == []


def test_the_sentence_says_what_was_found_and_what_was_expected() -> None:
    days = weeks(without(12, 24), without(12, 24), channel="store")
    [problem] = broken_days(Guards(), days, {}, dt.date(2017, 7, 1), False)
    assert problem.text == (
        "transactions: 2017-06-06 (store) has 0 orders from 12 to 24 h, and the same weekday of 8 weeks before 240 of "
        "its 360; expected at most 50% of a day's orders to be missing in a row (so too 2017-06-13) (if the files end "
        "within it, state `received_on` in the mapping)"
    )


def test_orders_are_counted_by_local_hour_without_returns_and_once_each(spark: SparkSession) -> None:
    def bought(order: str, hour: int | None, **other: Any) -> tuple[Any, ...]:
        return (other.get("who", "c"), order, other.get("day", DAY), hour, other.get("back", False), other.get("on"))

    rows = table(
        spark,
        "customer_id string, order_id string, event_date date, local_hour int, is_return boolean, channel string",
        bought("o1", 9), bought("o1", 9), bought("o1", 9, who="d"), bought("o2", 17), bought("o3", 17, on="online"),
        bought("o4", None), bought("o5", 24), bought("o6", 9, back=True),
        bought("o7", 3, day=dt.date(2017, 1, 4)), bought("o8", 3, day=dt.date(2017, 1, 3)),
    )  # fmt: skip
    hours = {"": {9: 2, 17: 1}, "online": {17: 1}}
    counts = {(channel, DAY): [of.get(hour, 0) for hour in range(24)] for channel, of in hours.items()}
    # Judged from 1 March on, and eight weeks before are looked at.
    earlier = {("", dt.date(2017, 1, 4)): [1 if hour == 3 else 0 for hour in range(24)]}
    assert hour_counts(rows, dt.date(2017, 6, 1)) == counts | earlier


def year(raw: Path, of: int) -> Mapping[tuple[str, dt.date], list[int]]:
    """Orders by day and hour of a real year of real shops; of one in so many households."""
    days: dict[tuple[str, dt.date], list[int]] = {}
    for day, hour, n in duckdb.sql(f"""
        SELECT CAST(sold AS DATE), hour(sold), count(DISTINCT basket_id)
        FROM (SELECT transaction_timestamp AT TIME ZONE 'America/New_York' AS sold, basket_id
              FROM '{raw}/transactions.parquet' WHERE CAST(household_id AS INT) % {of} = 0) GROUP BY ALL
    """).fetchall():
        days.setdefault(("", day), [0] * 24)[hour] = n
    return days


@pytest.mark.parametrize("of", [1, 2, 4, 8, 16, 32])
def test_no_day_of_a_real_year_is_taken_for_a_broken_one(complete_journey: Path, of: int) -> None:
    """On Thanksgiving the shops close early, at Christmas they are closed."""
    days = year(complete_journey, of)
    assert ("", CHRISTMAS) not in days
    assert sum(days["", THANKSGIVING][17:]) <= 2
    for received_on in QUARTERS:
        assert found({key: n for key, n in days.items() if key[1] < received_on}, received_on=received_on) == []


@pytest.mark.parametrize("of", [1, 2])
def test_an_afternoon_of_any_day_of_that_year_that_is_missing_is_noticed(complete_journey: Path, of: int) -> None:
    days = year(complete_journey, of)
    missed = []
    judged = [day for _, day in days if dt.date(2017, 2, 1) <= day != THANKSGIVING]
    for day in judged:
        others = {key: n for key, n in days.items() if key[1] != day}
        broken: Hours = {("", day): without(12, 24, days["", day])}
        if found(broken, others, day + dt.timedelta(days=1)) != [day]:
            missed.append(day)
    assert len(judged) > 320
    assert missed == []
