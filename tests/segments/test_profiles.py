"""A segment's profile, worked out by hand from day tiles."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import SEGMENT_PROFILES, UNIFIED
from segmentation.segments import profile_rows
from segmentation.segments.moments import EVERYONE, Means
from tests.tiles.data import days

AS_OF = dt.date(2018, 1, 1)
MEMBERS = (
    "dimension string, customer_id string, segment_id string, segment_name string, coverage double, "
    "raw_segment_id string, rule_applied string, rules_met array<string>"
)


def day(customer: str, date: str, **states: Any) -> dict[str, Any]:
    """A customer's day; money is text."""
    return {"customer_id": customer, "event_date": dt.date.fromisoformat(date), **states}


def bought(*categories: tuple[str | None, str, int]) -> list[tuple[Any, ...]]:
    """The day's categories: department, category, cents."""
    return [(d, c, cents, 1000, cents) for d, c, cents in categories]


def segments(spark: SparkSession, *rows: tuple[str, str, str, float]) -> DataFrame:
    named = [(d, c, s, s.upper(), coverage, s, None, None) for d, c, s, coverage in rows]
    return spark.createDataFrame(named, MEMBERS)


def shop(spark: SparkSession) -> DataFrame:
    return days(
        spark,
        # The day before the last 365: lifetime revenue only.
        day("a", "2016-12-31", net_amount="100.00", gross_amount="100.00", orders=1, channel_orders=1, store_orders=1,
            by_category=bought(("fresh", "milk", 10000))),
        day("a", "2017-12-01", net_amount="30.00", gross_amount="40.00", discount_amount="10.00", orders=2,
            channel_orders=2, online_orders=1, store_orders=1,
            # The 10.00 of milk are fresh; of what no department is known, none is told.
            by_category=bought(("fresh", "milk", 1000), ("grocery", "rice", 1500), ("grocery", "oats", 200),
                               (None, "gifts", 300))),
        # The first of the last 365 days.
        day("b", "2017-01-01", net_amount="20.01", gross_amount="20.01", orders=1, channel_orders=1, online_orders=1,
            by_category=bought(("grocery", "rice", 2001))),
        day("c", "2017-06-01", net_amount="50.00", gross_amount="50.00", costed_amount="50.00", cost_amount="20.00",
            orders=1),
        # A return is no order: it takes revenue, and does not count as recency.
        day("c", "2017-12-31", net_amount="-5.00", returned_amount="5.00"),
    )  # fmt: skip


def test_the_profile_of_a_small_shop(spark: SparkSession) -> None:
    members = segments(
        spark,
        ("transactional", "a", "s1", 1.0), ("transactional", "b", "s1", 1.0),
        ("transactional", "c", "s2", 1.0), ("transactional", "d", "no_data", 0.0),
    )  # fmt: skip
    s1, s2, no_data = profile_rows(members, shop(spark), {}, AS_OF)
    nothing_known = {"top_differentiators": [], "feature_means": {}, "feature_z": {}, "model_mix": None,
                     "rule_overlap": None}  # fmt: skip
    assert s1 == {
        "dimension": "transactional", "segment_id": "s1", "segment_name": "S1",
        "customers": 2, "customer_share": 0.5,
        "revenue_share": pytest.approx(150.01 / 195.01, abs=1e-15),
        "revenue_lifetime": Decimal("150.01"), "revenue_365d": Decimal("50.01"),
        "margin_365d": None,  # no cost is known
        "average_order_value": Decimal("16.67"),  # 50.01 / 3
        "orders_per_customer_365d": 1.5,
        "median_days_since_last_order": 198.0,  # of 31 and 365
        "discount_share_365d": pytest.approx(10 / 60.01, abs=1e-15),
        "channel_mix": {"online": pytest.approx(2 / 3), "store": pytest.approx(1 / 3)},
        "category_mix": {"fresh": pytest.approx(10 / 47.01), "grocery": pytest.approx(37.01 / 47.01)},
        "coverage": 1.0, **nothing_known,
    }  # fmt: skip
    assert s2 == {
        "dimension": "transactional", "segment_id": "s2", "segment_name": "S2",
        "customers": 1, "customer_share": 0.25,
        "revenue_share": pytest.approx(45 / 195.01, abs=1e-15),
        "revenue_lifetime": Decimal("45.00"), "revenue_365d": Decimal("45.00"),
        "margin_365d": Decimal("30.00"),
        "average_order_value": Decimal("45.00"),
        "orders_per_customer_365d": 1.0,
        "median_days_since_last_order": 214.0,
        "discount_share_365d": 0.0,
        "channel_mix": None, "category_mix": None,  # nothing known of either
        "coverage": 1.0, **nothing_known,
    }  # fmt: skip
    assert no_data == {
        "dimension": "transactional", "segment_id": "no_data", "segment_name": "NO_DATA",
        "customers": 1, "customer_share": 0.25, "revenue_share": 0.0,
        "revenue_lifetime": Decimal("0.00"), "revenue_365d": Decimal("0.00"), "margin_365d": None,
        "average_order_value": None, "orders_per_customer_365d": 0.0, "median_days_since_last_order": None,
        "discount_share_365d": None, "channel_mix": None, "category_mix": None,
        "coverage": 0.0, **nothing_known,
    }  # fmt: skip
    assert sorted(["as_of", "run_id", *s1]) == sorted(SEGMENT_PROFILES.names)


def test_what_was_bought_before_the_year_and_taken_back_in_it_is_lost_for_life_and_not_for_the_year(
    spark: SparkSession,
) -> None:
    given = days(
        spark,
        day("a", "2016-12-31", net_amount="100.00", gross_amount="100.00", cost_amount="60.00",
            costed_amount="100.00", orders=1, by_category=bought(("fresh", "milk", 10000))),
        day("a", "2017-01-01", net_amount="30.00", gross_amount="30.00", cost_amount="18.00", costed_amount="30.00",
            orders=1, by_category=bought(("grocery", "rice", 3000))),
        # 50.00 of the old year's purchase, and 10.00 of the new year's first day.
        day("a", "2017-02-01", net_amount="-60.00", returned_amount="60.00", cost_amount="-36.00",
            costed_amount="-60.00", by_category=[("fresh", "milk", -5000, 0, 0), ("grocery", "rice", -1000, 0, 0)],
            returned=[(dt.date(2016, 12, 31), "fresh", "milk", -5000, 5000, -3000, -5000, -1000),
                      (dt.date(2017, 1, 1), "grocery", "rice", -1000, 1000, -600, -1000, -1000)]),
    )  # fmt: skip
    (row,) = profile_rows(segments(spark, ("transactional", "a", "s1", 1.0)), given, {}, AS_OF)
    assert row["revenue_lifetime"] == Decimal("70.00")  # 100 + 30 − 60
    assert row["revenue_365d"] == Decimal("20.00")  # 30 − 10
    assert row["average_order_value"] == Decimal("20.00")
    assert row["margin_365d"] == Decimal("8.00")  # 20 less 18 − 6
    assert row["category_mix"] == {"fresh": 0.0, "grocery": 1.0}


def test_rows_come_by_dimension_then_segment_with_no_data_last(spark: SparkSession) -> None:
    members = segments(
        spark,
        (UNIFIED, "a", "u-2", 1.0), (UNIFIED, "b", "u-1", 0.5), ("behavioral", "a", "no_data", 0.0),
        ("behavioral", "b", "z", 1.0), ("demographics", "a", "all", 1.0), ("demographics", "b", "no_data", 0.0),
    )  # fmt: skip
    rows = profile_rows(members, shop(spark), {}, AS_OF)
    assert [(r["dimension"], r["segment_id"]) for r in rows] == [
        ("demographics", "all"), ("demographics", "no_data"), ("behavioral", "z"), ("behavioral", "no_data"),
        (UNIFIED, "u-1"), (UNIFIED, "u-2"),
    ]  # fmt: skip
    # Shares are of the own dimension: a has 130 and b 20.01 of 150.01 in each of them.
    assert [r["revenue_share"] for r in rows] == [
        pytest.approx(v / 150.01) for v in (130, 20.01, 20.01, 130, 20.01, 130)
    ]
    assert [r["coverage"] for r in rows] == [1.0, 0.0, 1.0, 0.0, 0.5, 1.0]


def test_a_rules_segment_says_where_its_members_would_be_and_which_other_rules_hold_for_them(
    spark: SparkSession,
) -> None:
    """Of four who are lapsed three would be in u-1 and one in u-2; for two of them a second rule holds, for one two."""
    met = {"a": ("u-1", ["lapsed"]), "b": ("u-1", ["lapsed", "new"]), "c": ("u-1", ["lapsed", "new", "vip"]),
           "d": ("u-2", ["lapsed"])}  # fmt: skip
    rows = [(UNIFIED, c, "rule-lapsed", "Lapsed", 1.0, raw, "lapsed", rules) for c, (raw, rules) in met.items()]
    rows += [
        (UNIFIED, "e", "u-1", "U", 1.0, "u-1", None, None),
        (UNIFIED, "f", "rule-new", "N", 1.0, "u-1", "new", ["new"]),
    ]
    found = profile_rows(spark.createDataFrame(rows, MEMBERS), shop(spark), {}, AS_OF)
    assert {r["segment_id"]: (r["model_mix"], r["rule_overlap"]) for r in found} == {
        "rule-lapsed": ({"u-1": 0.75, "u-2": 0.25}, {"rule-new": 0.5, "rule-vip": 0.25}),
        "rule-new": ({"u-1": 1.0}, {}),
        "u-1": (None, None),
    }


def test_goods_given_away_cost_what_they_cost(spark: SparkSession) -> None:
    given = days(spark, day("a", "2017-12-01", cost_amount="5.00", orders=1))
    (row,) = profile_rows(segments(spark, ("transactional", "a", "s1", 1.0)), given, {}, AS_OF)
    assert row["margin_365d"] == Decimal("-5.00")


def test_without_any_revenue_there_is_no_share_of_it(spark: SparkSession) -> None:
    given = days(spark, day("a", "2017-12-01", orders=1))
    (row,) = profile_rows(segments(spark, ("transactional", "a", "s1", 1.0)), given, {}, AS_OF)
    assert (row["revenue_share"], row["discount_share_365d"], row["category_mix"]) == (None, None, None)
    assert (row["average_order_value"], row["median_days_since_last_order"]) == (Decimal("0.00"), 31.0)


def test_half_a_cent_is_rounded_up(spark: SparkSession) -> None:
    """0.25 over two orders is 0.125."""
    given = days(spark, day("a", "2017-12-01", net_amount="0.25", orders=2))
    (row,) = profile_rows(segments(spark, ("transactional", "a", "s1", 1.0)), given, {}, AS_OF)
    assert row["average_order_value"] == Decimal("0.13")


def test_the_five_strongest_differences_are_named_and_none_of_zero(spark: SparkSession) -> None:
    z = {"a": 0.5, "b": -3.0, "c": 0.0, "d": 2.0, "e": 2.0, "f": -0.25, "g": 1.0}
    everyone = Means(2, {"a": 0.0, "b": -1.0, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0, "g": 1.0}, {"a": 9.0})
    means = {
        ("transactional", "s1"): Means(1, z, {"a": 7.0}),
        ("transactional", "s2"): Means(1, {"a": 0.0, "g": 0.0}, {}),
        ("transactional", EVERYONE): everyone,
        ("transactional", "no_data"): Means(1, {}, {"a": 1.0}),
    }
    own = {"a": "s1", "b": "s2", "c": "no_data"}
    members = segments(spark, *(("transactional", c, s, 1.0) for c, s in own.items()))
    s1, s2, no_data = profile_rows(members, shop(spark), means, AS_OF)
    assert s1["feature_z"] == {"a": 0.5, "b": -2.0, "c": 0.0, "d": 2.0, "e": 2.0, "f": -0.25, "g": 0.0}
    assert s1["top_differentiators"] == [
        ("b", -2.0, "lower"), ("d", 2.0, "higher"), ("e", 2.0, "higher"), ("a", 0.5, "higher"), ("f", -0.25, "lower"),
    ]  # fmt: skip
    assert s2["top_differentiators"] == [("g", -1.0, "lower")]
    assert (s1["feature_means"], no_data["feature_means"]) == ({"a": 7.0}, {"a": 1.0})
    assert (no_data["feature_z"], no_data["top_differentiators"]) == ({}, [])
