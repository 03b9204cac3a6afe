"""Lloyd's algorithm for many models at once: one Spark job an iteration, whatever their number.

Centroids of all models stand in one matrix, so that two matrix products serve them all: distances, and then sums of the
members. Between them each model takes the nearest of its own centroids.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.views import Array, Floating, Floats32, View

STRIP = 1024
"""Customers multiplied at a time, and …"""
GROUP = 96
"""… about so many centroids: their distances then stay in the second-level cache, which halves the time."""
TOLERANCE = 1e-3
"""A centroid that moved less than a thousandth of a standard deviation stands still."""


@dataclass(frozen=True)
class Model:
    """Centroids (k, d) of one (k, seed) in one view, on their way or at rest."""

    view: int
    k: int
    seed: int
    centroids: Array
    iterations: int = 0
    at_rest: bool = False
    least_gain: float = 0.0
    """An iteration that lowers SSE by less than this share of it is the last; 0: one at rest is."""
    sse: float = math.inf
    """Of the centroids before the last move, where a least gain asks for it."""


@dataclass(frozen=True)
class Stack:
    """The models of one view, those of equal k together, as one matrix of rows (−2c, |c|²)."""

    models: tuple[int, ...]
    """Their positions in the list that they came from."""
    groups: tuple[tuple[int, int, int], ...]
    """(first row, models, k)."""
    matrix: Floating

    @classmethod
    def of(cls, centroids: Sequence[Array], dtype: type[np.floating[Any]] = np.float32, group: int = GROUP) -> Stack:
        """A group holds models of equal k, and about `group` rows at most."""
        order = sorted(range(len(centroids)), key=lambda i: len(centroids[i]))
        groups, row = list[tuple[int, int, int]](), 0
        for i in order:
            k = len(centroids[i])
            if groups and groups[-1][2] == k and (groups[-1][1] + 1) * k <= group:
                first, models, _ = groups[-1]
                groups[-1] = (first, models + 1, k)
            else:
                groups.append((row, 1, k))
            row += k
        c = np.concatenate([centroids[i] for i in order])
        return cls(tuple(order), tuple(groups), np.column_stack([-2 * c, (c**2).sum(axis=1)]).astype(dtype))

    def split(self, rows: Array) -> list[Array]:
        """What belongs to each model, in the order of the list that they came from."""
        parts: list[Array] = [np.empty(0)] * len(self.models)
        at = 0
        for first, models, k in self.groups:
            for m in range(models):
                parts[self.models[at]] = rows[first + m * k : first + (m + 1) * k]
                at += 1
        return parts


def with_norms(x: Floating) -> Floating:
    """(d + 2, n): the columns of x, ones, and squared norms: what the products need."""
    d = len(x)
    rows = np.empty((d + 2, x.shape[1]), dtype=x.dtype)
    rows[:d], rows[d] = x, 1
    np.einsum("ij,ij->j", x, x, out=rows[d + 1])
    return rows


def nearest_mask(distances: Floating, smallest: Floating) -> npt.NDArray[np.bool_]:
    """Which of each model's centroids is the nearest, (m, k, n) like the distances; of equals the first alone."""
    mask: npt.NDArray[np.bool_] = np.less_equal(distances, smallest)
    if np.count_nonzero(mask) > smallest.size:
        first = mask.argmax(axis=1)[:, None, :]
        mask[:] = False
        np.put_along_axis(mask, first, True, axis=1)
    return mask


def cluster_sums(x: Floating, stack: Stack, weights: Array | None = None) -> Array:
    """Per centroid of the stack the sums over its members, (K, d + 2): of their columns, of ones, of squared norms.

    x: (d, n); weights: (n,), times which each customer counts. Holds GROUP × STRIP numbers three times beside x.
    Products are in x's own precision over a strip, sums of strips in double.
    """
    rows, d = with_norms(x), len(x)
    weighed = rows if weights is None else rows * weights.astype(x.dtype)
    sums = np.zeros((len(stack.matrix), d + 2))
    widest = max((models * k for _, models, k in stack.groups), default=0)
    product, members = (np.empty((widest, STRIP), dtype=x.dtype) for _ in range(2))
    for start in range(0, x.shape[1], STRIP):
        strip, summed = rows[:, start : start + STRIP], np.ascontiguousarray(weighed[:, start : start + STRIP].T)
        n = strip.shape[1]
        for first, models, k in stack.groups:
            size = models * k
            distances = np.matmul(stack.matrix[first : first + size], strip[: d + 1], out=product[:size, :n])
            by_model = distances.reshape(models, k, n)
            member = members[:size, :n]
            np.copyto(member.reshape(models, k, n), nearest_mask(by_model, by_model.min(axis=1, keepdims=True)))
            sums[first : first + size] += member @ summed
    return sums


def sums_grid(view: View) -> Grid:
    """What `cluster_sums` of a view adds up at most."""
    reach = np.array(view.reach)
    return Grid(np.append(reach, [1.0, (reach**2).sum()]), view.customers)


def by_view(models: Sequence[Model]) -> dict[int, list[int]]:
    """The positions of each view's models."""
    found: dict[int, list[int]] = {}
    for i, m in enumerate(models):
        found.setdefault(m.view, []).append(i)
    return found


def all_sums(blocks: Blocks, models: Sequence[Model], dtype: type[np.floating[Any]] = np.float32) -> list[Array]:
    """`cluster_sums` of every model over all customers of its view, (k, d + 2) each: one Spark job."""
    placed, views = by_view(models), blocks.views
    stacks = {v: Stack.of([models[i].centroids for i in of], dtype) for v, of in placed.items()}

    def statistic(stack: Stack, x: Floats32, weights: Array | None) -> Floating:
        return cluster_sums(x.astype(dtype, copy=False), stack, weights)

    totals = blocks.sums(
        {v: partial(statistic, s) for v, s in stacks.items()}, {v: sums_grid(views[v]) for v in stacks}
    )
    return in_order(placed, stacks, totals)


def in_order(placed: Mapping[int, list[int]], stacks: Mapping[int, Stack], totals: Mapping[int, Array]) -> list[Array]:
    """What belongs to each model, out of the totals of each view's stack, in the order of `by_view`'s models."""
    found: dict[int, Array] = {}
    for v, of in placed.items():
        found.update(zip(of, stacks[v].split(totals[v]), strict=True))
    return [found[i] for i in range(len(found))]


def fit(blocks: Blocks, starts: Sequence[Model], max_iterations: int) -> list[Model]:
    """The models at rest, or after `max_iterations`; one Spark job an iteration for all that still move.

    A cluster that empties keeps its centroid, as in MLlib. The same bits for the same starts on any partitioning.
    Source: Lloyd (1982), doi:10.1109/TIT.1982.1056489.
    """
    models = list(starts)
    for _ in range(max_iterations):
        moving = [i for i, m in enumerate(models) if not m.at_rest]
        if not moving:
            break
        for i, sums in zip(moving, all_sums(blocks, [models[i] for i in moving]), strict=True):
            models[i] = _moved(models[i], sums)
    return models


def _moved(model: Model, sums: Array) -> Model:
    counts = sums[:, -2:-1]
    centroids = np.where(counts > 0, sums[:, :-2] / np.where(counts > 0, counts, 1), model.centroids)
    farthest = ((centroids - model.centroids) ** 2).sum(axis=1).max()
    sse = sse_of(model, sums) if model.least_gain else math.inf
    small = model.sse - sse < model.least_gain * sse
    return replace(
        model, centroids=centroids, iterations=model.iterations + 1, at_rest=bool(small or farthest <= TOLERANCE**2),
        sse=sse,
    )  # fmt: skip


def sse_of(model: Model, sums: Array) -> float:
    """The sum of squared distances to the model's centroids, from the sums over their members."""
    c = model.centroids
    return float(sums[:, -1].sum() - 2 * (sums[:, :-2] * c).sum() + sums[:, -2] @ (c**2).sum(axis=1))
