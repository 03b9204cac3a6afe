"""Histograms, the stability index and what chance gives, by hand and by drawing without drift."""

from __future__ import annotations

import re
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
    # Nobody of a thousand and nobody of a million are alike.
    assert psi(np.array([1000, 0]), np.array([950, 50])) == pytest.approx(0.192, abs=0.01)
    assert psi(np.array([10**6, 0]), np.array([950_000, 50_000])) == pytest.approx(0.192, abs=0.01)


def test_the_distance_is_scipys() -> None:
    then, now = np.array([5, 0, 10, 85]), np.array([5, 15, 0, 80])
    assert jensen_shannon(then, now) == pytest.approx(jensenshannon(then, now, base=2))
    assert (jensen_shannon(then, then), jensen_shannon(np.array([1, 0]), np.array([0, 1]))) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "m", "bins"), [(400, 400, 10), (3000, 500, 10), (5000, 5000, 3), (2000, 2000, 2)])
def test_without_drift_the_index_exceeds_chance_as_often_as_it_says(n: int, m: int, bins: int) -> None:
    rng = np.random.default_rng(n + m + bins)
    b = Bins("x", "transactional", edges=tuple(float(e) for e in range(1, bins)))
    p = rng.dirichlet(np.full(bins, 8.0))
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
    # As if one in 102 were there: 2.576 √(0.0098 · 0.9902 · 2 / 50).
    assert share_chance(0, 50, 0, 50, 0.01) == pytest.approx(0.05076, rel=1e-3)
    assert share_chance(50, 100, 50, 100, 0.05) == pytest.approx(1.96 * np.sqrt(0.25 * 2 / 100), rel=1e-3)


def test_bins_are_tenths_of_the_sample_and_values_that_many_have_share_one() -> None:
    amount = feature("net_revenue_90d")
    bins = fit_bins(amount, pd.Series(np.arange(5000.0)))
    assert bins is not None
    assert bins.edges == pytest.approx([float(e) for e in range(499, 4500, 500)])
    assert (bins.least, bins.most) == pytest.approx((4.0, 4994.0))
    assert bins.counts(pa.array(np.arange(5000.0))).tolist() == [*[500] * 10, 0, 5 + 6]
    zeros = fit_bins(amount, pd.Series([0.0] * 700 + list(range(1, 301))))
    assert zeros is not None
    assert zeros.edges[0] == 0.0
    assert zeros.counts(pa.array([0.0] * 700 + [float(i) for i in range(1, 301)]))[0] == 700
    assert fit_bins(amount, pd.Series([None, None], dtype=float)) is None


@pytest.mark.parametrize("value", [0.1 + 0.2, 1 - 0.9, 100 / 3, -0.7 + 0.1, 1e-12 / 3])
def test_the_last_digit_of_a_quotient_decides_nothing(value: float) -> None:
    """A third have one value, that comes out a bit more or less as the sum is made."""
    share = feature("discount_share_365d")
    near = [np.nextafter(value, -np.inf), value, np.nextafter(value, np.inf)]
    rest = np.random.default_rng(2).uniform(-1, 1, 600) * abs(value)
    for fitted in near:
        bins = fit_bins(share, pd.Series([fitted] * 300 + rest.tolist()))
        assert bins is not None
        assert len({tuple(bins.counts(pa.array([other])).tolist()) for other in near}) == 1
        alike = fit_bins(share, pd.Series([fitted] * 9))
        assert alike is not None
        assert all(alike.counts(pa.array([other])).tolist() == [0, 1, 0, 0, 0] for other in near)


def changes_of(name: str, then: Any, now: Any) -> dict[str, Change]:
    """By check, of a feature that was fitted on `then`."""
    bins = fit_bins(feature(name), pd.Series(then))
    assert bins is not None
    before = Histogram(bins, tuple(bins.counts(pa.array(then)).tolist()))
    return {c.check: c for c in value_changes([before], [bins.counts(pa.array(now))])}


@pytest.mark.parametrize("times", [1, 400])
@pytest.mark.parametrize("end", ["most", "least"])
def test_a_kind_of_customer_that_nobody_was_is_seen_beside_the_tenths(times: int, end: str) -> None:
    """One in twenty has a value like nobody's: of 2,000 customers as of 800,000."""
    then = np.random.default_rng(6).lognormal(0, 0.5, 2000)
    value = then.max() * 1.01 if end == "most" else then.min() * 0.99
    now = np.where(np.arange(2000) < 100, value, then)
    found = changes_of("net_revenue_90d", np.repeat(then, times), np.repeat(now, times))
    extreme = found["extreme_share"]
    assert extreme.chance is not None
    assert extreme.value == pytest.approx(0.05, abs=0.001)
    assert extreme.value > 0.03 > extreme.chance(1e-5)
    assert found["feature_psi"].value < 0.06
    assert re.search(
        r"^5\.\d% of the customers have at most [\d.]+ or at least [\d.]+, 0\.\d% at training", extreme.words
    )
    # A value that the greatest tenth have anyway is no kind of its own.
    known = np.where(np.arange(2000) < 100, np.quantile(then, 0.95), then)
    assert changes_of("net_revenue_90d", then, known)["extreme_share"].value == 0.0


def test_where_many_share_the_end_or_it_moves_with_history_nothing_is_extreme() -> None:
    """A box every week: 52 in a year, and 53 where the year has so many Mondays."""
    rng = np.random.default_rng(3)
    then = np.where(np.arange(2000) < 100, 52, rng.integers(0, 40, 2000)).astype(float)
    bins = fit_bins(feature("orders_365d"), pd.Series(then))
    assert bins is not None
    assert (bins.least, bins.most) == (None, None)
    assert "extreme_share" not in changes_of("orders_365d", then, np.where(then == 52, 53.0, then))
    last_digits = np.where(np.arange(2000) % 5 == 0, np.nextafter(then, np.inf), then)
    assert "extreme_share" not in changes_of("orders_365d", last_digits, then)
    days = fit_bins(feature("days_since_last_order"), pd.Series(np.arange(366.0)))
    assert days is not None
    assert (days.least, days.most) == (None, None)


@pytest.mark.parametrize("then", [[9.0], [9.0] * 5, [8.0, 9.0, 9.0]])
def test_of_a_handful_who_are_alike_each_is_extreme_once(then: list[float]) -> None:
    """An answer that hardly anybody gave: it is at either end."""
    for now in ([9.0], [9.0] * 40, [1.0, 9.0, 10.0]):
        extreme = changes_of("net_revenue_90d", np.array(then), np.array(now))["extreme_share"]
        assert extreme.value == 0.0
        assert extreme.words.endswith(", 100.0% at training")
        assert extreme.chance is not None
        assert extreme.chance(1e-5) > 0


@pytest.mark.parametrize(("n", "m"), [(50, 50), (100, 1000), (300, 300), (300, 3000)])
def test_without_drift_what_is_extreme_exceeds_chance_at_most_as_often_as_it_says(n: int, m: int) -> None:
    """Ends are values of the very customers of training: how many have them is no count by chance."""
    rng, alpha, replicates = np.random.default_rng(n + m), 0.02, 1500
    money, beyond = feature("net_revenue_90d"), 0
    for _ in range(replicates):
        then, now = rng.lognormal(0, 1, n), rng.lognormal(0, 1, m)
        bins = fit_bins(money, pd.Series(then))
        assert bins is not None
        e, e_now = (int(bins.counts(pa.array(x))[-1]) for x in (then, now))
        beyond += e_now / m - e / n > max(0.03, share_chance(e, n, e_now, m, alpha))
    assert beyond <= alpha * replicates + 3.1 * np.sqrt(alpha * replicates)


def test_levels_beyond_the_most_frequent_twenty_share_a_bin() -> None:
    city = feature("city")
    values = [f"town {i:02d}" for i in range(30) for _ in range(31 - i)]
    bins = fit_bins(city, pd.Series(values))
    assert bins is not None
    assert bins.levels == tuple(f"town {i:02d}" for i in range(20))
    counts = bins.counts(pa.array([*values, "somewhere", None]))
    assert counts[:3].tolist() == [31, 30, 29]
    assert counts[-3:].tolist() == [sum(31 - i for i in range(20, 30)) + 1, 1, 0]
    assert fit_bins(city, pd.Series([None, None])) is None


def test_who_differs_from_what_nearly_all_have_is_counted_apart() -> None:
    share, city = feature("discount_share_365d"), feature("city")
    few_below = fit_bins(share, pd.Series([1.0] * 92 + [0.2, 0.4, 0.6, 0.8] * 2))
    assert few_below is not None
    assert few_below.edges == pytest.approx((0.8, 1.0))
    assert few_below.counts(pa.array([1.0, 0.5, 0.0, 1.5, None]))[:-1].tolist() == [2, 1, 1, 1]
    alike = fit_bins(share, pd.Series([3.0, None, 3.0]))
    assert alike is not None
    assert alike.counts(pa.array([3.0, 2.9999, 3.0001, 3.0, None]))[:-1].tolist() == [1, 2, 1, 1]
    town = fit_bins(city, pd.Series(["a", None, "a"]))
    assert town is not None
    assert town.counts(pa.array(["a", "b", None])).tolist() == [1, 1, 1, 0]
    # All came from one town, now half do: a step that the index must see.
    [index, missing] = value_changes([Histogram(town, (500, 0, 100))], [np.array([250, 250, 10, 0])])
    assert index.chance is not None
    assert index.value > index.chance(1e-6)
    assert (missing.excuse, index.excuse) == ("more is known than was", None)
    [_, more] = value_changes([Histogram(town, (500, 0, 10))], [np.array([250, 250, 100, 0])])
    assert more.excuse is None


def test_counts_on_spark_are_those_of_each_column(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    rows: list[tuple[Any, ...]] = [
        (f"c{i}", None if i % 7 == 0 else float(rng.normal()), None if i % 5 == 0 else "ab"[i % 2]) for i in range(200)
    ]
    bins = [
        Bins("x", "transactional", edges=(-1.0, 0.0, 1.0), most=1.5),
        Bins("home", "demographics", levels=("a", "b")),
    ]
    frame = spark.createDataFrame(rows, "customer_id string, x double, home string").repartition(5)
    found = count(frame, bins)
    for i, b in enumerate(bins):
        assert found[i].tolist() == b.counts(pa.array([r[i + 1] for r in rows])).tolist()
        assert found[i][:-1].sum() == 200
    assert count(frame, []) == []
    assert [c.tolist() for c in count(frame.where("false"), bins)] == [[0] * 6, [0] * 5]
