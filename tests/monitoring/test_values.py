"""Histograms, the stability index and what chance gives, by hand and by drawing without drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from scipy.spatial.distance import jensenshannon

from segmentation.features import Feature, load_registry
from segmentation.monitoring import Bins, Change, Histogram, count, fit_bins, value_changes
from segmentation.monitoring.chance import share_chance
from segmentation.monitoring.values import jensen_shannon, psi, shares
from segmentation.staging import load_source
from tests.conftest import CONF


def feature(name: str) -> Feature:
    registry = load_registry(CONF, load_source(CONF, "synthetic").provides())
    return next(f for f in registry.features if f.name == name)


def test_the_index_by_hand() -> None:
    """p = (0.5, 0.5), q = (0.8, 0.2) of many: 0.3 ln 1.6 − 0.3 ln 0.4."""
    then, now = np.array([500_000, 500_000]), np.array([800_000, 200_000])
    assert psi(then, now) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4), rel=1e-5)
    assert psi(then, then) == 0.0
    assert psi(then, now) == pytest.approx(psi(now, then))
    assert shares(np.array([0, 3])).tolist() == [0.125, 0.875]


def test_the_distance_is_scipys() -> None:
    then, now = np.array([5, 0, 10, 85]), np.array([5, 15, 0, 80])
    assert jensen_shannon(then, now) == pytest.approx(jensenshannon(then, now, base=2))
    assert (jensen_shannon(then, then), jensen_shannon(np.array([1, 0]), np.array([0, 1]))) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "m", "bins"), [(400, 400, 10), (3000, 500, 10), (5000, 5000, 3), (2000, 2000, 2)])
@pytest.mark.parametrize("rare", [0.0, 0.001], ids=["tenths", "and rare ends"])
def test_without_drift_the_index_exceeds_chance_as_often_as_it_says(n: int, m: int, bins: int, rare: float) -> None:
    rng = np.random.default_rng(n + m + bins)
    p = rng.dirichlet(np.full(bins, 8.0))
    if rare:
        bins, p = bins + 2, np.array([rare, *p * (1 - 2 * rare), rare])
    b = Bins("x", "transactional", edges=tuple(float(e) for e in range(1, bins)))
    replicates, alpha = 3000, 0.02
    beyond = {"feature_psi": 0, "missing_share": 0}
    for _ in range(replicates):
        then, now = ([*rng.multinomial(size - u, p), u] for size in (n, m) for u in [int(rng.binomial(size, 0.1))])
        for change in value_changes([Histogram(b, tuple(then))], [np.array(now)]):
            assert change.chance is not None
            beyond[change.check] += change.value > change.chance(alpha)
    for found in beyond.values():  # 60 are expected; 99.9 % of draws lie within three standard errors
        assert 0.25 * alpha * replicates <= found <= alpha * replicates + 3.1 * np.sqrt(alpha * replicates)


def test_of_a_shorter_window_the_index_is_told_apart_and_what_is_unknown_is_not_asked() -> None:
    then = Histogram(Bins("orders_30d", "transactional", edges=(1.0,), recent=True), (50, 40, 10))
    watched, fitted = (
        fit_bins(feature(name), pd.Series([1.0, 2.0]))
        for name in ("average_order_value_30d", "average_order_value_365d")
    )
    assert watched is not None
    assert fitted is not None
    assert (watched.recent, fitted.recent) == (True, False)
    [change] = value_changes([then], [np.array([10, 20, 70])])
    assert (change.check, change.subject) == ("recent_psi", "orders_30d")
    assert change.value == pytest.approx(psi(np.array([50, 40]), np.array([10, 20])))


def test_shares_of_nothing_may_differ_by_chance() -> None:
    assert 0 < share_chance(0, 50, 0, 50, 0.01) < 0.1
    assert share_chance(50, 100, 50, 100, 0.05) == pytest.approx(1.96 * np.sqrt(0.25 * 2 / 100), rel=1e-3)


def test_bins_are_tenths_of_the_sample_and_what_hardly_anybody_had() -> None:
    amount = feature("net_revenue_90d")
    bins = fit_bins(amount, pd.Series(np.arange(5000.0)))
    assert bins is not None
    assert bins.edges == (np.nextafter(4.0, 0), *(float(e) for e in range(499, 4999, 500)), 4994.0)
    assert bins.counts(pa.array(np.arange(5000.0))).tolist() == [4, 496, *[500] * 8, 495, 5, 0]
    zeros = [0.0] * 700 + [float(i) for i in range(1, 301)]
    bins = fit_bins(amount, pd.Series(zeros))
    assert bins is not None
    counts = bins.counts(pa.array([*zeros, -0.5, 300.5, None]))
    assert counts.tolist() == [1, 700, 100, 100, 99, 2, 1]
    assert fit_bins(amount, pd.Series([None, None], dtype=float)) is None


def test_a_kind_of_customer_that_nobody_was_is_seen_and_who_was_there_already_is_not() -> None:
    """One in twenty has a value like nobody's, or one that the greatest tenth has anyway."""
    values = np.random.default_rng(6).lognormal(0, 0.5, 2000)
    bins = fit_bins(feature("net_revenue_90d"), pd.Series(values))
    assert bins is not None
    then = Histogram(bins, tuple(bins.counts(pa.array(values)).tolist()))

    def index(value: float) -> Change:
        now = np.where(np.arange(2000) < 100, value, values)
        return next(value_changes([then], [bins.counts(pa.array(now))]))

    new, known = index(values.max() * 1.01), index(float(np.quantile(values, 0.95)))
    assert new.chance is not None
    assert new.value > 0.15 > new.chance(1e-5)
    assert index(values.min() * 0.99).value > 0.15
    assert known.value < 0.03
    # As large a share of many more customers is as large an index: the rare values of training are counted, not none.
    many = Histogram(bins, tuple(1000 * n for n in then.counts))
    now = 1000 * bins.counts(pa.array(np.where(np.arange(2000) < 100, values.max() * 1.01, values)))
    assert next(value_changes([many], [now])).value == pytest.approx(new.value, rel=0.1)


def test_levels_beyond_the_most_frequent_twenty_share_a_bin() -> None:
    city = feature("city")
    values = [f"town {i:02d}" for i in range(30) for _ in range(31 - i)]
    bins = fit_bins(city, pd.Series(values))
    assert bins is not None
    assert bins.levels == tuple(f"town {i:02d}" for i in range(20))
    counts = bins.counts(pa.array([*values, "somewhere", None]))
    assert counts[:3].tolist() == [31, 30, 29]
    assert counts[-2:].tolist() == [sum(31 - i for i in range(20, 30)) + 1, 1]
    assert fit_bins(city, pd.Series([None, None])) is None


def test_who_differs_from_what_nearly_all_have_is_counted_apart() -> None:
    share, city = feature("discount_share_365d"), feature("city")
    few_below = fit_bins(share, pd.Series([1.0] * 92 + [0.2, 0.4, 0.6, 0.8] * 2))
    assert few_below is not None
    assert few_below.counts(pa.array([1.0, 0.5, 0.0, 1.5, None])).tolist() == [1, 1, 1, 1, 1]
    alike = fit_bins(share, pd.Series([3.0, None, 3.0]))
    assert alike is not None
    assert alike.counts(pa.array([3.0, 2.9999, 3.0001, 3.0, None])).tolist() == [1, 2, 1, 1]
    mostly = fit_bins(share, pd.Series([0.0] * 5 + [1.0] * 85 + [2.0] * 10))
    assert mostly is not None
    assert mostly.counts(pa.array([0.0, 0.0, 1.0, 2.0, -1.0, 3.0])).tolist() == [1, 2, 1, 1, 1, 0]
    town = fit_bins(city, pd.Series(["a", None, "a"]))
    assert town is not None
    assert town.counts(pa.array(["a", "b", None])).tolist() == [1, 1, 1]
    # All came from one town, now half do: a step that the index must see.
    [index, missing] = value_changes([Histogram(town, (500, 0, 100))], [np.array([250, 250, 10])])
    assert index.chance is not None
    assert index.value > index.chance(1e-6)
    assert (missing.excuse, index.excuse) == ("more is known than was", None)
    [_, more] = value_changes([Histogram(town, (500, 0, 10))], [np.array([250, 250, 100])])
    assert more.excuse is None


def test_counts_on_spark_are_those_of_each_column(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    rows: list[tuple[Any, ...]] = [
        (f"c{i}", None if i % 7 == 0 else float(rng.normal()), None if i % 5 == 0 else "ab"[i % 2]) for i in range(200)
    ]
    bins = [Bins("x", "transactional", edges=(-1.0, 0.0, 1.0)), Bins("home", "demographics", levels=("a", "b"))]
    frame = spark.createDataFrame(rows, "customer_id string, x double, home string").repartition(5)
    found = count(frame, bins)
    for i, b in enumerate(bins):
        assert found[i].tolist() == b.counts(pa.array([r[i + 1] for r in rows])).tolist()
        assert found[i].sum() == 200
    assert count(frame, []) == []
    assert [c.tolist() for c in count(frame.where("false"), bins)] == [[0] * 5, [0] * 4]
