"""Day tiles as people read them, by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.tiles import SUMS, in_units, since
from tests.tiles.data import days

FIRST = dt.date(2017, 6, 10)
BEFORE, EARLIER = FIRST - dt.timedelta(days=1), FIRST - dt.timedelta(days=40)


def tile(day: dt.date, **states: Any) -> dict[str, Any]:
    return {"customer_id": "c1", "event_date": day, **states}


def test_sums_in_units_are_decimals_and_counts_stay(spark: SparkSession) -> None:
    given = days(
        spark,
        tile(FIRST, net_amount=-1234567, cost_amount=5, items=-1500, orders=3),
    )  # fmt: skip
    row = in_units(given).first()
    assert row is not None
    assert (row["net_amount"], row["cost_amount"]) == (Decimal("-12345.67"), Decimal("0.05"))
    assert (row["items"], row["orders"], row["gross_amount"]) == (Decimal("-1.500"), 3, Decimal("0.00"))

    types = dict(in_units(given).dtypes)
    places = {100: "decimal(28,2)", 1000: "decimal(28,3)", 1: "bigint"}
    assert {s.name: types[s.name] for s in SUMS} == {s.name: places[s.scale] for s in SUMS}
    assert in_units(given).columns == given.columns
    total = given.groupBy("customer_id").agg(F.sum("net_amount").alias("net_amount"), F.count("*").alias("days"))
    assert in_units(total).collect() == [("c1", Decimal("-12345.67"), 1)]


def test_a_window_leaves_out_what_was_taken_back_of_purchases_before_it(spark: SparkSession) -> None:
    later = FIRST + dt.timedelta(days=5)
    given = days(
        spark,
        tile(BEFORE, net_amount="99.00", orders=1),
        # Bought for 50.00 and two items; taken back 8.00 of before, and 20.00 of the day of the window's beginning.
        tile(
            later,
            net_amount="22.00", bought_amount="50.00", returned_amount="28.00", cost_amount="9.00",
            costed_amount="15.00", items="-1", orders=1, lines=2,
            by_category=[("fresh", "milk", 2200, 2000, 5000)],
            returned=[(EARLIER, "fresh", "milk", -300, 300, -100, -300, -1000),
                      (BEFORE, None, "tea", -500, 500, 0, 0, -500),
                      (FIRST, "fresh", "milk", -2000, 2000, -700, -2000, -1500)],
        ),
        tile(FIRST, net_amount="20.00", items="3", orders=1),
    )  # fmt: skip
    rows = {row["event_date"]: row for row in since(given, FIRST).collect()}
    assert set(rows) == {FIRST, later}
    assert (rows[FIRST]["net_amount"], rows[FIRST]["items"], rows[FIRST]["by_category"]) == (2000, 3000, [])
    row = rows[later]
    assert row["net_amount"] == 3000  # 22 + 3 + 5
    assert row["returned_amount"] == 2000  # 28 − 3 − 5
    assert row["cost_amount"] == 1000  # 9 + 1
    assert row["costed_amount"] == 1800  # 15 + 3
    assert row["items"] == 500  # −1 + 1 + 0.5
    assert (row["bought_amount"], row["orders"], row["lines"]) == (5000, 1, 2)
    assert row["by_category"] == [
        ("fresh", "milk", 2200, 2000, 5000), ("fresh", "milk", 300, 0, 0), (None, "tea", 500, 0, 0),
    ]  # fmt: skip
    # What is bought in the window has nothing to leave out.
    assert since(given, EARLIER).where("event_date > DATE'2017-06-10'").first()["net_amount"] == 2200
    assert since(given, EARLIER).columns == given.columns
