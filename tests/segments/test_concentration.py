"""Revenue by steps: nothing lost, steps narrow and in order, whatever the amounts."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.reports.concentration import concentration
from segmentation.segments import revenue_steps


def steps(spark: SparkSession, amounts: list[str | None]) -> pd.DataFrame:
    rows = spark.createDataFrame([(None if a is None else Decimal(a),) for a in amounts], "amount decimal(18,2)")
    return pd.DataFrame([r.asDict() for r in revenue_steps(rows, F.col("amount")).collect()]).sort_values("step")


def test_a_step_is_three_digits_and_nothing_brings_nothing(spark: SparkSession) -> None:
    found = steps(spark, ["9.99", "9.99", "10.00", "10.04", "10.09", "10.10", "-10.09", "0.01", "0.00", None])
    assert found[["step", "customers", "revenue"]].to_numpy().tolist() == [
        [-1000, 1, Decimal("-10.09")], [0, 2, Decimal("0.00")], [1, 1, Decimal("0.01")], [999, 2, Decimal("19.98")],
        [1000, 3, Decimal("30.13")], [1010, 1, Decimal("10.10")],
    ]  # fmt: skip


def test_the_curve_and_gini_are_those_of_every_single_customer(spark: SparkSession) -> None:
    cents = np.random.default_rng(3).lognormal(9, 1.5, 3000).astype(int)
    found = concentration(steps(spark, [f"{c // 100}.{c % 100:02}" for c in cents.tolist()]))
    assert found is not None
    ordered = np.sort(cents)[::-1]
    n = round(found.few * len(cents))
    assert abs(found.few - 0.2) < 0.01
    assert found.of_few == pytest.approx(ordered[:n].sum() / ordered.sum())  # exact at the edge of a step
    ranks = np.arange(1, len(cents) + 1)
    gini = 2 * (ranks * ordered[::-1]).sum() / (len(cents) * cents.sum()) - (len(cents) + 1) / len(cents)
    assert found.gini == pytest.approx(gini, abs=0.003)
    for who, what in found.curve[1:-1]:
        assert what == pytest.approx(ordered[::-1][: round(who * len(cents))].sum() / cents.sum())
    assert found.curve[0] == pytest.approx((0, 0), abs=1e-9)
    assert found.curve[-1] == (1.0, 1.0)


def test_where_all_bring_the_same_nobody_brings_more() -> None:
    found = concentration(pd.DataFrame({"step": [500], "customers": [10], "revenue": [50.0]}))
    assert found is not None
    assert found.gini == pytest.approx(0)
    assert (found.few, found.of_few) == (1.0, 1.0)


@pytest.mark.parametrize("revenue", [0.0, -5.0])
def test_without_revenue_nothing_is_said(revenue: float) -> None:
    assert concentration(pd.DataFrame({"step": [0], "customers": [10], "revenue": [revenue]})) is None
    assert concentration(pd.DataFrame({"step": [5], "customers": [1], "revenue": [5.0]})) is None
    assert concentration(pd.DataFrame()) is None
