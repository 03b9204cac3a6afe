"""Several as-of dates in one pass are what each is alone; goods taken back count where they had been bought."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from segmentation.features import Registry, build_features
from tests.features.data import AS_OF, CUSTOMERS, FEEDBACK, INTERACTIONS, LINES, inputs
from tests.features.generated import history as generated
from tests.tiles.data import Row as Given

DATES = [dt.date(2016, 12, 1), dt.date(2017, 7, 5), dt.date(2017, 12, 2), AS_OF]


@pytest.mark.long
def test_dates_together_are_what_each_is_alone(
    spark: SparkSession, everything: Registry, history: dict[str, Row]
) -> None:
    made = generated(7, AS_OF)
    given = inputs(spark, [*LINES, *made.lines], [*INTERACTIONS, *made.interactions], FEEDBACK, CUSTOMERS)
    together = build_features(everything, given, DATES).collect()
    for day in DATES:
        alone = {row["customer_id"]: row for row in build_features(everything, given, [day]).collect()}
        of_day = {row["customer_id"]: row for row in together if row["as_of"] == day}
        assert of_day == alone, day
    assert len(together) == sum(1 for row in together if row["as_of"] in DATES) > len(DATES)
    known = {day: sum(row["as_of"] == day for row in together) for day in DATES}
    assert known[DATES[0]] < known[AS_OF]  # those of later are not known earlier


# Ruth buys milk for 20 and bread for 9 in September; on 2 December she takes bread for 9 and milk for 5 back.
SEPTEMBER, DECEMBER = dt.date(2017, 9, 1), dt.date(2017, 12, 2)
ORDER: Given = {"customer_id": "ruth", "order_id": "o", "event_date": SEPTEMBER, "department": "fresh"}
BACK: Given = ORDER | {"event_date": DECEMBER, "is_return": True}
BOUGHT: tuple[Given, ...] = (
    ORDER | {"category": "milk", "net_amount": "20.00", "quantity": "4", "cost_amount": "8.00"},
    ORDER | {"category": "bread", "net_amount": "9.00", "quantity": "1"},
)
RETURNED: tuple[Given, ...] = (
    BACK | {"category": "milk", "net_amount": "-5.00", "quantity": "-1", "cost_amount": "-2.00"},
    BACK | {"category": "bread", "net_amount": "-9.00", "quantity": "-1"},
)


def of_ruth(spark: SparkSession, registry: Registry, day: dt.date, *lines: Given) -> dict[str, Any]:
    [row] = build_features(registry, inputs(spark, lines), [day]).collect()
    return row.asDict()


def test_what_is_taken_back_counts_on_the_day_of_its_purchase(spark: SparkSession, everything: Registry) -> None:
    found = of_ruth(spark, everything, AS_OF, *BOUGHT, *RETURNED)
    # The 90 days have the return and not the purchase: nothing happened in them.
    assert {n: found[n] for n in ("net_revenue_90d", "items_90d", "category_breadth_90d", "orders_90d")} == {
        "net_revenue_90d": Decimal("0.00"), "items_90d": Decimal("0.000"), "category_breadth_90d": 0, "orders_90d": 0,
    }  # fmt: skip
    assert found["return_share_90d"] is None
    for window in ("180d", "365d", "lifetime"):
        assert found[f"net_revenue_{window}"] == Decimal("15.00")  # 20 + 9 − 5 − 9
        assert found[f"items_{window}"] == Decimal("3.000")
        assert found[f"category_breadth_{window}"] == 1  # of the bread nothing is left
        assert found[f"orders_{window}"] == 1
    assert found["return_share_365d"] == 14 / 29
    assert found["margin_365d"] == Decimal("9.00")  # (20 − 8) − (5 − 2)


def test_before_it_is_taken_back_nobody_knows_of_it(spark: SparkSession, everything: Registry) -> None:
    found = of_ruth(spark, everything, DECEMBER, *BOUGHT, *RETURNED)
    assert found["net_revenue_180d"] == Decimal("29.00")
    after = of_ruth(spark, everything, DECEMBER + dt.timedelta(days=1), *BOUGHT, *RETURNED)
    assert after["net_revenue_180d"] == Decimal("15.00")


def test_a_return_without_its_order_counts_on_its_own_day(spark: SparkSession, everything: Registry) -> None:
    lost = [row | {"order_id": "unknown"} for row in RETURNED]
    found = of_ruth(spark, everything, AS_OF, *BOUGHT, *lost)
    assert found["net_revenue_90d"] == Decimal("-14.00")
    assert found["net_revenue_180d"] == Decimal("15.00")


def test_a_customer_whose_purchases_were_all_taken_back_spent_nothing(
    spark: SparkSession, everything: Registry
) -> None:
    all_back = [row | {"event_date": DECEMBER, "is_return": True, "net_amount": f"-{row['net_amount']}",
                       "quantity": f"-{row['quantity']}"} for row in BOUGHT]  # fmt: skip
    found = of_ruth(spark, everything, AS_OF, *BOUGHT, *all_back)
    assert {found[f"net_revenue_{w}"] for w in ("30d", "90d", "180d", "365d", "lifetime")} == {Decimal("0.00")}
