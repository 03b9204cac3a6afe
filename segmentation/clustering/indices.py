"""Quality of a clustering, from sums that merge: all candidates in two passes over the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from segmentation.clustering.shards import Array, per_shard
from segmentation.core.errors import SegmentationError


@dataclass(frozen=True)
class Indices:
    """Figures of one candidate. The three indices are None for fewer than two non-empty clusters."""

    sizes: tuple[int, ...]
    sse: float
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None

    @property
    def min_share(self) -> float:
        """Share of the smallest cluster, 0..1."""
        return min(self.sizes) / sum(self.sizes)


def measure(sharded: DataFrame, candidates: Sequence[Array]) -> list[Indices]:
    """Indices of every candidate; `candidates` are centroids of shape (k, d).

    Two Spark jobs whatever the number of candidates. Customers belong to their nearest centroid, ties to the
    lower number. A task holds one shard and one candidate's distances: 4,096 × (d + k) doubles.
    """
    if not candidates:
        return []

    def first(x: Array) -> list[Array]:
        return [part for centroids in candidates for part in cluster_sums(x, centroids)]

    sums = _merge(per_shard(sharded, first), 5)

    def second(x: Array) -> list[Array]:
        return [
            np.array([silhouette_sum(x, nearest(x, c)[0], s[0], s[1], s[2])])
            for c, s in zip(candidates, sums, strict=True)
        ]

    totals = _merge(per_shard(sharded, second), 1)
    return [_indices(c, s, float(t[0][0])) for c, s, t in zip(candidates, sums, totals, strict=True)]


def _merge(shards: list[list[Array]], parts: int) -> list[list[Array]]:
    total = [p.copy() for p in shards[0]]
    for shard in shards[1:]:
        for t, p in zip(total, shard, strict=True):
            t += p
    return [total[i : i + parts] for i in range(0, len(total), parts)]


def nearest(x: Array, centroids: Array) -> tuple[np.ndarray, Array]:
    """Each row's nearest centroid and all squared distances (n, k).

    No matrix product: a row's result must not depend on its neighbours.
    """
    squared = np.stack([((x - c) ** 2).sum(axis=1) for c in centroids], axis=1)
    return squared.argmin(axis=1), squared


def cluster_sums(x: Array, centroids: Array) -> list[Array]:
    """Per cluster: members (k,), their sum (k, d), and the sums of squared norms, distances and their squares."""
    own, squared = nearest(x, centroids)
    member = (own[:, None] == np.arange(len(centroids))).astype(np.float64)
    distance = squared[np.arange(len(x)), own]
    return [
        member.sum(axis=0), member.T @ x, member.T @ (x**2).sum(axis=1), member.T @ np.sqrt(distance),
        member.T @ distance,
    ]  # fmt: skip


def silhouette_sum(x: Array, own: np.ndarray, sizes: Array, sums: Array, norms: Array) -> float:
    """Sum over rows of the silhouette with squared Euclidean distances; a cluster's only member counts 0.

    The mean squared distance of x to a cluster is |x|² + norms/n − 2·x·sums/n, so no pair is ever visited.
    Source: Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7; the form is that of MLlib's ClusteringEvaluator.
    """
    filled = sizes > 0
    if filled.sum() < 2:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (x**2).sum(axis=1)[:, None] + (norms / sizes)[None, :] - 2 * x @ (sums / sizes[:, None]).T
    mean[:, ~filled] = np.inf
    rows = np.arange(len(x))
    n_own = sizes[own]
    with np.errstate(divide="ignore", invalid="ignore"):
        a = mean[rows, own] * n_own / (n_own - 1)
    mean[rows, own] = np.inf
    b = mean.min(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.where(a < b, 1 - a / b, np.where(a > b, b / a - 1, 0.0))
    return float(np.where(n_own > 1, s, 0.0).sum())


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


def calinski_harabasz(within: float, between: float, n: int, k: int) -> float:
    """Between-cluster over within-cluster variance, each per degree of freedom; higher is better.

    within, between: sums of squared distances. Infinite where all members sit on their centroid.
    Source: Caliński & Harabasz (1974), doi:10.1080/03610927408827101.

    >>> calinski_harabasz(within=2.0, between=8.0, n=4, k=2)
    8.0
    """
    return float("inf") if within == 0 else (between / (k - 1)) / (within / (n - k))


def _indices(centroids: Array, sums: list[Array], silhouette_total: float) -> Indices:
    sizes, totals, _, distances, squared = sums
    filled = sizes > 0
    n, k = int(sizes.sum()), int(filled.sum())
    counts = tuple(int(s) for s in sizes)
    sse = float(squared.sum())
    if k < 2 or n <= k:
        return Indices(counts, sse, None, None, None)
    means = totals[filled] / sizes[filled][:, None]
    centre = totals.sum(axis=0) / n
    between = float((sizes[filled] * ((means - centre) ** 2).sum(axis=1)).sum())
    ch = calinski_harabasz(sse, between, n, k)
    db = davies_bouldin(distances[filled] / sizes[filled], centroids[filled])
    finite = [v if np.isfinite(v) else None for v in (db, ch)]
    return Indices(counts, sse, silhouette_total / n, finite[0], finite[1])
