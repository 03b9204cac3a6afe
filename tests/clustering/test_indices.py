"""The indices in plain numpy: by hand, and against every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmentation.clustering.assign import nearest
from segmentation.clustering.indices import Scorer, calinski_harabasz, davies_bouldin
from segmentation.clustering.lloyd import Stack, cluster_sums
from segmentation.core.errors import SegmentationError
from tests.oracles.clustering import labels_of, silhouettes


def scores(x: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Per cluster the sums of distance, squared distance and silhouette."""
    columns = np.ascontiguousarray(x.T)
    sums = cluster_sums(columns, Stack.of([centroids], np.float64))
    return Scorer.of([centroids], [sums]).sums(columns)


def silhouette(x: np.ndarray, centroids: np.ndarray) -> float:
    return float(scores(x, centroids)[:, 2].sum())


def test_silhouette_by_hand() -> None:
    """0 and 2 against 10, squared: (100 − 4)/100 and (64 − 4)/64; the 10 is alone and counts 0."""
    x = np.array([[0.0], [2.0], [10.0]])
    assert silhouette(x, np.array([[1.0], [10.0]])) == pytest.approx(0.96 + 0.9375 + 0, abs=1e-12)


def test_silhouette_is_negative_where_another_cluster_is_nearer() -> None:
    """0 and 4 are nearest to 2; 4 lies 16 from its fellow and 4 from the two at 6: 4/16 − 1. 0: 1 − 16/36."""
    x = np.array([[0.0], [4.0], [6.0], [6.0]])
    found = silhouette(x, np.array([[2.0], [6.5]]))
    assert found == pytest.approx((1 - 16 / 36) + (4 / 16 - 1) + 1 + 1, abs=1e-12)


def test_members_alone_in_their_clusters_count_zero_to_the_last_bit() -> None:
    """A mean distance to oneself is a rounding error, and nothing may be made of its sign."""
    x = np.random.default_rng(4).normal(0, 1, (40, 3))
    assert silhouette(x, x) == 0.0


points = arrays(np.float64, st.tuples(st.integers(2, 25), st.just(2)), elements=st.integers(-5, 5).map(float))


@settings(deadline=None, max_examples=150, derandomize=True)
@given(points, arrays(np.float64, st.tuples(st.integers(2, 5), st.just(2)), elements=st.integers(-6, 6).map(float)))
def test_silhouette_is_the_twins_for_any_points(x: np.ndarray, centroids: np.ndarray) -> None:
    labels = labels_of(x, centroids)
    assert nearest(x, centroids)[0].tolist() == labels
    expected = sum(silhouettes(x, labels)) if len(set(labels)) > 1 else 0.0
    assert silhouette(x, centroids) == pytest.approx(expected, abs=1e-8)


def test_the_sums_of_a_cluster_by_hand() -> None:
    """(0,0) and (3,4) are 0 and 5 from (0,0); the second cluster has (10,0) alone, 2 away from its centroid."""
    x = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    centroids = np.array([[0.0, 0.0], [12.0, 0.0], [99.0, 99.0]])
    sums = cluster_sums(np.ascontiguousarray(x.T), Stack.of([centroids], np.float64))
    assert sums.tolist() == [[3, 4, 2, 25], [10, 0, 1, 100], [0, 0, 0, 0]]  # columns, members, squared norms
    assert scores(x, centroids)[:, :2].tolist() == [[5, 25], [2, 4], [0, 0]]


def test_several_models_are_scored_as_each_is_alone() -> None:
    x = np.random.default_rng(5).normal(0, 1, (3000, 4))
    centroids = [x[i : i + k] for i, k in enumerate([2, 7, 2, 60, 7])]
    columns = np.ascontiguousarray(x.T)
    stack = Stack.of(centroids, np.float64)
    sums = stack.split(cluster_sums(columns, stack))
    found = stack.split(Scorer.of(centroids, sums).sums(columns))
    for c, of in zip(centroids, found, strict=True):
        np.testing.assert_allclose(of, scores(x, c), rtol=1e-9, atol=1e-9)


def test_a_tie_belongs_to_the_lower_number() -> None:
    own, squared = nearest(np.array([[0.0]]), np.array([[1.0], [-1.0]]))
    assert (own.tolist(), squared.tolist()) == ([0], [[1.0, 1.0]])


def test_davies_bouldin_by_hand() -> None:
    """Scatter 1, 2, 3 at 0, 10, 30: (1+2)/10 = .3, (1+3)/30 = .13, (2+3)/20 = .25; the worst are .3, .3, .25."""
    found = davies_bouldin(np.array([1.0, 2.0, 3.0]), np.array([[0.0], [10.0], [30.0]]))
    assert found == pytest.approx((0.3 + 0.3 + 0.25) / 3, abs=1e-15)


def test_davies_bouldin_of_centroids_in_one_place_is_infinite() -> None:
    assert davies_bouldin(np.array([0.0, 0.0]), np.array([[1.0], [1.0]])) == float("inf")


def test_davies_bouldin_of_one_cluster_is_refused() -> None:
    with pytest.raises(SegmentationError, match="needs at least 2 clusters; found 1"):
        davies_bouldin(np.array([1.0]), np.array([[0.0]]))


def test_calinski_harabasz_by_hand() -> None:
    """(30/(3−1)) / (10/(8−3))."""
    assert calinski_harabasz(within=10.0, between=30.0, n=8, k=3) == 7.5
    assert calinski_harabasz(within=0.0, between=30.0, n=8, k=3) == float("inf")
