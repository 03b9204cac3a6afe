"""Products by day, prices by category and day, written out; and what a change of lines makes of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.tiles import CUSTOMER_PRODUCT, changed_products, price_tiles, product_tiles
from tests.tiles.data import Row, line, lines, rows

MONDAY, TUESDAY, FRIDAY = dt.date(2017, 6, 12), dt.date(2017, 6, 13), dt.date(2017, 6, 16)
TEA = {"product_id": "tea"}


def test_the_days_of_a_product_ascend_and_stand_once(spark: SparkSession) -> None:
    found = product_tiles(
        lines(
            spark,
            TEA | {"event_date": FRIDAY},
            TEA | {"event_date": MONDAY},
            TEA | {"event_date": MONDAY},
            TEA | {"event_date": TUESDAY, "is_return": True},  # taken back: it was known before
            TEA | {"event_date": TUESDAY, "customer_id": "c2"},
            {"event_date": TUESDAY},  # which product is not known
        )
    )
    assert sorted(tuple(row) for row in found.collect()) == [
        ("c1", "tea", [MONDAY, FRIDAY]),
        ("c2", "tea", [TUESDAY]),
    ]


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
        ("milk", MONDAY, Decimal(1), 2),
        ("milk", MONDAY, Decimal("1.5"), 1),
        ("milk", TUESDAY, Decimal(9), 1),
    ]


def test_a_change_reaches_the_days_it_names_and_no_other(spark: SparkSession) -> None:
    old = spark.createDataFrame(
        [("c1", "tea", [MONDAY, FRIDAY]), ("c1", "rice", [MONDAY]), ("c2", "tea", [FRIDAY])], CUSTOMER_PRODUCT.ddl
    )
    # Tea leaves Monday, comes to Tuesday; rice leaves its only day; salt is new. c2 is not touched.
    before: list[Row] = [TEA | {"event_date": MONDAY}, {"product_id": "rice", "event_date": MONDAY}]
    after: list[Row] = [TEA | {"event_date": TUESDAY}, {"product_id": "salt", "event_date": MONDAY}]
    of_days = [*after, {"product_id": "oil", "event_date": MONDAY}]  # oil's line did not change
    changes = rows(spark, STG_TRANSACTIONS, *(line(i, row) for i, row in enumerate([*before, *after])))
    found = changed_products(old, changes, lines(spark, *of_days)).collect()
    assert sorted(tuple(row) for row in found) == [("c1", "salt", [MONDAY]), ("c1", "tea", [TUESDAY, FRIDAY])]
