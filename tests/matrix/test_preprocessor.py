"""What is fitted, on numbers written out; the vectors come from the stages that score."""

from __future__ import annotations

from math import e, nan, sqrt
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.matrix import NOTHING, Dropped, Preprocessor
from tests.matrix.data import feature, fit, vectors


def test_numbers_are_winsorised_centred_and_divided_by_their_deviation(spark: SparkSession) -> None:
    """0..100 has its 1st and 99th percentile at 1 and 99, mean 50, and variance (2·(1²+…+49²) + 2·49²)/101."""
    p = fit([feature("x")], x=[float(i) for i in range(101)])
    deviation = sqrt((2 * 40425 + 2 * 2401) / 101)
    found = vectors(spark, p, "x double", [(50.0,), (79.0,), (1.0,), (0.0,), (-1e9,), (99.0,), (1e9,)])
    expected = [0, 29 / deviation, *[-49 / deviation] * 3, *[49 / deviation] * 2]
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-13)


def test_null_and_nan_become_the_median(spark: SparkSession) -> None:
    """0, 10, 10 (median of 0, 10, 20), 20: clipped to 0.3 and 19.7, mean 10, deviation 9.7/√2."""
    p = fit([feature("x")], x=[0.0, 10.0, nan, 20.0])
    found = vectors(spark, p, "x double", [(None,), (nan,), (10.0,), (0.0,), (20.0,)])
    np.testing.assert_allclose(found[:, 0], [0, 0, 0, -sqrt(2), sqrt(2)], rtol=0, atol=1e-13)


def test_null_and_nan_become_the_declared_value(spark: SparkSession) -> None:
    """0 (declared), 2, 4, 6: clipped to 0.06 and 5.94, mean 3, variance (2·2.94² + 2·1²)/4."""
    p = fit([feature("x", impute=0)], x=[nan, 2.0, 4.0, 6.0])
    deviation = sqrt((2 * 2.94**2 + 2) / 4)
    found = vectors(spark, p, "x double", [(None,), (nan,), (0.0,), (2.0,), (6.0,)])
    np.testing.assert_allclose(found[:, 0] * deviation, [-2.94, -2.94, -2.94, -1, 2.94], rtol=0, atol=1e-13)


def test_log1p_keeps_the_sign(spark: SparkSession) -> None:
    """−(e²−1), 0, e²−1 become −2, 0, 2: clipped to ±1.96, deviation 1.96·√(2/3). e−1 becomes 1."""
    p = fit([feature("x", transform="log1p", impute=0)], x=[1 - e**2, 0.0, e**2 - 1])
    found = vectors(spark, p, "x double", [(1 - e**2,), (0.0,), (None,), (e**2 - 1,), (e - 1,), (1 - e,)])
    one = 1 / (1.96 * sqrt(2 / 3))
    np.testing.assert_allclose(found[:, 0], [-sqrt(1.5), 0, 0, sqrt(1.5), one, -one], rtol=0, atol=1e-13)


def test_nothing_lies_farther_than_three_deviations_from_the_mean(spark: SparkSession) -> None:
    """19 zeros and a 1, both percentiles within 0..0.81: deviation 0.81·√(0.05·0.95), cut at 0.0405 + 3 of these.

    Where more have it, nothing is cut: 9 zeros and a 1 lie (1 − 0.1)/0.3 = 3 deviations from the mean.
    """
    p = fit([feature("x")], x=[0.0] * 19 + [1.0])
    found = vectors(spark, p, "x double", [(0.0,), (1.0,)])
    deviation = 0.81 * sqrt(0.05 * 0.95)
    top = (0.0405 + 3 * deviation) / deviation
    np.testing.assert_allclose(found[:, 0], [-top / 20, top * 19 / 20], rtol=0, atol=1e-12)
    p = fit([feature("x")], x=([0.0] * 9 + [1.0]) * 20)
    np.testing.assert_allclose(vectors(spark, p, "x double", [(0.0,), (1.0,)])[:, 0], [-1 / 3, 3], rtol=0, atol=1e-12)


def test_what_fewer_than_one_in_a_hundred_have_is_cut_at_three_deviations_too(spark: SparkSession) -> None:
    """199 zeros and a 7: both percentiles are 0, so of 0..7 the mean is 0.035 and the deviation 7·√(0.005·0.995)."""
    p = fit([feature("x")], x=[0.0] * 199 + [7.0])
    assert p.dropped == ()
    found = vectors(spark, p, "x double", [(0.0,), (7.0,), (70.0,)])
    top = 0.035 / (7 * sqrt(0.005 * 0.995)) + 3
    np.testing.assert_allclose(found[:, 0], [-top / 200, top * 199 / 200, top * 199 / 200], rtol=0, atol=1e-12)
    assert p.variance == pytest.approx(top**2 * 0.005 * 0.995, abs=1e-12)


@pytest.mark.parametrize(
    "values", [[5.0] * 4, [nan] * 4, [None] * 4, [5.0, nan, None, 5.0], [0.1 + 0.2, 0.3, 0.3, 0.3]], ids=str
)
def test_a_number_that_is_the_same_for_everyone_is_dropped_and_says_so(values: list[Any]) -> None:
    p = fit([feature("x"), feature("y")], x=values, y=[1.0, 2.0, 3.0, 4.0])
    assert p.names == ("y",)
    assert p.dropped == (Dropped("x", "is the same for everyone"),)


def test_the_later_of_two_features_that_say_the_same_describes_but_does_not_fit() -> None:
    p = fit(
        [feature("a"), feature("b"), feature("c")],
        a=[1.0, 2.0, 3.0, 4.0, 5.0], b=[-2.0, -4.0, -6.0, -8.0, -10.0], c=[0.0, 0.0, 1.0, 0.0, 0.0],
    )  # fmt: skip
    assert p.names == ("a", "c")
    assert p.dropped == (Dropped("b", "says what a says: correlation -1.00"),)
    assert [(s.name, s.fitted) for s in p.slots] == [("a", True), ("b", False), ("c", True)]
    assert p.variance == pytest.approx(2, abs=1e-12)


def test_two_features_below_the_limit_both_fit() -> None:
    columns = {"a": [1.0, 2.0, 3.0, 4.0], "b": [-1.0, -3.0, -2.0, -4.0]}
    assert fit([feature("a"), feature("b")], max_correlation=0.85, **columns).names == ("a", "b")
    assert fit([feature("a"), feature("b")], max_correlation=0.75, **columns).names == ("a",)


def test_a_nominal_feature_weighs_as_one_number(spark: SparkSession) -> None:
    """A 50 %, B 30 %, C 20 %: the slots' variances .25, .21 and .16 add to .62, so each is divided by √.62."""
    levels = ["A"] * 5 + ["B"] * 3 + ["C"] * 2
    p = fit([feature("f", unit="text")], f=levels)
    assert p.names == ("f=A", "f=B", "f=C")
    found = vectors(spark, p, "f string", [(level,) for level in levels])
    by_level = {level: found[levels.index(level)] * sqrt(0.62) for level in "ABC"}
    np.testing.assert_allclose(by_level["A"], [0.5, -0.3, -0.2], rtol=0, atol=1e-13)
    np.testing.assert_allclose(by_level["B"], [-0.5, 0.7, -0.2], rtol=0, atol=1e-13)
    np.testing.assert_allclose(by_level["C"], [-0.5, -0.3, 0.8], rtol=0, atol=1e-13)
    assert found.var(axis=0).sum() == pytest.approx(1, abs=1e-12)
    assert p.variance == pytest.approx(1, abs=1e-12)


def test_a_rare_level_has_no_slot(spark: SparkSession) -> None:
    """1 % has none, 2 % has one; who has a rare or an unseen value is in none of the levels, and farthest away."""
    p = fit([feature("f", unit="text")], f=["A"] * 90 + ["B"] * 7 + ["two"] * 2 + ["one"])
    assert p.names == ("f=A", "f=B", "f=two")
    spread = sqrt(0.98**2 + 0.9**2 + 0.07**2) / 3  # √(0.9·0.1 + 0.07·0.93 + 0.02·0.98) is smaller
    found = vectors(spark, p, "f string", [("one",), ("unseen",), ("two",), ("A",)])
    none = [-0.9, -0.07, -0.02]
    expected = [none, none, [-0.9, -0.07, 0.98], [0.1, -0.07, -0.02]]
    np.testing.assert_allclose(found * spread, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(found[2]), 3, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("others", "names"), [(1, ()), (2, ("f=DE", "f=US"))])
def test_a_level_that_hardly_anybody_lacks_has_no_slot(others: int, names: tuple[str, ...]) -> None:
    p = fit([feature("f", unit="text"), feature("x")], f=["US"] * (100 - others) + ["DE"] * others, x=range(100))
    assert p.names == (*names, "x")
    assert p.dropped == (() if names else (Dropped("f", "is the same for all but 2% of the customers or fewer"),))


def test_a_nominal_feature_that_says_what_an_earlier_one_says_does_not_count_again() -> None:
    """`code` is `town` by other names, `coast` two of its towns together; `tier` is its own, but for nothing more."""
    towns = ["Ulm", "Kiel", "Köln", "Rom"] * 25
    p = fit(
        [feature(n, unit="text") for n in ("town", "code", "coast", "tier")], town=towns, code=[t[:2] for t in towns],
        coast=[str(t in ("Kiel", "Rom")) for t in towns], tier=["a", "a", "b", "a", "b"] * 20,
    )  # fmt: skip
    assert {s.feature for s in p.fitted} == {"town", "tier"}
    assert p.variance == pytest.approx(2, abs=1e-12)
    said = {d.feature: d.reason for d in p.dropped}
    assert said["code=Ki"] == "says what town=Kiel says: correlation 1.00"
    assert said["coast=True"] == "says what town=Kiel and town=Rom say together: multiple correlation 1.00"
    assert len(said) == 6


def test_an_unknown_value_is_a_level_of_its_own(spark: SparkSession) -> None:
    p = fit([feature("f", unit="text")], f=["A", "A", "A", None])
    assert p.names == ("f=(unknown)", "f=A")
    found = vectors(spark, p, "f string", [(None,), ("A",)])
    spread = sqrt(2 * 0.25 * 0.75)
    np.testing.assert_allclose(found * spread, [[0.75, -0.75], [-0.25, 0.25]], rtol=0, atol=1e-13)


@pytest.mark.parametrize("values", [["A"] * 4, [None] * 4], ids=str)
def test_a_nominal_feature_with_one_value_is_dropped(values: list[str | None]) -> None:
    p = fit([feature("f", unit="text")], f=values)
    assert p.dropped == (Dropped("f", "is the same for everyone"),)


def test_a_nominal_feature_whose_values_are_all_rare_is_dropped_for_that_reason() -> None:
    p = fit([feature("f", unit="text")], f=[f"street {i}" for i in range(100)])
    assert p.dropped == (Dropped("f", "has no value that 2% of the customers share"),)


AWKWARD = [
    "O'Brien", 'say "hi"', "back\\slash", "\\'", "`tick`", "two\nlines", "a -- comment", "__THIS__",
    "${spark.app.name}", "é ß 漢", "",
]  # fmt: skip


def test_levels_with_quotes_and_other_marks_are_only_text(spark: SparkSession) -> None:
    p = fit([feature("f", unit="text")], f=AWKWARD)
    assert p.names == tuple(f"f={level}" for level in sorted(AWKWARD))
    found = vectors(spark, p, "f string", [(level,) for level in sorted(AWKWARD)])
    # Each row is in its own level and in no other.
    np.testing.assert_array_equal(found > 0, np.eye(len(AWKWARD), dtype=bool))


def test_slots_stand_in_the_order_of_the_features() -> None:
    p = fit(
        [feature("z"), feature("f", unit="text"), feature("a")],
        z=[1.0, 2.0, 3.0, 4.0], f=["B", "A", "A", "B"], a=[0.0, 1.0, 0.0, 0.0],
    )  # fmt: skip
    assert p.names == ("z", "f=A", "f=B", "a")
    assert p.sample_size == 4


@pytest.mark.parametrize("columns", [{"x": [1.0, 1.0]}, {"x": []}], ids=["all the same", "nobody"])
def test_where_nothing_differs_there_is_one_slot_of_zero(spark: SparkSession, columns: dict[str, list[float]]) -> None:
    p = fit([feature("x")], **columns)
    assert (p.slots, p.variance) == ((NOTHING,), 0.0)
    assert vectors(spark, p, "x double", [(1.0,), (None,), (9.0,)]).tolist() == [[0.0], [0.0], [0.0]]


def test_json_round_trip_keeps_every_value() -> None:
    p = fit(
        [feature("x"), feature("again"), feature("same"), feature("f", unit="text")],
        x=[0.1, 0.2, nan, 1e-300], again=[0.1, 0.2, nan, 1e-300], same=[1.0] * 4, f=["O'Brien", "é\n\\", None, "b"],
    )  # fmt: skip
    assert (len(p.slots), len(p.dropped)) == (6, 2)
    assert Preprocessor.from_json(p.to_json()) == p
