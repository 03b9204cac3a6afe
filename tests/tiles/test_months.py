"""Months hold what their days add up to; months and days together make up every window of any as-of dates."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from segmentation.core.periods import WINDOWS
from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.tiles import cover, daily_tiles, monthly_tiles
from tests.oracles.months import expected_months
from tests.oracles.tiles import expected_days
from tests.tiles.data import line, rows, states

SEED = 4
FIRST, LAST = dt.date(2015, 1, 1), dt.date(2016, 4, 30)  # a leap day is among them
MONTH_ENDS = (dt.date(2016, 1, 31), dt.date(2016, 2, 1), dt.date(2016, 2, 29), dt.date(2016, 3, 1))


def history() -> list[dict[str, Any]]:
    """A line on most days, on the days around months' ends for sure; some take goods back."""
    chance = random.Random(SEED)
    some = [FIRST + dt.timedelta(days=chance.randrange((LAST - FIRST).days + 1)) for _ in range(400)]
    taken_back = [chance.random() < 0.2 for _ in (*MONTH_ENDS, *some)]
    changes = [
        {"event_date": day, "customer_id": chance.choice("ab"), "order_id": str(chance.randrange(9)), "is_return": back,
         "net_amount": Decimal(chance.randint(0, 9_999)) / 100 * (-1 if back else 1),
         "quantity": Decimal(chance.randint(0, 5_000)) / 1000 * (-1 if back else 1),
         "discount_amount": None, "coupon_amount": None, "cost_amount": None, "is_private_label": None,
         "channel": None, "payment_method": None, "store_id": chance.choice(["s1", "s2", None]),
         "product_id": chance.choice(["p1", "p2", "p3"]),
         "category": chance.choice(["milk", "bread", None]), "department": chance.choice(["fresh", None])}
        for day, back in zip((*MONTH_ENDS, *some), taken_back, strict=True)
    ]  # fmt: skip
    return [line(i, change) for i, change in enumerate(changes)]


LINES = history()


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> DataFrame:
    return daily_tiles(rows(spark, STG_TRANSACTIONS, *LINES)).localCheckpoint()


@pytest.fixture(scope="module")
def months(spark: SparkSession) -> DataFrame:
    return monthly_tiles(rows(spark, STG_TRANSACTIONS, *LINES)).localCheckpoint()


def test_a_month_holds_what_its_days_add_up_to(months: DataFrame) -> None:
    found = states(row.asDict(recursive=True) for row in months.collect())
    assert found == expected_months(expected_days(LINES)), f"seed {SEED}"
    assert any(31 in month["order_days"] for month in found.values())
    assert any(month["returned"] for month in found.values())


# First, middle and last of a month, a leap day, before the first line, and after the last.
AS_OFS = [
    dt.date.fromisoformat(day)
    for day in ("2015-01-01", "2015-07-01", "2016-01-31", "2016-02-29", "2016-03-01", "2016-03-31", "2016-12-15")
]


def order_dates(tile: Row) -> list[dt.date]:
    return [tile["event_date"] + dt.timedelta(days=d) for d in range(31) if tile["order_days"] & 1 << d]


@pytest.mark.parametrize(
    "as_ofs", [*([day] for day in AS_OFS), AS_OFS[-1::-2], AS_OFS], ids=lambda a: f"{len(a)}-{a[0]}"
)
def test_the_tiles_of_a_cover_add_up_to_each_window(days: DataFrame, months: DataFrame, as_ofs: list[dt.date]) -> None:
    tiles = cover(days, months, as_ofs).collect()
    assert all(max([tile["event_date"], *order_dates(tile)]) < max(as_ofs) for tile in tiles)
    single = [(who, day, states) for (who, day), states in expected_days(LINES).items()]
    for as_of in as_ofs:
        for window in WINDOWS:
            first = window.start(as_of)
            for who in "ab":
                mine = [t for t in tiles if t["customer_id"] == who and first <= t["event_date"] < as_of]
                expected = [(day, states) for c, day, states in single if c == who and first <= day < as_of]
                dates = [day for tile in mine for day in order_dates(tile)]
                assert sorted(dates) == sorted(day for day, states in expected if states["orders"]), window.name
                for name in ("net_amount", "items", "orders"):
                    total = sum(states[name] for _, states in expected)
                    assert sum(tile[name] for tile in mine) == total, (as_of, window.name, name)
                products = {p for _, states in expected for p in states["products"]}
                assert {p for tile in mine for p in tile["products"]} == products
                # What was taken back of purchases before the window, of which months know enough.
                before = [entry for _, states in expected for entry in states["returned"] if entry[0] < first]
                found = [entry for tile in mine for entry in tile["returned"] if entry["bought_on"] < first]
                assert sum(entry["net_amount"] for entry in found) == sum(entry[3] for entry in before)


def test_whole_months_stand_for_their_days(days: DataFrame, months: DataFrame) -> None:
    as_of = dt.date(2016, 3, 31)
    tiles = cover(days, months, [as_of]).count()
    assert tiles < days.where(f"event_date < DATE'{as_of}'").count() / 2


def test_a_cover_reads_only_the_days_at_its_edges(days: DataFrame, months: DataFrame) -> None:
    inside = days.where("event_date BETWEEN DATE'2015-05-01' AND DATE'2015-05-31'")  # in no edge of that date
    assert inside.count() > 0
    assert cover(inside, months.limit(0), [dt.date(2016, 3, 31)]).count() == 0
