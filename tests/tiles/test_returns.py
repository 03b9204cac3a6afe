"""Goods taken back, written out: of which day's purchase they are, and what of a tile's sums is theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.tiles import RETURNED_SUMS, daily_tiles, monthly_tiles
from tests.tiles.data import lines, states

APRIL_9, MAY_30 = dt.date(2017, 4, 9), dt.date(2017, 5, 30)
JUNE_1, JUNE_5, JUNE_14, JUNE_20 = (dt.date(2017, 6, day) for day in (1, 5, 14, 20))
MILK = {"category": "milk", "department": "fresh"}
TEA = {"category": "tea", "department": "grocery"}


def bought(who: str, day: dt.date, order: str = "a", **change: Any) -> dict[str, Any]:
    return {"customer_id": who, "event_date": day, "order_id": order, "net_amount": "10.00", **MILK, **change}


def back(who: str, day: dt.date, order: str = "a", **change: Any) -> dict[str, Any]:
    return bought(who, day, order, **{"is_return": True, "quantity": "-1", "net_amount": "-10.00", **change})


LINES = (
    bought("later", MAY_30, quantity="3", cost_amount="6.00"),
    back("later", JUNE_14, quantity="-2", net_amount="-4.50", cost_amount="-4.00"),
    bought("same day", JUNE_14), back("same day", JUNE_14),
    bought("unknown", MAY_30, "a"), back("unknown", JUNE_14, "b"),
    # Between two days of one order, on the second, after it; and a third, later than all.
    bought("two days", JUNE_1), bought("two days", JUNE_5), bought("two days", JUNE_20),
    *(back("two days", dt.date(2017, 6, day), net_amount=f"-{day}.00") for day in (3, 5, 14)),
    bought("owner", MAY_30), back("namesake", JUNE_14),
    bought("first the return", JUNE_14), back("first the return", JUNE_1),
    bought("same month", JUNE_1, "a"), bought("same month", MAY_30, "b"),
    back("same month", JUNE_14, "a", net_amount="-1.00"), back("same month", JUNE_14, "b", net_amount="-2.00"),
    # The order was bought in May and once more on the first of the month in which it came back.
    bought("on the first", MAY_30), bought("on the first", JUNE_1), back("on the first", JUNE_14),
    *(bought("many", day, order) for day, order in ((MAY_30, "a"), (JUNE_1, "b"), (APRIL_9, "c"))),
    back("many", JUNE_5, "b", net_amount="-1.00"),
    back("many", JUNE_14, "a", net_amount="-2.00", cost_amount="-1.00"),
    back("many", JUNE_14, "a", net_amount="-4.00", quantity=None),
    back("many", JUNE_14, "c", net_amount="-8.00"),
    back("many", JUNE_14, "a", net_amount="-16.00", unit_of_measure="kg", **TEA),
    back("many", JUNE_14, "a", net_amount="-32.00", category="x", department=None),
    back("many", JUNE_14, "a", net_amount="-64.00", category=None),
    # A day on which the order has nothing but returns is no purchase.
    bought("twice", MAY_30), back("twice", JUNE_1, net_amount="-1.00"), back("twice", JUNE_14, net_amount="-2.00"),
)  # fmt: skip

Found = Mapping[tuple[str, dt.date], Mapping[str, Any]]


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> Found:
    return states(row.asDict(recursive=True) for row in daily_tiles(lines(spark, *LINES)).collect())


@pytest.fixture(scope="module")
def months(spark: SparkSession) -> Found:
    return states(row.asDict(recursive=True) for row in monthly_tiles(lines(spark, *LINES)).collect())


def of_day(day: dt.date, net: int, **other: int) -> tuple[Any, ...]:
    """An entry of one piece of milk, of unknown cost."""
    sums = {"net_amount": net, "returned_amount": -net, "cost_amount": 0, "costed_amount": 0, "items": -1000, **other}
    return (day, "fresh", "milk", *(sums[name] for name in RETURNED_SUMS))


def test_a_later_return_is_of_the_day_of_its_purchase(days: Found, months: Found) -> None:
    entry = of_day(MAY_30, -450, cost_amount=-400, costed_amount=-450, items=-2000)
    assert days["later", JUNE_14]["returned"] == [entry]
    assert months["later", JUNE_1]["returned"] == [entry]
    assert days["later", MAY_30]["returned"] == months["later", dt.date(2017, 5, 1)]["returned"] == []
    # It stays in the sums of its own day.
    june = days["later", JUNE_14]
    assert [june[name] for name in RETURNED_SUMS] == [-450, 450, -400, -450, -2000]
    assert june["by_category"] == [("fresh", "milk", -450, 0, 0)]


@pytest.mark.parametrize("who", ["same day", "unknown", "namesake"])
def test_of_the_same_day_of_no_known_order_or_of_anothers_there_is_no_entry(
    days: Found, months: Found, who: str
) -> None:
    assert days[who, JUNE_14]["returned"] == months[who, JUNE_1]["returned"] == []
    assert days[who, JUNE_14]["returned_amount"] == 1000


def test_an_order_of_two_days_was_bought_on_the_last_before_the_return(days: Found, months: Found) -> None:
    assert days["two days", dt.date(2017, 6, 3)]["returned"] == [of_day(JUNE_1, -300)]
    assert days["two days", JUNE_5]["returned"] == []
    assert days["two days", JUNE_14]["returned"] == [of_day(JUNE_5, -1400)]
    assert days["two days", JUNE_20]["returned"] == []
    assert months["two days", JUNE_1]["returned"] == []


def test_a_purchase_after_the_return_is_not_the_one(days: Found, months: Found) -> None:
    assert days["first the return", JUNE_1]["returned"] == months["first the return", JUNE_1]["returned"] == []


def test_a_month_knows_only_of_purchases_of_earlier_months(days: Found, months: Found) -> None:
    assert days["same month", JUNE_14]["returned"] == [of_day(MAY_30, -200), of_day(JUNE_1, -100)]
    assert months["same month", JUNE_1]["returned"] == [of_day(MAY_30, -200)]
    assert days["on the first", JUNE_14]["returned"] == [of_day(JUNE_1, -1000)]
    assert months["on the first", JUNE_1]["returned"] == []


def test_entries_add_up_by_day_department_and_category(days: Found, months: Found) -> None:
    earlier = [
        of_day(APRIL_9, -800),
        (MAY_30, None, "x", -3200, 3200, 0, 0, -1000),
        (MAY_30, "fresh", None, -6400, 6400, 0, 0, -1000),
        of_day(MAY_30, -600, cost_amount=-100, costed_amount=-200),  # −2 and −4; of the 4 no number is known
        (MAY_30, "grocery", "tea", -1600, 1600, 0, 0, 0),  # by weight
    ]
    assert days["many", JUNE_14]["returned"] == earlier
    assert days["many", JUNE_5]["returned"] == [of_day(JUNE_1, -100)]
    assert months["many", JUNE_1]["returned"] == earlier


def test_what_was_taken_back_cannot_be_bought_by_it(days: Found, months: Found) -> None:
    assert days["twice", JUNE_1]["returned"] == [of_day(MAY_30, -100)]
    assert days["twice", JUNE_14]["returned"] == [of_day(MAY_30, -200)]
    assert months["twice", JUNE_1]["returned"] == [of_day(MAY_30, -300, items=-2000)]
