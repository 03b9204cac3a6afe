"""What segments differ in: figures by hand and by scipy, and which comparisons prove anything."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from scipy.stats import binom, f_oneway
from sklearn.cluster import KMeans

from segmentation.clustering.variance import Spread, anova
from segmentation.core.schemas import SEGMENT_DIFFERENCES, UNIFIED
from segmentation.features import Registry, load_registry
from segmentation.matrix import Preprocessor, Slot, unify
from segmentation.segments import centred, difference_rows, moments, outside_every_fit
from segmentation.segments.differences import LEVEL, holm
from segmentation.segments.sums import BITS, Sum
from segmentation.staging import load_source
from tests.conftest import CONF

MONEY = Preprocessor("transactional", "true", (Slot("net_revenue_365d", "net_revenue_365d", "`net_revenue_365d`"),),
                     (), 1.0, 4)  # fmt: skip
HABIT = Preprocessor("behavioral", "true", (Slot("fuel_share_365d", "fuel_share_365d", "`fuel_share_365d`"),),
                     (), 1.0, 4)  # fmt: skip
HOME = Preprocessor("demographics", "home_ownership IS NOT NULL", (
    Slot("home_ownership=own", "home_ownership", "CASE WHEN home_ownership = 'own' THEN 1.0D ELSE 0.0D END"),
), (), 1.0, 4)  # fmt: skip
PARTS = {p.dimension: p for p in (HOME, MONEY, HABIT)}
MODELS = PARTS | {UNIFIED: unify(UNIFIED, [HOME, MONEY, HABIT], dict.fromkeys(PARTS, 1.0))}


def registry() -> Registry:
    return load_registry(CONF, load_source(CONF, "synthetic").provides())


def spread(groups: list[Any]) -> Spread:
    def whole(power: int, values: Any) -> int:
        return sum(round(Fraction(float(v)) ** power * 2**BITS) for v in values)

    return centred([Sum(len(g), whole(1, g), whole(2, g)) for g in groups])


def test_f_and_p_are_those_of_scipy_whatever_the_sizes() -> None:
    rng = np.random.default_rng(5)
    groups = [rng.normal(mean, 2.0, n) for mean, n in ((0.0, 50), (0.7, 9), (0.1, 200), (-0.4, 31))]
    expected = f_oneway(*groups)
    found = anova(spread(groups))
    assert found is not None
    assert (found.f, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert (found.customers, found.groups) == (290, 4)


def test_the_share_explained_is_not_raised_by_many_groups_drawn_by_lot() -> None:
    """Forty groups of five drawn by lot hold a fifth of the sum of squares between them, and explain nothing."""
    rng = np.random.default_rng(8)
    found = [anova(spread(list(rng.normal(size=(40, 5))))) for _ in range(200)]
    assert np.mean([a.omega_squared for a in found if a]) < 0.03


@pytest.mark.parametrize("groups", [[[1.0, 2.0]], [[1.0], [2.0]], [[7.0, 7.0], [7.0, 7.0]], [[], [1.0, 3.0]]])
def test_without_two_segments_or_any_difference_there_is_no_test(groups: list[list[float]]) -> None:
    assert anova(spread(groups)) is None


def test_what_is_the_same_within_each_segment_is_explained_altogether() -> None:
    found = anova(spread([[1.0, 1.0], [2.0, 2.0]]))
    assert found is not None
    assert (found.f, found.omega_squared, found.p) == (None, 1.0, 0.0)


def test_far_from_zero_nothing_is_lost() -> None:
    """As floats the squares of 10⁷ and a little swallow the little."""
    rng = np.random.default_rng(9)
    groups = [np.round(rng.normal(mean, 1.0, 40), 6) for mean in (0.0, 0.5, 0.2)]
    expected = f_oneway(*groups)
    found = anova(spread([g + 1e7 for g in groups]))
    assert found is not None
    assert (found.f, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)


def test_of_families_of_pure_noise_one_in_twenty_shows_a_difference_and_the_features_of_the_fit_always_do() -> None:
    """Why a difference in what segments were made of is only descriptive: k-means finds one in any noise."""
    rng = np.random.default_rng(17)
    alarms = made_of = 0
    families, tests = 300, 6
    for _ in range(families):
        x = rng.normal(size=(150, 2))
        labels = KMeans(3, n_init=1, random_state=0).fit_predict(x)
        noise = rng.normal(size=(tests, 150))
        found = [anova(spread([column[labels == c] for c in range(3)])) for column in (*noise, *x.T)]
        p = [a.p for a in found if a]
        alarms += min(holm(p[:tests])) < LEVEL
        made_of += min(p[tests:]) < 1e-6
    assert made_of == families
    assert alarms <= binom.ppf(0.999, families, LEVEL)
    assert alarms >= binom.ppf(0.001, families, LEVEL)  # a test that never rejects would be none


def test_which_comparisons_are_made_and_what_they_say(spark: SparkSession) -> None:
    """Who spends much owns; the share of fuel goes with spending too, but is measured on the same receipts."""
    rng = np.random.default_rng(2)
    rows, assigned = [], []
    for i in range(60):
        high = i % 2 == 0
        owns = rng.random() < (0.9 if high else 0.2)
        home = None if i >= 54 else "own" if owns else "rent"
        rows.append((f"c{i}", home, float(high) + rng.normal(), float(high) + rng.normal(), 24.0 + rng.normal()))
        assigned.append((f"c{i}", "transactional", "rule-x" if i < 4 else f"t-{int(high)}", f"t-{int(high)}"))
        assigned.append((f"c{i}", UNIFIED, f"u-{i % 3}", f"u-{i % 3}"))
        assigned.append((f"c{i}", "demographics", *(["no_data"] * 2 if i >= 54 else [f"d-{home}"] * 2)))
    features = spark.createDataFrame(
        rows, "customer_id string, home_ownership string, net_revenue_365d double, fuel_share_365d double, "
        "customer_lifetime_months double",
    )  # fmt: skip
    segments = spark.createDataFrame(
        assigned, "customer_id string, dimension string, segment_id string, raw_segment_id string"
    )
    tenure = [f for f in outside_every_fit(registry()) if f.name == "customer_lifetime_months"]
    found = moments(segments, features, PARTS, tenure, squares=True)
    since = {"transactional": ("spend", spread([[1.0, 2.0, 1.5], [4.0, 5.0, 4.5]]))}
    made = difference_rows(found, MODELS, registry(), since)
    assert {(r["dimension"], r["feature"]): r["role"] for r in made} == {
        ("demographics", "home_ownership=own"): "descriptive",
        ("demographics", "net_revenue_365d"): "held_out", ("demographics", "fuel_share_365d"): "held_out",
        ("demographics", "customer_lifetime_months"): "held_out",
        ("transactional", "net_revenue_365d"): "descriptive", ("transactional", "home_ownership=own"): "held_out",
        ("transactional", "spend"): "next_period",
        (UNIFIED, "home_ownership=own"): "descriptive", (UNIFIED, "net_revenue_365d"): "descriptive",
        (UNIFIED, "fuel_share_365d"): "descriptive",
    }  # fmt: skip
    by = {(r["dimension"], r["feature"]): r for r in made}
    own = by["transactional", "home_ownership=own"]
    homes = [[float(r[1] == "own") for i, r in enumerate(rows) if i % 2 == odd and r[1]] for odd in (1, 0)]
    assert (own["customers"], own["segments"], own["differs"]) == (54, 2, True)  # who the rule took is in his cluster
    assert own["p_value"] == pytest.approx(f_oneway(*homes).pvalue)
    spend = by["transactional", "spend"]
    less, more = sorted([own, spend], key=lambda r: r["p_value"])
    assert less["p_holm"] == pytest.approx(2 * less["p_value"])
    assert more["p_holm"] == pytest.approx(max(more["p_value"], 2 * less["p_value"]))
    homes_alone = by["demographics", "home_ownership=own"]  # owners are one of its segments
    assert (homes_alone["f_statistic"], homes_alone["omega_squared"]) == (None, 1.0)
    described = by["transactional", "net_revenue_365d"]
    assert (described["p_value"], described["p_holm"], described["differs"]) == (None, None, None)
    assert described["f_statistic"] > 1
    assert not by["demographics", "customer_lifetime_months"]["differs"]
    assert {*made[0], "as_of", "run_id", "segments_as_of"} == set(SEGMENT_DIFFERENCES.names)


def test_what_is_outside_every_fit_is_numeric_and_has_no_window_in_one() -> None:
    names = {f.name for f in outside_every_fit(registry())}
    assert names == {"customer_lifetime_months", "orders_trend_90d", "items_per_order_365d", "card_share_365d"}
    assert not names & {"city", "net_revenue_30d", "revenue_trend_90d", "monetary_quintile", "rfm_code"}


def test_a_feature_is_measured_on_the_inputs_of_all_that_it_is_made_of() -> None:
    inputs = registry().inputs
    assert inputs["rfm_code"] == inputs["orders_365d"] == frozenset({"transactions"})
    assert inputs["age_band"] == frozenset({"customers"})
    assert inputs["campaign_response_rate_365d"] == frozenset({"interactions"})
    assert inputs["nps_365d"] == frozenset({"feedback"})
    # A coupon is redeemed on a line of a receipt.
    assert inputs["coupon_share_365d"] == frozenset({"transactions", "interactions"})
