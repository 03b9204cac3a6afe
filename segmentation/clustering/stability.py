"""How much there is to a clustering: whether it comes back, and whether there is anything between its clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.lloyd import STRIP, Model, Stack, with_norms
from segmentation.clustering.views import Array, Floating, Floats32

HALF = 0.5
"""Of a Jaccard overlap above this there is at most one: that is the same cluster."""
NEAR = 0.15
"""Customers stand at a place between two centroids when they are no farther from it than this share of the way."""
SHALLOW = 0.8
"""A valley holds less than this share of the lower of its two sides, and …"""
CHANCE = 3.0
"""… so much less that chance alone does so once in a thousand times (standard errors)."""


@dataclass(frozen=True)
class Comparison:
    """A model beside others of the same customers."""

    tables: tuple[Array, ...]
    """For each of the others (k, k'): customers by their cluster here and there."""
    between: Array
    """(pairs, 3) customers at the one centroid, halfway, and at the other, of each pair of neighbours."""


def compare(blocks: Blocks, asked: Sequence[tuple[int, Model, Sequence[Model]]]) -> list[Comparison]:
    """Models beside others, wherever they were fitted, on the customers of the view asked for: one Spark job."""
    plans: dict[int, dict[int, _Plan]] = {}
    for i, (view, model, others) in enumerate(asked):
        plans.setdefault(view, {})[i] = _Plan.of(model, others)
    totals = blocks.sums(
        {v: partial(_counts, list(of.values())) for v, of in plans.items()},
        {v: Grid(np.array(1.0), blocks.views[v].customers) for v in plans},
    )
    found: dict[int, Comparison] = {}
    for v, of in plans.items():
        ends = np.cumsum([plan.size for plan in of.values()])[:-1]
        parts = np.split(totals[v], ends)
        found |= {i: plan.read(part) for (i, plan), part in zip(of.items(), parts, strict=True)}
    return [found[i] for i in range(len(asked))]


@dataclass(frozen=True)
class _Plan:
    """One model, its neighbours and the others, and where their counts lie."""

    centroids: Array
    stack: Stack
    ks: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, model: Model, others: Sequence[Model]) -> _Plan:
        ks = tuple(m.k for m in (model, *others))
        stack = Stack.of([m.centroids for m in (model, *others)], np.float64)
        return cls(model.centroids, stack, ks, tuple(neighbours(model.centroids)))

    @property
    def size(self) -> int:
        return self.ks[0] * sum(self.ks[1:]) + 3 * len(self.pairs)

    def read(self, counts: Array) -> Comparison:
        own, tables, at = self.ks[0], list[Array](), 0
        for k in self.ks[1:]:
            tables.append(counts[at : at + own * k].reshape(own, k))
            at += own * k
        return Comparison(tuple(tables), counts[at:].reshape(len(self.pairs), 3))


def _counts(plans: Sequence[_Plan], x: Floats32, weights: Array | None) -> Array:
    doubles = x.astype(np.float64)
    rows, found = with_norms(doubles), list[Array]()
    for plan in plans:
        own, *others = labels(rows, plan.stack)
        k = plan.ks[0]
        for other, of in zip(others, plan.ks[1:], strict=True):
            found.append(np.bincount(own * of + other, weights, minlength=k * of).astype(np.float64))
        found += [_between(doubles, weights, own, plan.centroids, pair) for pair in plan.pairs]
    return np.concatenate(found)


def labels(rows: Floating, stack: Stack) -> list[np.ndarray]:
    """Per model the number of each customer's nearest centroid, (n,); rows: as `with_norms` makes them."""
    n = rows.shape[1]
    found = np.empty((len(stack.models), n), dtype=np.int64)
    for start in range(0, n, STRIP):
        at = 0
        for first, models, k in stack.groups:
            distances = stack.matrix[first : first + models * k] @ rows[:-1, start : start + STRIP]
            found[at : at + models, start : start + STRIP] = distances.reshape(models, k, -1).argmin(axis=1)
            at += models
    return [found[stack.models.index(i)] for i in range(len(stack.models))]


def _between(x: Array, weights: Array | None, labels: np.ndarray, centroids: Array, pair: tuple[int, int]) -> Array:
    of = (labels == pair[0]) | (labels == pair[1])
    way = centroids[pair[1]] - centroids[pair[0]]
    place = way @ (x[:, of] - centroids[pair[0]][:, None]) / (way @ way)
    near = np.abs(place[None, :] - np.array([[0.0], [0.5], [1.0]])) <= NEAR
    counted: Array = near @ (np.ones(near.shape[1]) if weights is None else weights[of])
    return counted


def neighbours(centroids: Array) -> list[tuple[int, int]]:
    """Pairs of centroids with no third one in the ball between them, (k, d); equal ones are nobody's neighbours.

    Source: Gabriel & Sokal (1969), doi:10.2307/2412323.

    >>> neighbours(np.array([[0.0], [5.0], [2.0]]))
    [(0, 2), (1, 2)]
    """
    squared = ((centroids[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)
    k = len(centroids)
    return [
        (i, j) for i in range(k) for j in range(i + 1, k)
        if squared[i, j] > 0 and not (np.delete(squared[i] + squared[j], [i, j]) < squared[i, j]).any()
    ]  # fmt: skip


def evenness(between: Array) -> float:
    """Customers halfway between neighbours for each one at the emptier of the two centroids, at most 1.

    between: (pairs, 3) as in `Comparison`. In noise it falls with k: two cells share less than they are wide.
    """
    side = np.minimum(between[:, 0], between[:, 2]).sum()
    return float(min(1.0, between[:, 1].sum() / side)) if side > 0 else 1.0


def valleys(between: Array, even: float) -> npt.NDArray[np.bool_]:
    """Whether fewer customers stand halfway between two neighbours than at the emptier of their centroids, (pairs,).

    between: (pairs, 3) as in `Comparison`; even: the `evenness` of noise at this k. What has one peak, however skewed,
    has no valleys wherever it is cut.

    >>> valleys(np.array([[900.0, 100.0, 400.0], [900.0, 800.0, 400.0], [9.0, 7.0, 9.0]]), 1.0).tolist()
    [True, False, False]
    """
    side, halfway = even * np.minimum(between[:, 0], between[:, 2]), between[:, 1]
    clear = side - halfway > CHANCE * np.sqrt(even * side + halfway)
    return np.logical_and(halfway < SHALLOW * side, clear)


def adjusted_rand(table: Array) -> float:
    """Agreement of two partitions beyond chance: 1 for equal ones, about 0 for unrelated ones.

    table: (k, k'), customers by their cluster in one and in the other. Two partitions into one cluster agree: 1.
    Source: Hubert & Arabie (1985), doi:10.1007/BF01908075.

    >>> adjusted_rand(np.array([[3.0, 0.0], [0.0, 2.0]]))
    1.0
    """
    n = float(table.sum())
    pairs, rows, columns = (float((c * (c - 1) / 2).sum()) for c in (table, table.sum(axis=1), table.sum(axis=0)))
    chance = rows * columns / max(n * (n - 1) / 2, 1)
    most = (rows + columns) / 2
    return 1.0 if most == chance else (pairs - chance) / (most - chance)


def overlaps(table: Array) -> Array:
    """For each cluster of the rows its greatest Jaccard overlap with a cluster of the columns, (k,).

    Above a half at most one column can be it: it came back. Source: Hennig (2007), doi:10.1016/j.csda.2006.11.025.

    >>> overlaps(np.array([[3.0, 0.0], [1.0, 2.0]])).round(2).tolist()
    [0.75, 0.67]
    """
    best: Array = jaccard(table).max(axis=1)
    return best


def jaccard(table: Array) -> Array:
    """Customers in both over customers in either, for each pair of (row, column); 0 for two empty ones."""
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    share: Array = table / np.where(either > 0, either, 1)
    return share
