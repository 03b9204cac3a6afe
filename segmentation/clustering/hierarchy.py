"""How clusters would join: an aid to reading k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.views import Array

Group = tuple[tuple[int, ...], Array, float]
"""Some clusters, their mean and their customers."""


@dataclass(frozen=True)
class Merge:
    """Two clusters, or what has become of some, join."""

    one: tuple[int, ...]
    other: tuple[int, ...]
    """Numbers of the clusters in each."""
    kept: float
    """What is left then of the sum of squares between clusters, 1 for all and 0 for one cluster."""


def merges(centroids: Array, sizes: Sequence[float]) -> list[Merge]:
    """The k − 1 joins of (k, d) centroids with so many customers each, always the two that lose least.

    Joining two loses n·m / (n + m) times their squared distance. Source: Ward (1963),
    doi:10.1080/01621459.1963.10500845.

    >>> [(m.one, m.other, round(m.kept, 2)) for m in merges(np.array([[0.0], [9.0], [1.0]]), [1, 1, 1])]
    [((0,), (2,), 0.99), ((0, 2), (1,), 0.0)]
    """
    groups: list[Group] = [
        ((i,), np.asarray(c, dtype=np.float64), float(n)) for i, (c, n) in enumerate(zip(centroids, sizes, strict=True))
    ]
    centre = np.average(centroids, axis=0, weights=sizes)
    between = whole = float((np.asarray(sizes) * ((centroids - centre) ** 2).sum(axis=1)).sum())
    found = []
    while len(groups) > 1:
        pairs = [(_loss(groups[i], groups[j]), i, j) for i in range(len(groups)) for j in range(i + 1, len(groups))]
        loss, i, j = min(pairs)
        (one, a, n), (other, b, m) = groups[i], groups.pop(j)
        groups[i] = (*one, *other), (n * a + m * b) / max(n + m, 1), n + m
        between -= loss
        last = len(groups) == 1
        found.append(Merge(one, other, 0.0 if last or whole == 0 else max(between / whole, 0.0)))
    return found


def _loss(one: Group, other: Group) -> float:
    (_, a, n), (_, b, m) = one, other
    return n * m / max(n + m, 1) * float(((a - b) ** 2).sum())
