"""Quality of every fitted model, from sums that merge: two passes over the data for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.lloyd import STRIP, Model, Stack, all_sums, by_view, in_order, nearest_mask, with_norms
from segmentation.clustering.views import Array, Floats32, View
from segmentation.core.errors import SegmentationError

SAME = 1e-11
"""A squared distance below this share of the squared norms is float32's rounding, and counts as none."""
_DISTANCE, _SQUARED, _SILHOUETTE = range(3)


@dataclass(frozen=True)
class Indices:
    """Figures of one model. The three indices are None for fewer than two non-empty clusters."""

    sizes: tuple[float, ...]
    """Customers, or what they weigh together."""
    sse: float
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None

    @property
    def min_share(self) -> float:
        """Share of the smallest cluster, 0..1."""
        return min(self.sizes) / sum(self.sizes)


def best_first(measured: Sequence[tuple[Model, Indices]]) -> list[tuple[Model, Indices]]:
    """By k, of each the lowest SSE first, of equals the lower seed."""
    return sorted(measured, key=lambda fit: (fit[0].k, fit[1].sse, fit[0].seed))


def measure(blocks: Blocks, models: Sequence[Model], sums: Sequence[Array] | None = None) -> list[Indices]:
    """Indices of every model. Two Spark jobs, whatever the number of models; one where `all_sums` in double is known.

    Customers belong to their nearest centroid, ties to the lower number. Both passes work in double precision on the
    blocks' float32 vectors; beside a block a task holds some eight times GROUP × STRIP doubles.
    """
    if not models:
        return []
    sums = all_sums(blocks, models, np.float64) if sums is None else sums
    placed, views = by_view(models), blocks.views
    scorers = {v: Scorer.of([models[i].centroids for i in of], [sums[i] for i in of]) for v, of in placed.items()}

    grids = {v: _grid(views[v], [models[i].centroids for i in of]) for v, of in placed.items()}
    totals = blocks.sums({v: scorer.sums for v, scorer in scorers.items()}, grids)
    scores = in_order(placed, {v: scorer.stack for v, scorer in scorers.items()}, totals)
    return [_indices(m.centroids, total, score) for m, total, score in zip(models, sums, scores, strict=True)]


def _grid(view: View, centroids: Sequence[Array]) -> Grid:
    # Nobody is farther from his nearest centroid than the far corner of all customers is from the nearest one to it.
    reach = np.array(view.reach)
    farthest = max(float(((np.abs(c) + reach) ** 2).sum(axis=1).min()) for c in centroids)
    return Grid(np.array([np.sqrt(farthest), farthest, 1.0]), view.customers)


@dataclass(frozen=True)
class Scorer:
    """What the second pass needs of a view's models: their centroids, and the whole of their clusters."""

    stack: Stack
    clusters: Array
    """Rows (−2·mean, mean squared norm) of each cluster's members: times (x, 1) and |x|² more, the mean of |x − y|²."""
    sizes: Array

    @classmethod
    def of(cls, centroids: Sequence[Array], sums: Sequence[Array]) -> Scorer:
        """For models of these centroids, and what `cluster_sums` said of each."""
        stack = Stack.of(centroids, np.float64)
        total = np.concatenate([sums[i] for i in stack.models])
        size = total[:, -2]
        filled = np.where(size > 0, size, 1)[:, None]
        return cls(stack, np.column_stack([-2 * total[:, :-2] / filled, total[:, -1:] / filled]), size)

    def sums(self, x: Floats32, weights: Array | None = None) -> Array:
        """Per centroid the sums over its members of distance, squared distance and silhouette, (K, 3).

        x: (d, n); weights: (n,), times which each customer counts. The silhouette is that of squared Euclidean
        distances; a cluster's only member counts 0. The mean squared distance of x to a cluster is
        |x|² + mean |y|² − 2·x·mean y, so no pair is ever visited.
        Source: Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7; the form is that of MLlib's ClusteringEvaluator.
        """
        found = np.zeros((len(self.sizes), 3))
        rows = with_norms(x.astype(np.float64))
        times = np.ones(x.shape[1]) if weights is None else weights
        for start in range(0, x.shape[1], STRIP):
            strip, counts = rows[:, start : start + STRIP], times[start : start + STRIP]
            for first, models, k in self.stack.groups:
                at, shape = slice(first, first + models * k), (models, k, strip.shape[1])
                squared = (self.stack.matrix[at] @ strip[:-1]).reshape(shape)
                mask = nearest_mask(squared, squared.min(axis=1, keepdims=True))
                squared += strip[-1]
                norms = (self.stack.matrix[at, -1].reshape(models, k, 1)) + strip[-1]
                squared[~mask | (squared < SAME * norms)] = 0
                sizes = self.sizes[at].reshape(models, k, 1)
                means = (self.clusters[at] @ strip[:-1]).reshape(shape) + strip[-1]
                scores = np.sqrt(squared), squared, mask * _silhouettes(means, mask, sizes)
                found[at] += np.stack([(s @ counts).ravel() for s in scores], axis=1)
        return found


def _silhouettes(means: Array, mask: np.ndarray, sizes: Array) -> Array:
    """(m, 1, n): from every customer's mean squared distance to each cluster of each model, (m, k, n)."""
    own_size = (mask * sizes).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (mask * means).sum(axis=1, keepdims=True) * own_size / (own_size - 1)
        b = np.where(mask | (sizes == 0), np.inf, means).min(axis=1, keepdims=True)
        a, b = np.maximum(a, 0), np.maximum(b, 0)
        s = np.where(a < b, 1 - a / b, np.where(a > b, b / a - 1, 0.0))
    return np.where((own_size > 1) & np.isfinite(b), s, 0.0)


def davies_bouldin(scatter: Array, centroids: Array) -> float:
    """Mean over clusters of the worst (S_i + S_j) / d_ij; lower is better, 0 is perfect.

    scatter: (k,) mean distance of members to their centroid, in scaled units; centroids: (k, d).
    Raises SegmentationError for k < 2. Source: Davies & Bouldin (1979), doi:10.1109/TPAMI.1979.4766909.

    >>> davies_bouldin(np.array([1.0, 1.0]), np.array([[0.0], [4.0]]))
    0.5
    """
    k = len(centroids)
    if k < 2:
        raise SegmentationError(f"Davies–Bouldin needs at least 2 clusters; found {k}.")
    distance = np.sqrt(((centroids[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2))
    ratio = (scatter[:, None] + scatter[None, :]) / np.where(distance > 0, distance, np.nan)
    np.fill_diagonal(ratio, -np.inf)
    return float(np.nanmax(np.where(np.isnan(ratio), np.inf, ratio), axis=1).mean())


def calinski_harabasz(within: float, between: float, n: float, k: int) -> float:
    """Between-cluster over within-cluster variance, each per degree of freedom; higher is better.

    within, between: sums of squared distances. Infinite where all members sit on their centroid.
    Source: Caliński & Harabasz (1974), doi:10.1080/03610927408827101.

    >>> calinski_harabasz(within=2.0, between=8.0, n=4, k=2)
    8.0
    """
    return float("inf") if within == 0 else (between / (k - 1)) / (within / (n - k))


def _indices(centroids: Array, sums: Array, scores: Array) -> Indices:
    sizes = sums[:, -2]
    filled = sizes > 0
    n, k = float(sizes.sum()), int(filled.sum())
    counts = tuple(sizes.tolist())
    sse = float(scores[:, _SQUARED].sum())
    if k < 2 or n <= k:
        return Indices(counts, sse, None, None, None)
    means = sums[filled, :-2] / sizes[filled][:, None]
    centre = sums[:, :-2].sum(axis=0) / n
    between = float((sizes[filled] * ((means - centre) ** 2).sum(axis=1)).sum())
    ch = calinski_harabasz(sse, between, n, k)
    db = davies_bouldin(scores[filled, _DISTANCE] / sizes[filled], centroids[filled])
    finite = [v if np.isfinite(v) else None for v in (db, ch)]
    return Indices(counts, sse, float(scores[:, _SILHOUETTE].sum()) / n, finite[0], finite[1])
