"""Identity across refits: against trying every pairing, in any order of clusters, and by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.segments.matching import jaccard, lineage, moved_share, new_ids, same_as

TABLES = st.integers(1, 5).flatmap(
    lambda rows: st.integers(1, 5).flatmap(
        lambda columns: st.lists(st.integers(0, 50), min_size=rows * columns, max_size=rows * columns).map(
            lambda cells: np.array(cells, dtype=float).reshape(rows, columns)
        )
    )
)


def best_by_trying(overlap: Any, distance: Any) -> tuple[float, float]:
    """The greatest sum of overlaps of any pairing, and of those that reach it the least sum of distances."""
    rows, columns = overlap.shape
    few, many = min(rows, columns), max(rows, columns)
    sums = []
    for order in permutations(range(many), few):
        pairs = [(i, o) if rows <= columns else (o, i) for i, o in enumerate(order)]
        sums.append((sum(overlap[p] for p in pairs), -sum(distance[p] for p in pairs)))
    most = max(total for total, _ in sums)
    return most, -max(apart for total, apart in sums if total > most - 1e-12)


@given(TABLES, st.integers(0, 2**32))
def test_the_same_are_those_of_the_best_pairing_that_share_more_than_half(table: Any, seed: int) -> None:
    overlap = jaccard(table)
    distance = np.random.default_rng(seed).random(table.shape)
    same = same_as(overlap, distance)
    rows = [row for row in same if row is not None]
    assert len(set(rows)) == len(rows)
    assert all(overlap[row, c] > 0.5 for c, row in enumerate(same) if row is not None)
    # More than half of either can be shared with one other only, so every such pair is in the best pairing.
    assert {(row, c) for c, row in enumerate(same) if row is not None} == set(
        zip(*np.nonzero(overlap > 0.5), strict=True)
    )
    kept = sum(overlap[row, c] for c, row in enumerate(same) if row is not None)
    most, _ = best_by_trying(overlap, distance)
    assert kept <= most + 1e-9


@given(TABLES, st.randoms(use_true_random=False))
def test_what_became_of_segments_does_not_depend_on_the_order_of_clusters(table: Any, random: Any) -> None:
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", table.shape, strict=True))
    distance = np.arange(table.size, dtype=float).reshape(table.shape)

    def kin(rows: list[int], columns: list[int]) -> set[Any]:
        t, d = table[np.ix_(rows, columns)], distance[np.ix_(rows, columns)]
        named_old, named_new = [old[i] for i in rows], [new[i] for i in columns]
        return set(lineage(t, d, same_as(jaccard(t), d), named_old, named_new))

    rows, columns = list(range(len(old))), list(range(len(new)))
    expected = kin(rows, columns)
    random.shuffle(rows)
    random.shuffle(columns)
    assert kin(rows, columns) == expected


@given(TABLES)
def test_every_segment_has_a_fate_and_every_new_one_an_origin(table: Any) -> None:
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", table.shape, strict=True))
    kin = lineage(table, np.zeros(table.shape), same_as(jaccard(table), np.zeros(table.shape)), old, new)
    assert {k.from_id for k in kin} - {"(new)"} == set(old)
    assert {k.to_id for k in kin if k.relation != "merged"} - {"(gone)"} == set(new)
    assert len([k for k in kin if k.relation in ("same", "split", "new")]) == len(new)
    assert {(k.from_id == "(new)") for k in kin if k.relation == "new"} <= {True}
    assert {(k.to_id == "(gone)") for k in kin if k.relation == "retired"} <= {True}
    assert len({(k.from_id, k.to_id) for k in kin}) == len(kin)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[90, 10], [5, 95]], {("a0", "b0", "same"), ("a1", "b1", "same")}),
        ([[10, 90], [95, 5]], {("a0", "b1", "same"), ("a1", "b0", "same")}),
        ([[60, 40], [0, 0]], {("a0", "b0", "same"), ("a0", "b1", "split"), ("a1", "(gone)", "retired")}),
        ([[50, 50]], {("a0", "b0", "split"), ("a0", "b1", "split")}),  # halves: neither is the old one
        ([[60], [40]], {("a0", "b0", "same"), ("a1", "b0", "merged")}),
        ([[50], [50]], {("(new)", "b0", "new"), ("a0", "b0", "merged"), ("a1", "b0", "merged")}),
        ([[40, 30, 30], [30, 40, 30], [30, 30, 40]],
         {("(new)", "b0", "new"), ("(new)", "b1", "new"), ("(new)", "b2", "new"),
          ("a0", "(gone)", "retired"), ("a1", "(gone)", "retired"), ("a2", "(gone)", "retired")}),
    ],
    ids=["as they were", "renumbered", "split, and one died out", "halved", "merged into one that stays", "merged",
         "all mixed"],
)  # fmt: skip
def test_relations_by_hand(table: list[list[float]], expected: set[tuple[str, str, str]]) -> None:
    counts = np.array(table, dtype=float)
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", counts.shape, strict=True))
    kin = lineage(counts, np.zeros(counts.shape), same_as(jaccard(counts), np.zeros(counts.shape)), old, new)
    assert {(k.from_id, k.to_id, k.relation) for k in kin} == expected


def test_overlap_and_distance_are_those_of_the_pair() -> None:
    counts, apart = np.array([[60.0, 40.0]]), np.array([[0.25, 1.5]])
    kin = {k.to_id: k for k in lineage(counts, apart, [0, None], ["a"], ["b", "c"])}
    assert (kin["b"].overlap, kin["b"].distance) == (0.6, 0.25)
    assert (kin["c"].overlap, kin["c"].distance) == (0.4, 1.5)


def test_ids_of_the_dead_are_never_given_again() -> None:
    fresh = ["u-20180101-2", "u-20180101-1", "u-20180101-3"]
    assert new_ids([None] * 3, [], fresh, set()) == fresh
    taken = {"u-20180101-1", "u-20180101-2", "u-20171201-3"}
    assert new_ids([None, 0, None], ["u-20171201-3"], fresh, taken) == ["u-20180101-3", "u-20171201-3", "u-20180101-4"]


def test_who_moved_is_who_is_in_no_segment_that_is_the_same() -> None:
    table = np.array([[80.0, 20.0], [30.0, 70.0]])
    assert moved_share(table, [0, 1]) == pytest.approx(0.25)
    assert moved_share(table, [0, None]) == pytest.approx(0.6)
    assert moved_share(np.zeros((1, 1)), [None]) == 0
