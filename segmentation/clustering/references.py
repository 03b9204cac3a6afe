"""What a choice of k is held against: resamples of the same customers, and noise that varies together as they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.views import Array, Floats32, View

RESAMPLES = 10
NOISES = 5
CUSTOMERS = 20_000
"""About so many take part in each: enough for two decimals, and a share of the work that falls as customers grow."""


@dataclass(frozen=True)
class Reference:
    """A view, its sample of customers, its resamples and its noises, by their numbers in `Blocks.views`."""

    base: int
    sample: int
    resamples: tuple[int, ...]
    noises: tuple[int, ...]
    deviations: Array
    """(d,) the standard deviation of each column in the sample."""


def referenced(blocks: Blocks, seed: int) -> tuple[Blocks, list[Reference]]:
    """The blocks under further views: RESAMPLES resamples and NOISES noises of each view that they have.

    Each is of about CUSTOMERS of the view, or of all where there are fewer. Noise is normal, with the covariance of the
    sample: what k-means finds in it is no structure. Three Spark jobs.
    """
    bases = blocks.views
    blocks = blocks.seen_as([replace(view, blocks=enough(blocks, view, CUSTOMERS)) for view in bases])
    samples = range(len(bases), 2 * len(bases))
    covariances = {v: covariance for v, (_, covariance) in moments(blocks, samples).items()}
    more: list[View] = []
    references = []
    for v in samples:
        view, first = blocks.views[v], 2 * len(bases) + len(more)
        more += _resamples(view, seed)
        root = tuple(map(tuple, _root(covariances[v]).tolist()))
        more += [replace(view, name=f"{view.name} noise {i}", noise=root, noise_seed=seed) for i in range(NOISES)]
        numbers = tuple(range(first, 2 * len(bases) + len(more)))
        deviations = np.sqrt(np.maximum(np.diag(covariances[v]), 0))
        references.append(Reference(v - len(bases), v, numbers[:RESAMPLES], numbers[RESAMPLES:], deviations))
    return blocks.seen_as(more), references


def sampled(blocks: Blocks, bases: Sequence[int], seed: int) -> tuple[Blocks, list[tuple[int, ...]]]:
    """The blocks under RESAMPLES resamples more of each of these views, and the numbers of each one's: one Spark job.

    Each is of about CUSTOMERS of the view, or of all where there are fewer.
    """
    first, views = len(blocks.views), [blocks.views[v] for v in bases]
    more = [r for v in views for r in _resamples(replace(v, blocks=enough(blocks, v, CUSTOMERS)), seed)]
    numbers = [tuple(range(first + i * RESAMPLES, first + (i + 1) * RESAMPLES)) for i in range(len(views))]
    return blocks.seen_as(more), numbers


def _resamples(view: View, seed: int) -> list[View]:
    return [replace(view, name=f"{view.name} resample {i}", resample=seed) for i in range(RESAMPLES)]


def enough(blocks: Blocks, view: View, customers: int) -> int:
    """The first so many blocks hold about so many customers of the view, or all."""
    return math.ceil(blocks.count * min(1.0, customers / max(view.customers, 1)))


def moments(blocks: Blocks, views: Sequence[int]) -> dict[int, tuple[Array, Array]]:
    """Means (d,) and covariances (d, d) of the columns of views, 0 where nobody takes part: one Spark job."""

    def products(x: Floats32, weights: Array | None) -> Array:
        rows = np.vstack([x, np.ones((1, x.shape[1]))])
        found: Array = (rows if weights is None else rows * weights) @ rows.T
        return found

    reach = {v: np.array([*blocks.views[v].reach, 1.0]) for v in views}
    grids = {v: Grid(np.outer(r, r), blocks.views[v].customers) for v, r in reach.items()}
    found = {v: (np.zeros(len(r) - 1), np.zeros((len(r) - 1,) * 2)) for v, r in reach.items()}
    for v, total in blocks.sums(dict.fromkeys(views, products), grids).items():
        n = total[-1, -1]
        if n > 0:
            mean = total[:-1, -1] / n
            found[v] = mean, total[:-1, :-1] / n - np.outer(mean, mean)
    return found


def _root(covariance: Array) -> Array:
    """(d, d) that times independent normal numbers of variance 1 has this covariance, singular or not."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = vectors * np.sqrt(np.maximum(values, 0))
    return root
