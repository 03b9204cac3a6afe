"""Silhouette by visiting every pair, and Lloyd's algorithm in a loop: twins of `segmentation.clustering`."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def labels_of(x: Array, centroids: Array) -> list[int]:
    """The number of the nearest centroid; of two equally near the first."""
    return [min(range(len(centroids)), key=lambda c: float(((row - centroids[c]) ** 2).sum())) for row in x]


def silhouettes(x: Array, labels: list[int]) -> list[float]:
    """Per row (b − a)/max(a, b): a to the others of its cluster, b to the next cluster, squared Euclidean; alone 0."""
    found = []
    for i, own in enumerate(labels):
        to: dict[int, list[float]] = {}
        for j, other in enumerate(labels):
            if j != i:
                to.setdefault(other, []).append(float(((x[i] - x[j]) ** 2).sum()))
        if own not in to or len(to) < 2:
            found.append(0.0)
            continue
        means = {c: sum(d) / len(d) for c, d in to.items()}
        a, b = means.pop(own), min(means.values())
        found.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return found


def lloyd(x: Array, start: Array) -> Array:
    """Centroids that are the means of the rows nearest to them; a cluster that empties keeps its centroid."""
    centroids = np.array(start, dtype=float)
    for _ in range(200):
        labels = np.array(labels_of(x, centroids))
        moved = [x[labels == c].mean(axis=0) if (labels == c).any() else centroids[c] for c in range(len(centroids))]
        if np.array_equal(moved, centroids):
            return centroids
        centroids = np.array(moved)
    raise AssertionError("Lloyd's algorithm did not stand still in 200 rounds")
