"""How clusters join, by hand and beside scipy's Ward linkage of customers."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import linkage

from segmentation.clustering import merges


def test_two_small_clusters_join_before_a_nearer_pair_of_large_ones() -> None:
    """Losses: 100·100/200 · 1 = 50 for the large ones at distance 1; 2·2/4 · 9 = 9 for the small ones at 3."""
    found = merges(np.array([[0.0], [1.0], [20.0], [23.0]]), [100, 100, 2, 2])
    assert [(m.one, m.other) for m in found] == [((2,), (3,)), ((0,), (1,)), ((0, 1), (2, 3))]
    between = 100 * 0.5**2 * 2 + 2 * 1.5**2 * 2 + 200 * 4 / 204 * 21**2
    np.testing.assert_allclose([m.kept for m in found], [1 - 9 / between, 1 - 59 / between, 0.0], rtol=1e-12)


def test_joins_are_those_of_wards_linkage_of_the_customers_themselves() -> None:
    """Where each centroid stands for as many equal customers, joining those costs nothing and the rest is the same."""
    rng = np.random.default_rng(4)
    centroids, sizes = rng.normal(size=(6, 3)), [3, 1, 4, 1, 5, 2]
    customers = np.repeat(centroids, sizes, axis=0)
    heights = linkage(customers, "ward")[-5:, 2]  # the square of a height is twice the loss
    between = (np.array(sizes)[:, None] * (centroids - customers.mean(axis=0)) ** 2).sum()
    kept = 1 - np.cumsum(heights**2 / 2) / between
    np.testing.assert_allclose([m.kept for m in merges(centroids, sizes)], kept, atol=1e-12)


def test_one_cluster_joins_nobody_and_equal_ones_lose_nothing() -> None:
    assert merges(np.array([[1.0, 2.0]]), [9]) == []
    (only,) = merges(np.array([[1.0], [1.0]]), [3, 0])
    assert (only.one, only.other, only.kept) == ((0,), (1,), 0.0)
