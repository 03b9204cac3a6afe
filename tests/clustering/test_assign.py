"""Who is nearest to what, how clearly, and what decided it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.sql import SparkSession

from segmentation.clustering.assign import Assigned, assign, explain
from tests.clustering.data import blobs, frame


def assigned(x: Any, centroids: Any) -> Assigned:
    return assign(np.array(x, dtype=float), np.array(centroids, dtype=float))


def named(a: Assigned) -> list[list[int]]:
    """Of each row the columns that pull it to its centroid."""
    return [row[:count].tolist() for row, count in zip(a.top, a.pulling, strict=True)]


def test_distance_margin_score_and_features_by_hand() -> None:
    """Centroids (0, 0) and (10, 0); (3, 4) lies 5 from the first and √65 from the second.

    It is pulled to the first by (3−10)² − 3² = 40 along the first column, and by (4−0)² − 4² = 0 along the other.
    """
    a = assigned([[3.0, 4.0], [0.0, 0.0], [9.0, 0.0]], [[0, 0], [10, 0]])
    assert a.margin is not None
    assert a.cluster.tolist() == [0, 0, 1]
    assert a.distance.tolist() == [5.0, 0.0, 1.0]
    assert a.margin.tolist() == [pytest.approx(65**0.5 - 5, abs=1e-12), 10.0, 8.0]
    assert a.score.tolist() == [
        pytest.approx(100 * (65**0.5 - 5) / 65**0.5, abs=1e-12), 100.0, pytest.approx(100 * 8 / 9, abs=1e-12)
    ]  # fmt: skip
    assert named(a) == [[0], [0], [0]]


def test_the_strongest_pull_comes_first_and_three_are_named() -> None:
    """At (1, 1, 1, 1, 1) between 0 and (2, −4, 3, −1, −2): pulls (1−2)²−1 = 0, 24, 3, 3 and 8."""
    a = assigned([[1.0] * 5], [[0] * 5, [2, -4, 3, -1, -2]])
    assert (a.cluster.tolist(), named(a)) == ([0], [[1, 4, 2]])


def test_what_pulls_to_the_next_segment_is_not_named() -> None:
    """(1, 1) between (0, 0) and (10, 1): the second column pulls away, by 0 − 1."""
    assert named(assigned([[1.0, 1.0]], [[0, 0], [10, 1]])) == [[0]]
    assert named(assigned([[0.0, 0.0]], [[0, 0], [0, 0]])) == [[]]


def test_the_features_compare_with_the_next_cluster_not_with_a_far_one() -> None:
    """(0, 0): own centroid (1, 0), next (0, 3), far (−50, 0). Against the next it is the second column that decides."""
    a = assigned([[0.0, 0.0]], [[-50, 0], [1, 0], [0, 3]])
    assert a.margin is not None
    assert (a.cluster[0], a.distance[0], a.margin[0], named(a)) == (1, 1.0, 2.0, [[1]])


def test_a_tie_goes_to_the_lower_cluster_with_score_zero() -> None:
    tie, twins = (assigned([[0.0]], centroids) for centroids in ([[9.0], [1.0], [-1.0]], [[9.0], [0.0], [0.0]]))
    assert tie.margin is not None
    assert twins.margin is not None
    assert (tie.cluster[0], tie.distance[0], tie.margin[0], tie.score[0]) == (1, 1.0, 0.0, 0.0)
    # Both centroids on the spot: nothing to divide by, and nothing is clear.
    assert (twins.cluster[0], twins.distance[0], twins.margin[0], twins.score[0]) == (1, 0.0, 0.0, 0.0)


def test_with_one_centroid_there_is_no_margin_and_no_doubt() -> None:
    a = assigned([[3.0, -4.0]], [[0.0, 0.0]])
    assert (a.cluster.tolist(), a.distance.tolist(), a.margin, a.score.tolist()) == ([0], [5.0], None, [100.0])
    assert named(a) == [[1, 0]]


def test_the_pulls_add_up_to_the_difference_of_the_squared_distances() -> None:
    x, own, other = np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]), np.array([[4.0, -2.0]])
    assert explain(x, own, other).tolist() == [[9 - 1, 16 - 1]]
    assert explain(x, own, other).sum() == (3**2 + 4**2) - (1**2 + 1**2)


def test_it_says_what_mllibs_model_predicts(spark: SparkSession) -> None:
    x, _ = blobs(5)
    model = KMeans(k=4, seed=1).fit(frame(spark, x))
    predicted = {r["customer_id"]: r["prediction"] for r in model.transform(frame(spark, x)).collect()}
    found = assigned(x, model.clusterCenters()).cluster
    assert len(set(found.tolist())) == 4
    assert [predicted[c] for c in sorted(predicted)] == found.tolist()


def test_a_row_alone_gets_what_it_gets_among_others() -> None:
    x, _ = blobs(6)
    together = assigned(x, x[:3])
    for i, row in enumerate(x):
        alone = assigned([row], x[:3])
        assert alone.margin is not None
        assert together.margin is not None
        assert (alone.cluster[0], alone.distance[0], alone.margin[0], alone.score[0], named(alone)[0]) == (
            together.cluster[i], together.distance[i], together.margin[i], together.score[i], named(together)[i]
        )  # fmt: skip
