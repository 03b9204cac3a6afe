"""Every customer's nearest centroid, how clearly it is the nearest, and what decided it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.clustering.views import Array

Ints = npt.NDArray[np.intp]
TOP = 3


@dataclass(frozen=True)
class Assigned:
    """One entry a row of x (n, d)."""

    cluster: Ints
    distance: Array
    margin: Array | None
    """Distance to the next centroid minus distance; None with one centroid."""
    score: Array
    """0..100: the margin's share of the distance to the next centroid; 100 with one centroid."""
    top: Ints
    """(n, up to TOP) columns of x, strongest first: of them so many as …"""
    pulling: Ints
    """(n,) … pull the row to its centroid and away from the next."""


def assign(x: Array, centroids: Array) -> Assigned:
    """Rows x (n, d) to centroids (k, d). Ties go to the lower cluster. A row's result depends on that row alone."""
    own, squared = nearest(x, centroids)
    rows = np.arange(len(x))
    distance = np.sqrt(squared[rows, own])
    if len(centroids) == 1:
        return Assigned(own, distance, None, np.full(len(x), 100.0), *_strongest(np.abs(x)))
    others = squared.copy()
    others[rows, own] = np.inf
    second = others.argmin(axis=1)
    next_distance = np.sqrt(squared[rows, second])
    margin = next_distance - distance
    with np.errstate(invalid="ignore"):
        score = np.where(next_distance > 0, 100 * margin / next_distance, 0.0)
    return Assigned(own, distance, margin, score, *_strongest(explain(x, centroids[own], centroids[second])))


def nearest(x: Array, centroids: Array) -> tuple[Ints, Array]:
    """Each row's nearest centroid and all squared distances (n, k).

    No matrix product: a row's result must not depend on its neighbours.
    """
    squared = np.stack([((x - c) ** 2).sum(axis=1) for c in centroids], axis=1)
    return squared.argmin(axis=1), squared


def explain(x: Array, own: Array, other: Array) -> Array:
    """How much each slot pulls a row to its own centroid and away from the other: (x−other)² − (x−own)², (n, d).

    The row's sum is the difference of the two squared distances.
    """
    return (x - other) ** 2 - (x - own) ** 2


def _strongest(pull: Array) -> tuple[Ints, Ints]:
    order = np.argsort(-pull, axis=1, kind="stable")[:, :TOP]
    return order, (np.take_along_axis(pull, order, axis=1) > 0).sum(axis=1)
