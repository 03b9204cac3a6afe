"""Months hold what their days add up to; months and days together make up every window of any as-of date."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.periods import WINDOWS
from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.tiles import SUMS, cover, daily_tiles, monthly_tiles
from tests.oracles.months import expected_months
from tests.oracles.tiles import expected_days
from tests.tiles.data import line, rows

SEED = 4
FIRST, LAST = dt.date(2015, 1, 1), dt.date(2016, 4, 30)  # a leap day is among them
MONTH_ENDS = (dt.date(2016, 1, 31), dt.date(2016, 2, 1), dt.date(2016, 2, 29), dt.date(2016, 3, 1))


def history() -> list[dict[str, Any]]:
    """A line on most days, on the days around months' ends for sure; some take goods back."""
    chance = random.Random(SEED)
    some = [FIRST + dt.timedelta(days=chance.randrange((LAST - FIRST).days + 1)) for _ in range(400)]
    taken_back = [chance.random() < 0.1 for _ in (*MONTH_ENDS, *some)]
    changes = [
        {"event_date": day, "customer_id": chance.choice("ab"), "order_id": chance.choice("123"), "is_return": back,
         "net_amount": Decimal(chance.randint(0, 9_999)) / 100 * (-1 if back else 1),
         "quantity": Decimal(chance.randint(0, 5_000)) / 1000 * (-1 if back else 1),
         "discount_amount": None, "coupon_amount": None, "cost_amount": None, "is_private_label": None,
         "channel": None, "payment_method": None, "store_id": chance.choice(["s1", "s2", None]),
         "category": chance.choice(["milk", "bread", None]), "department": chance.choice(["fresh", None])}
        for day, back in zip((*MONTH_ENDS, *some), taken_back, strict=True)
    ]  # fmt: skip
    return [line(i, change) for i, change in enumerate(changes)]


LINES = history()


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> DataFrame:
    return daily_tiles(rows(spark, STG_TRANSACTIONS, *LINES)).localCheckpoint()


@pytest.fixture(scope="module")
def months(days: DataFrame) -> DataFrame:
    return monthly_tiles(days).localCheckpoint()


def test_a_month_holds_what_its_days_add_up_to(months: DataFrame) -> None:
    expected = expected_months(expected_days(LINES))
    found = months.collect()
    assert len(found) == len(expected)
    for row in found:
        states = {s.name: row[s.name] for s in SUMS} | {"orders_by_store": row["orders_by_store"]}
        states["by_category"] = row["by_category"] and {(c[0], c[1]): tuple(c[2:]) for c in row["by_category"]}
        states["order_days"] = {d for d in range(1, 32) if row["order_days"] & 1 << (d - 1)}
        assert states == expected[row["customer_id"], row["month"]]
    assert any(row["order_days"] & 1 << 30 for row in found)  # a 31st


# First, middle and last of a month, a leap day, before the first line, and after the last.
AS_OFS = ["2015-01-01", "2015-07-01", "2016-01-31", "2016-02-29", "2016-03-01", "2016-03-31", "2016-12-15"]


@pytest.mark.parametrize("as_of", [dt.date.fromisoformat(day) for day in AS_OFS])
def test_the_tiles_of_a_cover_add_up_to_each_window(days: DataFrame, months: DataFrame, as_of: dt.date) -> None:
    tiles = cover(days, months, as_of).collect()
    single = expected_days(LINES)
    for window in WINDOWS:
        first = dt.date.min if window.days is None else as_of - dt.timedelta(days=window.days)
        found: dict[str, Any] = defaultdict(lambda: (Decimal(0), set()))
        expected: dict[str, Any] = defaultdict(lambda: (Decimal(0), set()))
        for tile in tiles:
            if tile["event_date"] >= first:
                assert all(first <= day < as_of for day in tile["order_dates"])
                money, dates = found[tile["customer_id"]]
                assert not dates & {*tile["order_dates"]}
                found[tile["customer_id"]] = (money + tile["net_amount"], dates | {*tile["order_dates"]})
        for (customer, day), states in single.items():
            if first <= day < as_of:
                money, dates = expected[customer]
                expected[customer] = (money + states["net_amount"], dates | ({day} if states["orders"] else set()))
        assert found == expected, window.name


def test_whole_months_stand_for_their_days(days: DataFrame, months: DataFrame) -> None:
    as_of = dt.date(2016, 3, 31)
    tiles = cover(days, months, as_of).count()
    assert tiles < days.where(f"event_date < DATE'{as_of}'").count() / 2


def test_a_cover_reads_only_the_days_at_its_edges(spark: SparkSession, days: DataFrame, months: DataFrame) -> None:
    inside = days.where("event_date BETWEEN DATE'2015-05-01' AND DATE'2015-05-31'")  # in no edge of that date
    assert inside.count() > 0
    assert cover(inside, months.limit(0), dt.date(2016, 3, 31)).count() == 0
