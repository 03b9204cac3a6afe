"""The parts of the room on their own: quintiles, divisions, switched-off features, few features."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.features import build_features, load_registry
from segmentation.features.rfm import quintile, quintile_limits
from tests.features.data import AS_OF, EVERYTHING, inputs
from tests.tiles.data import Row

NEXT = AS_OF + dt.timedelta(days=31)
ORDER: Row = {"customer_id": "a", "event_date": dt.date(2017, 12, 31), "net_amount": "10.00"}


def test_customers_who_tie_share_a_quintile(spark: SparkSession) -> None:
    # Of the eleven values the cuts lie at ranks 2, 4, 6 and 8: 1, 1, 5 and 7. A value on a cut is in the lower group.
    values = [(1, 1, 5), (1, 1, 5), (1, 1, 5), (1, 1, 5), (1, 1, 5), (2, 3, 3), (5, 3, 3), (6, 4, 2), (7, 4, 2),
              (8, 5, 1), (9, 5, 1), (None, None, None)]  # fmt: skip
    expected = spark.createDataFrame(values, "value int, most int, least int")
    features = expected.select(F.lit(AS_OF).alias("as_of"), "value")
    limits = quintile_limits(features, ["value"])
    codes = (quintile("value", best, limits).alias(name) for name, best in (("most", True), ("least", False)))
    assert_df_equality(
        features.select("value", *codes).orderBy("value"), expected.orderBy("value"), ignore_nullable=True
    )


def test_the_quintiles_of_one_customer_and_of_nobody(spark: SparkSession) -> None:
    one = spark.createDataFrame([(AS_OF, 3), (NEXT, None)], "as_of date, value int")
    limits = quintile_limits(one, ["value"])
    assert limits == {"value": {AS_OF: [3.0] * 4}}
    assert [tuple(r) for r in one.select("value", quintile("value", True, limits)).collect()] == [(3, 1), (None, None)]


def test_each_date_has_quintiles_of_its_own(spark: SparkSession) -> None:
    features = spark.createDataFrame([(AS_OF, v) for v in range(5)] + [(NEXT, 10 * v) for v in range(5)],
                                     "as_of date, value int")  # fmt: skip
    code = quintile("value", True, quintile_limits(features, ["value"])).alias("code")
    found = features.select("as_of", "value", code).collect()
    assert {(r["as_of"], r["value"]): r["code"] for r in found} == {
        (day, step * v): v + 1 for day, step in ((AS_OF, 1), (NEXT, 10)) for v in range(5)
    }


def declare(folder: Path, text: str, dimension: str = "transactional") -> Path:
    (folder / "features").mkdir(exist_ok=True)
    (folder / "features" / f"{dimension}.yml").write_text(f"features:\n{text}")
    return folder


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("orders / items", 4.0),
        ("orders / visits", None),
        ("items / (orders / visits)", None),
        ("1 + orders / (items - items)", None),
        ("orders % visits", None),
        ("coalesce(orders / visits, 7)", 7.0),
    ],
)
def test_every_division_by_zero_is_null(
    spark: SparkSession, tmp_path: Path, value: str, expected: float | None
) -> None:
    text = f'  x: {{description: X, value: "{value}", unit: ratio}}\n'
    feature = load_registry(declare(tmp_path, text), EVERYTHING).features[0]
    states = spark.sql("SELECT 2D AS orders, 0.5D AS items, 0D AS visits")
    assert states.select(F.expr(feature.sql)).first()[0] == expected


DECLARED = """
  spent: {description: S, value: net_amount, windows: [30d], unit: money}
  mean: {description: M, value: net_amount / orders, windows: [30d], unit: money}
  margin: {description: M, value: costed_amount - cost_amount, windows: [30d], unit: money}
  best: {description: B, quintile_of: margin_30d, unit: level}
  twice: {description: T, value: margin_30d * 2, unit: money}
  complained: {description: C, value: complaints, windows: [30d], unit: count, missing: 0}
  online: {description: O, value: online_orders / channel_orders, windows: [30d], unit: share, missing: 0}
  recency: {description: R, value: days_since_last_order, unit: days, missing: 730}
"""


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """Those features from a source that knows neither costs nor complaints."""
    registry = load_registry(
        declare(tmp_path_factory.mktemp("declared"), DECLARED),
        EVERYTHING - {"transactions.cost_amount", "interactions.complaint"},
    )
    # 26 orders for 654.03: a mean of 25.155, which as a double is 25.15499…
    many = [ORDER | {"customer_id": "many", "order_id": str(i), "net_amount": "0.14"} for i in range(25)]
    many += [ORDER | {"customer_id": "many", "net_amount": "650.53", "cost_amount": "4.00"}]
    visit = {"customer_id": "visitor", "event_date": dt.date(2017, 12, 31), "interaction_type": "visit"}
    return build_features(registry, inputs(spark, many, [visit]), [AS_OF]).orderBy("customer_id").persist()


def test_money_is_rounded_half_up_from_its_decimal_value(built: DataFrame) -> None:
    found = built.select("customer_id", "spent_30d", "mean_30d").collect()
    assert [tuple(row) for row in found] == [
        ("many", Decimal("654.03"), Decimal("25.16")),
        ("visitor", Decimal("0.00"), None),
    ]


def test_a_switched_off_feature_is_a_null_of_its_type(spark: SparkSession, built: DataFrame) -> None:
    assert_df_equality(
        built.select("customer_id", "margin_30d", "best", "twice", "complained_30d"),
        spark.createDataFrame(
            [("many", None, None, None, None), ("visitor", None, None, None, None)],
            "customer_id string, margin_30d decimal(18,2), best int, twice decimal(18,2), complained_30d bigint",
        ),
        ignore_nullable=True,
    )


def test_what_there_is_nothing_to_measure_of_gets_the_declared_value(built: DataFrame) -> None:
    found = built.select("customer_id", "online_30d", "recency").collect()
    assert [tuple(row) for row in found] == [("many", 0.0, 1.0), ("visitor", 0.0, 730.0)]


def test_attributes_alone_make_features_too(spark: SparkSession, tmp_path: Path) -> None:
    folder = declare(tmp_path, "  home: {description: H, value: region, unit: text}\n", "demographics")
    known = [
        {"customer_id": "a", "valid_from": dt.date(2017, 1, 1), "region": "Old"},
        {"customer_id": "a", "valid_from": dt.date(2017, 12, 31), "region": "New"},  # the first has no end
        {"customer_id": "b", "valid_from": dt.date(2017, 1, 1), "valid_to": AS_OF, "region": "Last day"},
        {
            "customer_id": "c",
            "valid_from": dt.date(2017, 1, 1),
            "valid_to": AS_OF - dt.timedelta(days=1),
            "region": "Out",
        },
        {"customer_id": "c", "valid_from": AS_OF - dt.timedelta(days=1), "valid_to": None, "region": "In"},
    ]
    found = build_features(load_registry(folder, EVERYTHING), inputs(spark, customers=known), [AS_OF])
    assert_df_equality(
        found.orderBy("customer_id").drop("as_of"),
        spark.createDataFrame([("a", "New"), ("b", "Last day"), ("c", "In")], "customer_id string, home string"),
        ignore_nullable=True,
    )
