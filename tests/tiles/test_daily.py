"""A customer's day, added up by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from segmentation.tiles import CUSTOMER_DAY, SUMS, daily_tiles
from tests.tiles.data import WEDNESDAY, lines

SATURDAY = dt.date(2017, 11, 18)
RETURN = {"is_return": True}
MILK = {"category": "milk", "department": "fresh", "is_private_label": True}
BREAD = {"category": "bread", "department": "prepared", "is_private_label": False}
FUEL = {"category": "fuel", "department": "fuel", "unit_of_measure": "fuel_volume"}
# Order a: before six, in store s1, by card. Order b: after six, online, on invoice. Order r: only returns.
A = {"event_date": SATURDAY, "order_id": "a", "local_hour": 17, "store_id": "s1", "channel": "store",
     "payment_method": "card"}  # fmt: skip
B = {"event_date": SATURDAY, "order_id": "b", "local_hour": 18, "channel": "online", "payment_method": "invoice"}
R = A | RETURN | {"order_id": "r", "local_hour": 19, "store_id": "s2"}
LINES = (
    A | MILK | {"quantity": "2", "net_amount": "6.00", "discount_amount": "1.00", "coupon_amount": "0.50",
                "cost_amount": "4.00"},
    A | BREAD | {"quantity": "1", "net_amount": "3.00"},
    A | FUEL | {"quantity": "30.5", "net_amount": "41.00", "discount_amount": "2.00", "cost_amount": "40.00"},
    B | MILK | {"quantity": "1.5", "net_amount": "3.50", "discount_amount": None, "coupon_amount": "0",
                "cost_amount": "2.00"},
    B | BREAD | RETURN | {"quantity": "-1", "net_amount": "-3.00", "cost_amount": "-2.50"},
    R | MILK | {"quantity": "-2", "net_amount": "-6.00", "discount_amount": "-1.00", "coupon_amount": "-0.50",
                "cost_amount": "-4.00"},
)  # fmt: skip


@pytest.fixture(scope="module")
def saturday(spark: SparkSession) -> DataFrame:
    return daily_tiles(lines(spark, *LINES)).persist()


def test_the_states_of_a_day_are(spark: SparkSession, saturday: DataFrame) -> None:
    long = saturday.unpivot([], [s.name for s in SUMS], "state", "value")
    expected = (
        ("net_amount", 4450),  # 6 + 3 + 41 + 3.50 − 3 − 6, in cents
        ("gross_amount", 5300),  # 7 + 3 + 43; the line without a discount has no known shelf price
        ("discount_amount", 300),  # 1 + 2, what was taken back left out
        ("coupon_amount", 50),
        ("returned_amount", 900),  # 3 + 6
        ("bought_amount", 5350),  # 6 + 3 + 41 + 3.50
        ("cost_amount", 3950),  # 4 + 40 + 2 − 2.50 − 4
        ("costed_amount", 4150),  # 44.50 without the bread of 3, whose cost is unknown
        ("private_label_amount", 950),  # 6 + 3.50
        ("branded_amount", 1250),  # and bread of 3; nobody knows fuel's brand
        ("items", 1500),  # 2 + 1 + 1.5 − 1 − 2, in thousandths; fuel is no item
        ("lines", 4),
        ("discounted_lines", 2),  # milk and fuel
        ("coupon_lines", 1),
        ("orders", 2),  # a and b
        ("weekend_orders", 2),
        ("evening_orders", 1),  # b
        ("season_orders", 2),
        ("channel_orders", 2),
        ("online_orders", 1),
        ("store_orders", 1),
        ("payment_orders", 2),
        ("card_orders", 1),
    )
    assert_df_equality(long, spark.createDataFrame(list(expected), "state string, value bigint"), ignore_nullable=True)


def test_categories_hold_revenue_items_and_what_the_items_brought_in(spark: SparkSession, saturday: DataFrame) -> None:
    assert_df_equality(
        saturday.select(F.inline("by_category")),
        spark.createDataFrame(
            [
                ("fresh", "milk", 350, 3500, 950),  # 6 + 3.50 − 6; 2 and 1.5 items for 6 and 3.50
                ("fuel", "fuel", 4100, 0, 0),
                ("prepared", "bread", 0, 1000, 300),  # 3 − 3
            ],
            "department string, category string, net_amount bigint, items bigint, item_amount bigint",
        ),
        ignore_nullable=True,
    )


def test_a_store_counts_its_orders_and_not_its_returns(spark: SparkSession, saturday: DataFrame) -> None:
    assert_df_equality(
        saturday.select(F.inline("orders_by_store")),
        spark.createDataFrame([("s1", 1)], "key string, value bigint"),
        ignore_nullable=True,
    )


def test_products_are_those_bought_each_once(spark: SparkSession) -> None:
    found = daily_tiles(lines(
        spark,
        {"product_id": "tea"}, {"product_id": "salt"}, {"product_id": "tea"}, {"product_id": None},
        RETURN | {"product_id": "rice", "net_amount": "-1.00"},
        RETURN | {"customer_id": "c2", "product_id": "rice", "net_amount": "-1.00"},
    )).orderBy("customer_id")  # fmt: skip
    assert [row["products"] for row in found.collect()] == [["salt", "tea"], []]


def test_the_tiles_have_the_columns_and_types_that_are_declared(saturday: DataFrame) -> None:
    declared = StructType.fromDDL(CUSTOMER_DAY.ddl)
    found = saturday.schema
    assert [(f.name, f.dataType.simpleString()) for f in found] == [
        (f.name, f.dataType.simpleString()) for f in declared
    ]


def states(spark: SparkSession, names: str, *changes: dict[str, Any]) -> DataFrame:
    """The named states by customer and day."""
    tiles = daily_tiles(lines(spark, *changes))
    return tiles.select("customer_id", "event_date", *names.split()).orderBy("customer_id", "event_date")


def table(spark: SparkSession, names: str, *expected: tuple[Any, ...]) -> DataFrame:
    counts = ", ".join(f"{name} bigint" for name in names.split())
    return spark.createDataFrame(list(expected), f"customer_id string, event_date date, {counts}")


def test_an_order_is_counted_once_a_customer_and_day(spark: SparkSession) -> None:
    thursday = WEDNESDAY + dt.timedelta(days=1)
    found = states(
        spark,
        "orders lines",
        {"order_id": "a"},
        {"order_id": "a"},
        {"order_id": "b"},
        {"order_id": "a", "event_date": thursday},  # past midnight
        {"order_id": "a", "customer_id": "c2"},  # receipts are numbered anew in each store
    )
    assert_df_equality(
        found,
        table(
            spark,
            "orders lines",
            ("c1", WEDNESDAY, 2, 3),
            ("c1", thursday, 1, 1),
            ("c2", WEDNESDAY, 1, 1),
        ),
        ignore_nullable=True,
    )


def test_a_day_of_returns_has_revenue_and_no_order(spark: SparkSession) -> None:
    found = states(
        spark,
        "orders weekend_orders store_orders card_orders lines net_amount returned_amount",
        {"event_date": SATURDAY, "net_amount": "-4.00", "quantity": "-1", "channel": "store", "payment_method": "card"}
        | RETURN,
    )
    expected = ("c1", SATURDAY, 0, 0, 0, 0, 0, -400, 400)
    assert [tuple(row) for row in found.collect()] == [expected]


def test_weekend_season_and_evening_begin_and_end_at(spark: SparkSession) -> None:
    day = dt.date
    found = states(
        spark,
        "weekend_orders season_orders evening_orders",
        {"event_date": day(2017, 10, 31), "local_hour": 17},  # Tuesday
        {"event_date": day(2017, 11, 1), "local_hour": 18},
        {"event_date": day(2017, 11, 17), "local_hour": 23},  # Friday
        {"event_date": day(2017, 11, 18), "local_hour": 0},
        {"event_date": day(2017, 11, 19), "local_hour": None},
        {"event_date": day(2017, 11, 20), "local_hour": 18},  # Monday
        {"event_date": day(2017, 12, 31), "local_hour": 17},  # Sunday
        {"event_date": day(2018, 1, 1), "local_hour": 17},
    )
    assert_df_equality(
        found,
        table(
            spark,
            "weekend_orders season_orders evening_orders",
            ("c1", day(2017, 10, 31), 0, 0, 0),
            ("c1", day(2017, 11, 1), 0, 1, 1),
            ("c1", day(2017, 11, 17), 0, 1, 1),
            ("c1", day(2017, 11, 18), 1, 1, 0),
            ("c1", day(2017, 11, 19), 1, 1, 0),
            ("c1", day(2017, 11, 20), 0, 1, 1),
            ("c1", day(2017, 12, 31), 1, 1, 0),
            ("c1", day(2018, 1, 1), 0, 0, 0),
        ),
        ignore_nullable=True,
    )


def test_an_order_across_stores_counts_for_the_least_of_them(spark: SparkSession) -> None:
    found = daily_tiles(lines(
        spark,
        {"order_id": "a", "store_id": "s2", "local_hour": 18}, {"order_id": "a", "store_id": "s1", "local_hour": 17},
        {"order_id": "a", "store_id": None}, {"order_id": "b", "store_id": "s2", "local_hour": 18},
    ))  # fmt: skip
    row = found.select("orders", "evening_orders", "orders_by_store").first()
    assert tuple(row) == (2, 1, [("s1", 1), ("s2", 1)])


def test_what_is_not_known_is_left_out_of_the_parts_and_stays_in_the_whole(spark: SparkSession) -> None:
    found = daily_tiles(lines(
        spark,
        {"customer_id": "nothing"}, {"customer_id": "category", "category": "milk"},
        {"customer_id": "department", "department": "fresh"},
    )).orderBy("customer_id")  # fmt: skip
    names = ("customer_id", "net_amount", "branded_amount", "channel_orders", "payment_orders", "orders_by_store")
    assert [tuple(row) for row in found.select(*names, "by_category").collect()] == [
        ("category", 1000, 0, 0, 0, [], [(None, "milk", 1000, 1000, 1000)]),
        ("department", 1000, 0, 0, 0, [], [("fresh", None, 1000, 1000, 1000)]),
        ("nothing", 1000, 0, 0, 0, [], []),
    ]
