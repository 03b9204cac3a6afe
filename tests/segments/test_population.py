"""Who is scored at all, and who is not and why."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import STG_CUSTOMERS
from segmentation.features import load_registry
from segmentation.segments import Exclusion, Population, excluded_customers, load_population, population_rows
from segmentation.segments.population import PROSPECT
from tests.conftest import CONF

FEATURES = [f.name for f in load_registry(CONF, frozenset()).features]
DEFAULTS = load_population(CONF, FEATURES)
ALL = frozenset({"customers.account_status"})
JANUARY, MARCH = dt.date(2017, 1, 1), dt.date(2017, 3, 1)


def features(spark: SparkSession, *rows: tuple[str, int, str, float | None]) -> DataFrame:
    """customer, orders, revenue and days since the last order."""
    values = [(c, orders, Decimal(net), days) for c, orders, net, days in rows]
    return spark.createDataFrame(
        values, "customer_id string, orders_lifetime bigint, net_revenue_lifetime decimal(18,2), "
        "days_since_last_order double"
    )  # fmt: skip


def customers(spark: SparkSession, *rows: tuple[str, dt.date, str | None]) -> DataFrame:
    """customer, first day of validity, and account status."""
    frame = spark.createDataFrame(list(rows), "customer_id string, valid_from date, account_status string")
    others = [c for c in STG_CUSTOMERS.columns if c.name not in frame.columns]
    return frame.selectExpr("*", *(f"CAST(NULL AS {c.type}) AS {c.name}" for c in others))


def excluded(spark: SparkSession, who: list[tuple[str, int, str, float | None]],
             accounts: list[tuple[str, dt.date, str | None]]) -> dict[str, tuple[str, bool]]:  # fmt: skip
    found = excluded_customers(DEFAULTS.all, features(spark, *who), customers(spark, *accounts)).collect()
    assert len({r["customer_id"] for r in found}) == len(found)
    return {r["customer_id"]: (r["exclusion"], r["has_features"]) for r in found}


def test_the_first_exclusion_that_matches_counts_and_everybody_else_is_scored(spark: SparkSession) -> None:
    """Staff who never bought are staff; a closed prospect is closed; who is scored is not listed."""
    found = excluded_customers(
        DEFAULTS.all,
        features(
            spark,
            ("buys", 3, "30.00", 5.0),
            ("open", 3, "30.00", 5.0),
            ("staff", 0, "0.00", None),
            ("closed", 3, "30.00", 5.0),
            ("never", 0, "0.00", None),
        ),
        customers(
            spark,
            ("open", JANUARY, "open"),
            ("staff", JANUARY, "staff"),
            ("closed", JANUARY, "closed"),
            ("closed prospect", JANUARY, "closed"),
            ("prospect", JANUARY, None),
        ),
    )
    expected = spark.createDataFrame(
        [
            ("closed", "closed_account", True),
            ("closed prospect", "closed_account", False),
            ("never", "never_bought", True),
            ("prospect", "prospect", False),
            ("staff", "staff", True),
        ],
        "customer_id string, exclusion string, has_features boolean",
    )
    assert_df_equality(found, expected, ignore_nullable=True, ignore_row_order=True)


def test_who_cancelled_everything_is_no_customer_and_who_kept_a_cent_is_one(spark: SparkSession) -> None:
    who = [("all back", 4, "0.00", 5.0), ("more back", 4, "-3.00", 5.0), ("kept", 4, "0.01", 5.0)]
    assert excluded(spark, who, []) == {"all back": ("all_cancelled", True), "more back": ("all_cancelled", True)}


def test_two_years_without_an_order_are_the_limit(spark: SparkSession) -> None:
    who = [("two years", 4, "9.00", 730.0), ("a day more", 4, "9.00", 731.0)]
    assert excluded(spark, who, []) == {"a day more": ("long_lapsed", True)}


def test_of_overlapping_customer_rows_the_one_that_began_last_counts(spark: SparkSession) -> None:
    accounts = [("a", MARCH, "open"), ("a", JANUARY, "closed"), ("b", JANUARY, "open"), ("b", MARCH, "closed")]
    who = [("a", 1, "1.00", 1.0), ("b", 1, "1.00", 1.0)]
    assert excluded(spark, who, accounts) == {"b": ("closed_account", True)}


def test_a_name_that_both_have_is_the_feature(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", 2)], "customer_id string, age_band int")
    old = Exclusion(name="old", when="age_band >= 2", reason="-")
    found = excluded_customers([old, PROSPECT], rows, customers(spark, ("a", JANUARY, None), ("b", JANUARY, None)))
    assert {r["customer_id"]: r["exclusion"] for r in found.collect()} == {"a": "old", "b": "prospect"}


def test_without_a_customer_file_what_reads_the_account_is_off_and_says_so() -> None:
    kept, notes = DEFAULTS.without(set(FEATURES) - {"days_since_last_order"}, frozenset())
    assert [e.name for e in kept.exclusions] == ["never_bought", "all_cancelled"]
    assert notes == [
        "population.closed_account is off: the source has nothing for account_status",
        "population.staff is off: the source has nothing for account_status",
        "population.long_lapsed is off: the source has nothing for days_since_last_order",
    ]
    assert DEFAULTS.without(FEATURES, ALL) == (DEFAULTS, [])
    by_hand = Population(exclusions=[Exclusion(name="known_by_file", when="is_prospect", reason="-")])
    assert by_hand.without([], frozenset()) == (by_hand, [])


def test_the_rows_sum_to_everybody_also_where_an_exclusion_meets_nobody() -> None:
    """90 scored and 10 excluded are 100."""
    money = {"scored": Decimal("99.00"), "staff": Decimal("1.00")}
    rows = population_rows(DEFAULTS.all, {"staff": 4, "prospect": 6}, money, 90)
    assert [(r["exclusion"], r["customers"], r["customer_share"], r["revenue_lifetime"]) for r in rows] == [
        ("scored", 90, 0.9, Decimal("99.00")),
        ("closed_account", 0, 0.0, Decimal("0.00")),
        ("staff", 4, 0.04, Decimal("1.00")),
        ("never_bought", 0, 0.0, Decimal("0.00")),
        ("all_cancelled", 0, 0.0, Decimal("0.00")),
        ("long_lapsed", 0, 0.0, Decimal("0.00")),
        ("prospect", 6, 0.06, Decimal("0.00")),
    ]
    assert all(r["reason"] for r in rows)


@pytest.mark.parametrize(
    ("exclusion", "message"),
    [
        ("{name: vip, when: acount_status = 'x', reason: R}",
         r'exclusion "vip": "acount_status" is neither a feature nor a column of stg_customers\. .*"account_status"\?'),
        ("{name: vip, when: orders_lifetime >, reason: R}", r'exclusion "vip"'),
        ("{name: vip, when: (SELECT 1), reason: R}", r'exclusion "vip": expected one expression'),
        ("{name: vip, when: valid_to IS NULL, reason: R}", r'"valid_to" is neither a feature nor'),
        ("{name: vip, when: orders_lifetime > 3}", r'key "exclusions.0.reason"'),
        ("{name: vip, wenn: a, when: orders_lifetime > 3, reason: R}", r'key "exclusions.0.wenn" is not known.*"when"'),
        ("{name: prospect, when: is_prospect, reason: R}", r'exclusion "prospect" stands twice \(built in\)'),
        ("{name: scored, when: is_prospect, reason: R}", r'exclusion "scored" stands twice \(built in\)'),
        ("{name: vip, when: orders_lifetime > 3, reason: R}\n  - {name: vip, when: orders_lifetime > 9, reason: R}",
         r'exclusion "vip" stands twice\.'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_names_the_exclusion(tmp_path: Path, exclusion: str, message: str) -> None:
    (tmp_path / "population.yml").write_text(f"exclusions:\n  - {exclusion}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_population(tmp_path, FEATURES)
