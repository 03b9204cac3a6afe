"""Prices by category and day, written out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from pyspark.sql import SparkSession

from segmentation.tiles import price_tiles
from tests.tiles.data import lines

MONDAY, TUESDAY, JUNE = dt.date(2017, 6, 12), dt.date(2017, 6, 13), dt.date(2017, 6, 1)


def test_prices_count_lines_and_not_items(spark: SparkSession) -> None:
    milk = {"category": "milk", "event_date": MONDAY}
    found = price_tiles(
        lines(
            spark,
            milk | {"net_amount": "2.00", "quantity": "2"},
            milk | {"net_amount": "1.00", "quantity": "1"},
            milk | {"net_amount": "1.50", "quantity": "1"},
            milk | {"net_amount": "9.00", "quantity": "1", "event_date": TUESDAY},
            milk | {"net_amount": "3.00", "quantity": "1", "unit_of_measure": "kg"},
            milk | {"net_amount": "4.00", "quantity": "1", "is_return": True},
            milk | {"net_amount": "5.00", "quantity": "0"},
            {"event_date": MONDAY},
        )
    )
    assert sorted(tuple(row) for row in found.collect()) == [
        ("milk", MONDAY, JUNE, Decimal(1), 2),
        ("milk", MONDAY, JUNE, Decimal("1.5"), 1),
        ("milk", TUESDAY, JUNE, Decimal(9), 1),
    ]
