"""Exact means of each segment, and what distinguishes it from everyone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import UNIFIED
from segmentation.features import load_registry
from segmentation.matrix import NOTHING, Preprocessor, Slot, unify
from segmentation.segments import cluster_means, load_personas, name_segments
from segmentation.segments.moments import EVERYONE, Means, difference
from tests.conftest import CONF

MONEY = Preprocessor(
    "transactional", "orders > 0",
    (Slot("revenue", "revenue", "CAST(revenue AS DOUBLE) - 5.0D"),
     Slot("orders", "orders", "coalesce(orders, 0) * 2.0D", fitted=False)), (), 2.0, 4,
)  # fmt: skip
HOME = Preprocessor(
    "demographics", "home IS NOT NULL",
    (Slot("home=own", "home", "CASE WHEN home = 'own' THEN 1.0D ELSE -1.0D END"),), (), 1.0, 4,
)  # fmt: skip


def features(spark: SparkSession) -> DataFrame:
    rows = [
        ("a", 2, Decimal("9.00"), "own"),
        ("b", 1, None, "rent"),
        ("c", 4, Decimal("2.50"), None),
        ("d", 0, None, None),
    ]
    return spark.createDataFrame(rows, "customer_id string, orders int, revenue decimal(18,2), home string")


def assigned(spark: SparkSession, dimension: str, **segments: str) -> DataFrame:
    rows = [(c, dimension, s) for c, s in segments.items()]
    return spark.createDataFrame(rows, "customer_id string, dimension string, segment_id string")


def test_means_of_a_dimensions_own_slots_by_hand(spark: SparkSession) -> None:
    """s1: a (revenue 9 → 4, 2 orders → 4) and b (revenue unknown, 1 order → 2). s2: c (2.5 → −2.5, 4 → 8)."""
    segments = assigned(spark, "transactional", a="s1", b="s1", c="s2", d="no_data")
    means = cluster_means(segments, features(spark), {"transactional": MONEY, "demographics": HOME})
    assert means["transactional", "s1"] == Means(2, {"revenue": 4.0, "orders": 3.0}, {"revenue": 9.0, "orders": 1.5})
    assert means["transactional", "s2"] == Means(1, {"revenue": -2.5, "orders": 8.0}, {"revenue": 2.5, "orders": 4.0})
    # Everyone is who has data: revenue (4 − 2.5)/2, orders (4 + 2 + 8)/3; d takes no part.
    assert means["transactional", EVERYONE] == Means(
        3, {"revenue": 0.75, "orders": pytest.approx(14 / 3)}, {"revenue": 5.75, "orders": pytest.approx(7 / 3)}
    )
    assert means["transactional", "no_data"].customers == 1
    assert means["transactional", "no_data"].z == {}


def test_unified_segments_are_described_by_the_slots_of_all_dimensions_over_who_has_data(spark: SparkSession) -> None:
    unified = unify(UNIFIED, [MONEY, HOME], {"transactional": 1, "demographics": 1})
    preprocessors = {"transactional": MONEY, "demographics": HOME, UNIFIED: unified}
    means = cluster_means(assigned(spark, UNIFIED, a="u1", b="u1", c="u1", d="u2"), features(spark), preprocessors)
    assert means[UNIFIED, "u1"].z == {"revenue": 0.75, "orders": pytest.approx(14 / 3), "home=own": 0.0}
    assert means[UNIFIED, "u1"].raw == {"revenue": 5.75, "orders": pytest.approx(7 / 3)}
    # d has data in neither dimension; its raw 0 orders are known all the same.
    assert means[UNIFIED, "u2"] == Means(1, {}, {"orders": 0.0})


def test_sums_are_exact_whatever_the_size_of_the_parts(spark: SparkSession) -> None:
    """As doubles, 10⁹ + 0.1 − 10⁹ is 0.10000002384185791."""
    rows = spark.createDataFrame([("a", 1e9), ("b", 0.1), ("c", -1e9)], "customer_id string, x double")
    p = Preprocessor("transactional", "true", (Slot("x", "x", "x"),), (), 1.0, 3)
    means = cluster_means(assigned(spark, "transactional", a="s", b="s", c="s"), rows, {"transactional": p})
    assert means["transactional", "s"].z["x"] == pytest.approx(0.1 / 3, rel=1e-11)
    assert means["transactional", "s"].raw["x"] == pytest.approx(0.1 / 3, rel=1e-11)


def test_where_nothing_was_fitted_there_are_no_means(spark: SparkSession) -> None:
    p = Preprocessor("transactional", "true", (NOTHING,), (), 0.0, 3)
    assert cluster_means(assigned(spark, "transactional", a="all"), features(spark), {"transactional": p}) == {}


def test_a_difference_is_the_mean_minus_everyones() -> None:
    segment, everyone = Means(2, {"a": 1.5, "b": -1.0}, {}), Means(9, {"a": 0.5, "c": 3.0}, {})
    assert difference(segment, everyone) == {"a": 1.0, "b": -1.0}
    assert difference(segment, None) == {}


def test_random_customers_dealt_at_random_are_mixed_and_those_sorted_by_revenue_are_not(spark: SparkSession) -> None:
    rng = np.random.default_rng(11)
    names = ["net_revenue_365d", "orders_365d", "average_order_value_365d", "days_since_last_order"]
    x = rng.normal(0, 1, (400, len(names)))
    rows = [(f"c{i}", *map(float, row)) for i, row in enumerate(x)]
    frame = spark.createDataFrame(rows, "customer_id string, " + ", ".join(f"{n} double" for n in names))
    slots = tuple(Slot(n, n, n) for n in names)
    p = Preprocessor("transactional", "true", slots, (), 4.0, 400)
    personas = load_personas(CONF, [f.name for f in load_registry(CONF, frozenset()).features])

    def named(order: Any) -> list[str]:
        segment = {f"c{customer}": str(place // 100) for place, customer in enumerate(order)}
        means = cluster_means(assigned(spark, "transactional", **segment), frame, {"transactional": p})
        z = [difference(means["transactional", str(s)], means["transactional", EVERYONE]) for s in range(4)]
        assert [means["transactional", str(s)].customers for s in range(4)] == [100] * 4
        return list(name_segments(personas, "transactional", z, [100] * 4))

    assert named(rng.permutation(400)) == ["Mixed"] * 4
    assert named(np.argsort(x[:, 0])) == ["Low spenders", "Mixed", "Mixed", "High spenders"]
