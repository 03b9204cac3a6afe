"""Which columns say what an earlier one says."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.matrix.prune import redundant

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
BUMP = np.array([0.0, 0.0, 1.0, 0.0, 0.0])  # uncorrelated with X


def test_the_later_of_two_that_say_the_same_goes_and_says_why() -> None:
    columns = np.column_stack([BUMP, X, 10 - 2 * X, BUMP * 3])
    assert redundant(["bump", "up", "down", "bump_again"], columns, 0.9) == {
        "down": "says what up says: correlation -1.00",
        "bump_again": "says what bump says: correlation 1.00",
    }


def test_a_column_is_compared_with_the_kept_ones_only() -> None:
    """b goes because of a; c resembles b (ρ = 0.92) but not a (ρ = 0.71): it stays."""
    angle = np.deg2rad([0, 22.5, 45])
    e1 = np.array([1.0, -1.0, 1.0, -1.0])
    e2 = np.array([1.0, 1.0, -1.0, -1.0])
    columns = np.column_stack([np.cos(t) * e1 + np.sin(t) * e2 for t in angle])
    assert redundant(["a", "b", "c"], columns, 0.9) == {"b": "says what a says: correlation 0.92"}


@pytest.mark.parametrize(("limit", "goes"), [(0.79, True), (0.81, False)])
def test_the_limit_is_on_the_absolute_correlation(limit: float, goes: bool) -> None:
    """By hand: ρ([1,2,3,4], [-1,-3,-2,-4]) = -4/5."""
    columns = np.column_stack([[1.0, 2.0, 3.0, 4.0], [-1.0, -3.0, -2.0, -4.0]])
    assert list(redundant(["a", "b"], columns, limit)) == (["b"] if goes else [])


def test_an_average_says_what_its_sum_and_its_count_say_together() -> None:
    """log(sum / count) = log sum − log count, which no pairwise correlation shows: ρ is 0.71 and −0.71."""
    rng = np.random.default_rng(3)
    total, orders = np.exp(rng.normal(size=(2, 5000)))
    columns = np.log(np.column_stack([total, orders, rng.normal(size=5000) ** 2 + 1, total / orders]))
    assert redundant(["total", "orders", "noise", "average"], columns, 0.9) == {
        "average": "says what total and orders say together: multiple correlation 1.00"
    }


@pytest.mark.parametrize(("limit", "goes"), [(0.85, True), (0.9, False)])
def test_the_limit_is_on_the_multiple_correlation(limit: float, goes: bool) -> None:
    """By hand: of c = a + b + e with orthogonal a, b, e of lengths 2, 2, 2·sqrt(2/3): R² = 8 / (8 + 8/3) = 3/4."""
    a, b, e = (np.array(v) for v in ([1.0, -1, 1, -1], [1.0, 1, -1, -1], [1.0, -1, -1, 1]))
    columns = np.column_stack([a, b, a + b + e * np.sqrt(2 / 3)])
    assert list(redundant(["a", "b", "c"], columns, limit)) == (["c"] if goes else [])


@pytest.mark.parametrize("names", [[], ["alone"]])
def test_one_column_or_none_has_nobody_to_repeat(names: list[str]) -> None:
    assert redundant(names, np.zeros((3, len(names))), 0.9) == {}
