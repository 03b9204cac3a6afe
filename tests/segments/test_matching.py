"""Identity across refits: against trying every pairing, in any order of clusters, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clustering.stability import jaccard
from segmentation.segments.matching import lineage, moved_share, new_ids, same_as

TABLES = st.integers(1, 5).flatmap(
    lambda rows: st.integers(1, 5).flatmap(
        lambda columns: st.lists(st.integers(0, 50), min_size=rows * columns, max_size=rows * columns).map(
            lambda cells: np.array(cells, dtype=float).reshape(rows, columns)
        )
    )
)


@given(TABLES)
def test_the_same_are_all_pairs_that_have_more_than_half_in_common(table: Any) -> None:
    overlap = jaccard(table)
    same = same_as(overlap)
    pairs = {(row, c) for c, row in enumerate(same) if row is not None}
    assert pairs == set(zip(*(at.tolist() for at in np.nonzero(overlap > 0.5)), strict=True))
    assert len({row for row, _ in pairs}) == len(pairs)


def test_a_pair_stays_the_same_where_two_weaker_ones_together_overlap_more() -> None:
    table = np.array([[50.0, 24.0], [24.0, 0.0]])
    assert jaccard(table)[0, 0] > 0.5
    assert jaccard(table)[0, 1] + jaccard(table)[1, 0] > jaccard(table)[0, 0]
    assert same_as(jaccard(table)) == [0, None]


@given(TABLES, st.randoms(use_true_random=False))
def test_what_became_of_segments_does_not_depend_on_the_order_of_clusters(table: Any, random: Any) -> None:
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", table.shape, strict=True))
    distance = np.arange(table.size, dtype=float).reshape(table.shape)

    def kin(rows: list[int], columns: list[int]) -> set[Any]:
        t, d = table[np.ix_(rows, columns)], distance[np.ix_(rows, columns)]
        named_old, named_new = [old[i] for i in rows], [new[i] for i in columns]
        return set(lineage(t, d, same_as(jaccard(t)), named_old, named_new))

    rows, columns = list(range(len(old))), list(range(len(new)))
    expected = kin(rows, columns)
    random.shuffle(rows)
    random.shuffle(columns)
    assert kin(rows, columns) == expected


@given(TABLES)
def test_every_segment_has_a_fate_and_every_new_one_an_origin(table: Any) -> None:
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", table.shape, strict=True))
    kin = lineage(table, np.zeros(table.shape), same_as(jaccard(table)), old, new)
    assert {k.from_id for k in kin} - {"(new)"} == set(old)
    assert {k.to_id for k in kin} - {"(gone)"} == set(new)
    origins = [k.to_id for k in kin if k.relation in ("same", "split", "new")]
    assert len(set(origins)) == len(origins)
    for other in set(new) - set(origins):
        assert len([k for k in kin if (k.to_id, k.relation) == (other, "merged")]) > 1
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
        ([[50], [50]], {("a0", "b0", "merged"), ("a1", "b0", "merged")}),
        ([[70, 0], [60, 0], [0, 9]], {("a0", "b0", "same"), ("a1", "b0", "merged"), ("a2", "b1", "same")}),
        ([[45], [40], [15]], {("a0", "b0", "merged"), ("a1", "b0", "merged"), ("a2", "b0", "merged")}),
        ([[40, 30, 30], [30, 40, 30], [30, 30, 40]],
         {("(new)", "b0", "new"), ("(new)", "b1", "new"), ("(new)", "b2", "new"),
          ("a0", "(gone)", "retired"), ("a1", "(gone)", "retired"), ("a2", "(gone)", "retired")}),
    ],
    ids=["as they were", "renumbered", "split, and one died out", "halved", "merged into one that stays", "merged",
         "merged into a larger one that stays", "all in one",
         "all mixed"],
)  # fmt: skip
def test_relations_by_hand(table: list[list[float]], expected: set[tuple[str, str, str]]) -> None:
    counts = np.array(table, dtype=float)
    old, new = ([f"{name}{i}" for i in range(n)] for name, n in zip("ab", counts.shape, strict=True))
    kin = lineage(counts, np.zeros(counts.shape), same_as(jaccard(counts)), old, new)
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
