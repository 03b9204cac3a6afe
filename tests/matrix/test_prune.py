"""Which columns say what an earlier one says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from segmentation.matrix.prune import redundant

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
BUMP = np.array([0.0, 0.0, 1.0, 0.0, 0.0])  # uncorrelated with X


def alone(names: Sequence[str], columns: npt.NDArray[np.float64], limit: float) -> dict[str, str]:
    """Where every column is a feature of its own."""
    return redundant(names, names, columns, limit)


def test_the_later_of_two_that_say_the_same_goes_and_says_why() -> None:
    columns = np.column_stack([BUMP, X, 10 - 2 * X, BUMP * 3])
    assert alone(["bump", "up", "down", "bump_again"], columns, 0.9) == {
        "down": "says what up says: correlation -1.00",
        "bump_again": "says what bump says: correlation 1.00",
    }


def test_a_column_is_compared_with_the_kept_ones_only() -> None:
    """b goes because of a; c resembles b (ρ = 0.92) but not a (ρ = 0.71): it stays."""
    angle = np.deg2rad([0, 22.5, 45])
    e1 = np.array([1.0, -1.0, 1.0, -1.0])
    e2 = np.array([1.0, 1.0, -1.0, -1.0])
    columns = np.column_stack([np.cos(t) * e1 + np.sin(t) * e2 for t in angle])
    assert alone(["a", "b", "c"], columns, 0.9) == {"b": "says what a says: correlation 0.92"}


@pytest.mark.parametrize(("limit", "goes"), [(0.79, True), (0.81, False)])
def test_the_limit_is_on_the_absolute_correlation(limit: float, goes: bool) -> None:
    """By hand: ρ([1,2,3,4], [-1,-3,-2,-4]) = -4/5."""
    columns = np.column_stack([[1.0, 2.0, 3.0, 4.0], [-1.0, -3.0, -2.0, -4.0]])
    assert list(alone(["a", "b"], columns, limit)) == (["b"] if goes else [])


def test_an_average_says_what_its_sum_and_its_count_say_together() -> None:
    """log(sum / count) = log sum − log count, which no pairwise correlation shows: ρ is 0.71 and −0.71."""
    rng = np.random.default_rng(3)
    total, orders = np.exp(rng.normal(size=(2, 5000)))
    columns = np.log(np.column_stack([total, orders, rng.normal(size=5000) ** 2 + 1, total / orders]))
    assert alone(["total", "orders", "noise", "average"], columns, 0.9) == {
        "average": "says what total and orders say together: multiple correlation 1.00"
    }


@pytest.mark.parametrize(("limit", "goes"), [(0.80, True), (0.81, False)])
def test_the_limit_is_on_the_multiple_correlation_adjusted_for_rows(limit: float, goes: bool) -> None:
    """Of c = a + b + e with orthogonal columns of squares 8, 8, 16/3 over eight rows: R² = 16 / (16 + 16/3) = 3/4.

    Adjusted for two columns in eight rows: 1 − (1 − 3/4) · 7 / 5 = 0.65, whose root is 0.806. By the correlation of c
    with a or b alone, 0.61, nothing would go.
    """
    a, b, e = (np.tile(v, 2) for v in ([1.0, -1, 1, -1], [1.0, 1, -1, -1], [1.0, -1, -1, 1]))
    columns = np.column_stack([a, b, a + b + e * np.sqrt(2 / 3)])
    assert list(alone(["a", "b", "c"], columns, limit)) == (["c"] if goes else [])


def test_few_rows_do_not_make_columns_say_what_others_say() -> None:
    """Of twenty independent columns over 24 rows, any is nearly a sum of the others; over 20 exactly one."""
    for rows in (24, 20, 5):
        columns = np.random.default_rng(rows).normal(size=(rows, 20))
        found = alone([f"x{i}" for i in range(20)], columns, 0.9)
        assert not [reason for reason in found.values() if "together" in reason]


def test_without_a_limit_the_same_column_twice_stays_and_breaks_nothing() -> None:
    columns = np.random.default_rng(1).normal(size=(30, 2))
    twice = np.column_stack([columns[:, 0], columns[:, 0], columns[:, 1], columns.sum(axis=1)])
    assert alone(["a", "again", "b", "sum"], twice, 1.0) == {}


@pytest.mark.parametrize("names", [[], ["alone"]])
def test_one_column_or_none_has_nobody_to_repeat(names: list[str]) -> None:
    assert alone(names, np.zeros((3, len(names))), 0.9) == {}
