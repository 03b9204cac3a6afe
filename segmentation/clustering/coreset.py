"""A weighted sample that stands for all customers: what a sweep runs on where there are very many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark import StorageLevel

from segmentation.clustering import blocks as packing
from segmentation.clustering.blocks import Blocks
from segmentation.clustering.lloyd import Model, all_sums
from segmentation.clustering.views import Array, Block, View

PER_VIEW = 20_000
"""Customers that are drawn for the sake of each view, about."""


@dataclass(frozen=True)
class _Centre:
    """Of one view its mean (d,), the sum of squared distances to it, and its customers."""

    mean: Array
    scatter: float
    customers: float


def draw_coreset(blocks: Blocks, seed: int) -> Blocks:
    """Customers of all views, each with the number that he stands for, in blocks under the same views: two Spark jobs.

    A customer is drawn with a chance of PER_VIEW times the sum of q over his views, and weighs one over the chance:
    every weighted sum is that over everybody, in expectation. q = ½/n + ½·d²/Σd², d the distance to the view's mean.
    With m customers drawn for a view, the SSE of any k centroids in it is off by at most ε/2 of itself and of that of
    one mean, ε of the order of `bound`. At most about PER_VIEW × views customers reach the driver. The same
    customers are drawn whatever the partitioning. Who is certain to be drawn weighs 1, so few customers are all there.
    Source: Bachem, Lucic & Krause (2018), doi:10.1145/3219819.3219973 (lightweight coresets).
    """
    views = blocks.views
    found = {v: _Centre(np.zeros(len(view.columns)), 0.0, 0.0) for v, view in enumerate(views)}
    some = [Model(v, 1, seed, np.zeros((1, len(view.columns)))) for v, view in enumerate(views) if view.customers]
    for model, sums in zip(some, all_sums(blocks, some, np.float64), strict=True):
        n, mean = float(sums[0, -2]), sums[0, :-2] / sums[0, -2]
        found[model.view] = _Centre(mean, max(0.0, float(sums[0, -1] - n * mean @ mean)), n)

    def run(part: Iterable[Block]) -> Iterator[Block]:
        for block in part:
            chance = np.zeros(block.x.shape[1])
            for v, view in enumerate(views):
                centre = found[v]
                if not centre.customers:
                    continue
                squared = ((view.of(block) - centre.mean[:, None]) ** 2).sum(axis=0)
                share = 0.5 * squared / centre.scatter if centre.scatter > 0 else 0.5 / centre.customers
                member = slice(None) if view.member is None else block.members[view.member]
                chance[member] += PER_VIEW * (0.5 / centre.customers + share)
            u = np.random.default_rng([seed, block.number]).random(len(chance))
            drawn = u < np.minimum(chance, 1)
            yield Block(block.number, block.x[:, drawn], block.members[:, drawn], 1 / np.minimum(chance[drawn], 1))

    return _packed(blocks, sorted(blocks.each(run), key=lambda block: block.number))


def bound(view: View, k: int) -> float:
    """√(d·k·log k / m): the order of the error of a coreset, whose constant nobody knows.

    >>> round(bound(View("v", tuple(range(12))), 15), 3)
    0.156
    """
    return math.sqrt(len(view.columns) * k * math.log(k) / PER_VIEW)


def _packed(blocks: Blocks, drawn: Sequence[Block]) -> Blocks:
    """The drawn customers in blocks of the usual size."""
    x = np.concatenate([b.x for b in drawn], axis=1)
    members = np.concatenate([b.members for b in drawn], axis=1)
    weights = np.concatenate([b.weights for b in drawn if b.weights is not None])
    size = packing.BLOCK_ROWS
    cut = [
        Block(i, x[:, at : at + size].copy(), members[:, at : at + size].copy(), weights[at : at + size])
        for i, at in enumerate(range(0, len(weights), size))
    ]
    context = blocks.blocks.context
    tasks = max(1, min(len(cut), context.defaultParallelism))
    rdd = context.parallelize(cut, tasks).persist(StorageLevel.MEMORY_AND_DISK)
    return Blocks(rdd, tasks, len(cut), ()).seen_as(blocks.views)
