"""What is shown of small cells, against everything that could be reckoned from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from segmentation.privacy import OTHER, Disclosure, coarsen, hidden, rounded

TEN = 10
sizes = st.integers(0, 40)
paths = st.tuples(*(st.sampled_from("abcd") for _ in range(3)))


@given(st.dictionaries(paths, sizes, max_size=30))
def test_no_shown_cell_of_any_depth_and_no_difference_of_two_nested_ones_tells_of_fewer(
    of: dict[tuple[str, ...], int],
) -> None:
    labels = coarsen(of, TEN)
    everyone = sum(of.values())
    assert set(labels) == ({path for path, n in of.items() if n} if everyone >= TEN else set())
    totals: dict[tuple[str, ...], int] = {}
    for path, label in labels.items():
        for depth in range(4):
            totals[label[:depth]] = totals.get(label[:depth], 0) + of[path]
    assert totals.get((), everyone) == everyone
    for small, large in itertools.product(totals, totals):
        if small[: len(large)] == large and small != large:
            assert totals[small] >= TEN
            assert totals[large] - totals[small] == 0 or totals[large] - totals[small] >= TEN


def test_parts_of_enough_customers_keep_their_labels_and_small_ones_are_joined_within_their_whole() -> None:
    of = {("Rome", "gold"): 30, ("Rome", "none"): 12, ("Rome", "silver"): 4, ("Rome", "blue"): 7, ("Oslo", "gold"): 3,
          ("Oslo", "none"): 5, ("Bonn", "gold"): 20}  # fmt: skip
    assert coarsen(of, TEN) == {
        ("Rome", "gold"): ("Rome", "gold"),
        ("Rome", "none"): ("Rome", "none"),
        ("Rome", "silver"): ("Rome", OTHER),
        ("Rome", "blue"): ("Rome", OTHER),
        # Oslo's eight are too few by themselves, and take the smallest city with them.
        ("Oslo", "gold"): (OTHER, OTHER),
        ("Oslo", "none"): (OTHER, OTHER),
        ("Bonn", "gold"): (OTHER, OTHER),
    }


tables = st.dictionaries(st.tuples(st.sampled_from("abcde"), st.sampled_from("vwxyz")), sizes, max_size=25)


@given(tables)
def test_no_small_hidden_cell_follows_from_the_sums_of_rows_and_columns(of: dict[tuple[str, str], int]) -> None:
    away = hidden(of, TEN)
    there = {cell: n for cell, n in of.items() if n}
    assert {cell for cell, n in there.items() if n < TEN} <= away <= set(there)
    lines = [[c for c in there if c[axis] == label] for axis in (0, 1) for label in {c[axis] for c in there}]
    for line in lines:
        gone = [c for c in line if c in away]
        assert len(gone) == len(line) or sum(there[c] for c in gone) >= TEN or not gone
    unknown = sorted(away)
    equations = np.array([[float(c in line) for c in unknown] for line in lines]).reshape(len(lines), len(unknown))
    for i, (row, column) in enumerate(unknown):
        unit = np.eye(len(unknown))[[i]]
        follows = np.linalg.matrix_rank(np.vstack([equations, unit])) == np.linalg.matrix_rank(equations)
        if follows and there[row, column] < TEN:
            # Then there was nothing left to hide beside it: no figure of its row or column is shown.
            assert all(c in away for c in there if c[0] == row or c[1] == column)


def test_where_no_cell_is_small_all_are_shown() -> None:
    assert hidden({("a", "a"): 10, ("a", "b"): 11, ("b", "b"): 0}, TEN) == set()


@given(st.integers(10, 10**9), st.integers(1, 10))
def test_a_rounded_count_is_a_multiple_of_the_step_at_most_half_a_step_away(n: int, step: int) -> None:
    assert rounded(n, step) % step == 0
    assert abs(rounded(n, step) - n) * 2 <= step


def test_a_cell_that_is_shown_never_rounds_to_nothing() -> None:
    with pytest.raises(ValidationError, match="must not exceed"):
        Disclosure(min_customers=5, round_to=20)
