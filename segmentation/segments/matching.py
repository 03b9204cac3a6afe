"""Identity across refits: which new cluster is which old segment, and what became of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.stability import HALF, jaccard
from segmentation.clustering.views import Array

NEW, GONE = "(new)", "(gone)"
SAME = "same"


@dataclass(frozen=True)
class Kin:
    """What became of a segment in a refit; `(new)` and `(gone)` stand where there is no partner."""

    from_id: str
    to_id: str
    relation: str
    """same, split (one of the parts of `from_id`), merged (`from_id` went into it), new or retired."""
    overlap: float | None
    """Customers in both over customers in either, 0..1; None without a partner."""
    distance: float | None
    """Between the two means, root of the mean square over features, in standard deviations; None without a partner."""


def same_as(overlap: Array) -> list[int | None]:
    """For each new cluster (column) the old segment (row) that it is, or None.

    overlap: (old, new) Jaccard coefficients of the customers of both. Those above a half are the same: at most one such
    pair stands in a row or column, so they are an assignment, and no other pairing has more of them.
    Source: Hennig (2007), doi:10.1016/j.csda.2006.11.025.

    >>> same_as(np.array([[0.1, 0.8], [0.45, 0.05]]))
    [None, 0]
    """
    return [int(column.argmax()) if column.size and column.max() > HALF else None for column in overlap.T]


def new_ids(same: Sequence[int | None], old: Sequence[str], fresh: Sequence[str], taken: Collection[str]) -> list[str]:
    """The identity of each new cluster: that of the segment it is, or its id of a first fit, counted on where taken.

    >>> new_ids([None, 0, None], ["u-20180101-1"], ["u-20180101-1", "u-20180101-2", "u-20180101-3"], {"u-20180101-1"})
    ['u-20180101-2', 'u-20180101-1', 'u-20180101-3']
    """
    used, found = set(taken) | set(old), dict[int, str]()
    for c in sorted(range(len(same)), key=lambda c: int(fresh[c].rsplit("-", 1)[1])):
        row = same[c]
        if row is not None:
            found[c] = old[row]
            continue
        stem, number = fresh[c].rsplit("-", 1)
        rank = int(number)
        while f"{stem}-{rank}" in used:
            rank += 1
        found[c] = f"{stem}-{rank}"
        used.add(found[c])
    return [found[c] for c in range(len(same))]


def lineage(
    table: Array, distance: Array, same: Sequence[int | None], old: Sequence[str], new: Sequence[str]
) -> list[Kin]:
    """What became of every old segment, and where every new one comes from.

    table: (old, new) customers by their segment then and now; distance: (old, new) between their means. A new segment
    is a part of the old one that more than half of it comes from (split); an old one that is no longer there went into
    the new one that has more than half of it (merged; where several did, that one is no part of any). What is neither
    is new, or retired.

    >>> [(k.from_id, k.to_id, k.relation) for k in lineage(
    ...     np.array([[60.0, 40.0]]), np.zeros((1, 2)), [0, None], ["a"], ["a", "b"])]
    [('a', 'a', 'same'), ('a', 'b', 'split')]
    """
    overlap = jaccard(table)
    kept = {row: column for column, row in enumerate(same) if row is not None}

    def pair(row: int, column: int, relation: str) -> Kin:
        return Kin(old[row], new[column], relation, float(overlap[row, column]), float(distance[row, column]))

    found = [pair(row, column, SAME) for row, column in sorted(kept.items())]
    heirs = {row: _majority(table[row]) for row in range(len(old)) if row not in kept}
    shared = {c for c in heirs.values() if list(heirs.values()).count(c) > 1}
    split = set[int]()
    for column in range(len(new)):
        if same[column] is not None or column in shared:
            continue
        parent = _majority(table[:, column])
        if parent is None:
            found.append(Kin(NEW, new[column], "new", None, None))
        else:
            split.add(parent)
            found.append(pair(parent, column, "split"))
    for row in range(len(old)):
        if row in kept:
            continue
        heir = heirs[row]
        if heir is not None and (heir in shared or row not in split or _majority(table[:, heir]) != row):
            found.append(pair(row, heir, "merged"))
        elif row not in split:
            found.append(Kin(old[row], GONE, "retired", None, None))
    return found


def moved_share(table: Array, same: Sequence[int | None]) -> float:
    """Share of the customers whose segment is no longer the one that they were in, 0..1."""
    stayed = sum(float(table[row, column]) for column, row in enumerate(same) if row is not None)
    return 1 - stayed / float(table.sum()) if table.sum() else 0.0


def means_apart(old: Sequence[Mapping[str, float]], new: Sequence[Mapping[str, float]]) -> Array:
    """(old, new) root mean square difference of means over the features that both have.

    >>> means_apart([{"a": 0.0, "b": 3.0}], [{"a": 4.0, "b": 3.0}]).round(3).tolist()
    [[2.828]]
    """
    found = np.zeros((len(old), len(new)))
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            both = sorted(one.keys() & other.keys())
            if both:
                found[i, j] = np.sqrt(np.mean([(one[f] - other[f]) ** 2 for f in both]))
    return found


def _majority(counts: Array) -> int | None:
    place = int(counts.argmax()) if counts.size else 0
    return place if counts.size and counts[place] > HALF * counts.sum() else None
