"""Who is nearest to what, how clearly, and what decided it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.sql import SparkSession

from segmentation.clustering import assign_nearest
from segmentation.clustering.assign import explain
from tests.clustering.data import blobs, frame, setting
from tests.clustering.test_measure import BATCH


def assigned(spark: SparkSession, x: Any, centroids: Any, names: list[str]) -> list[Any]:
    return assign_nearest(frame(spark, x), np.array(centroids, dtype=float), names).orderBy("customer_id").collect()


def test_distance_margin_score_and_features_by_hand(spark: SparkSession) -> None:
    """Centroids (0, 0) and (10, 0); (3, 4) lies 5 from the first and √65 from the second.

    It is pulled to the first by (3−10)² − 3² = 40 along `a`, and by (4−0)² − 4² = 0 along `b`.
    """
    near, on_it, other = assigned(spark, [[3.0, 4.0], [0.0, 0.0], [9.0, 0.0]], [[0, 0], [10, 0]], ["a", "b"])
    assert near["customer_id"] == "c0000"
    assert (near["cluster_id"], near["distance"]) == (0, 5.0)
    assert near["margin"] == pytest.approx(65**0.5 - 5, abs=1e-12)
    assert near["score"] == pytest.approx(100 * (65**0.5 - 5) / 65**0.5, abs=1e-12)
    assert near["top_features"] == [("a", 3.0), ("b", 4.0)]
    assert (on_it["cluster_id"], on_it["distance"], on_it["margin"], on_it["score"]) == (0, 0.0, 10.0, 100.0)
    assert (other["cluster_id"], other["distance"], other["margin"]) == (1, 1.0, 8.0)
    assert other["score"] == pytest.approx(100 * 8 / 9, abs=1e-12)


def test_the_strongest_pull_comes_first_and_three_are_named(spark: SparkSession) -> None:
    """At (1, 1, 1, 1) between 0 and (2, −4, 3, 2): pulls (1−2)²−1 = 0, 24, 3 and 0."""
    (row,) = assigned(spark, [[1.0, 1.0, 1.0, 1.0]], [[0, 0, 0, 0], [2, -4, 3, 2]], ["a", "b", "c", "d"])
    assert row["cluster_id"] == 0
    assert row["top_features"] == [("b", 1.0), ("c", 1.0), ("a", 1.0)]


def test_the_features_compare_with_the_next_cluster_not_with_a_far_one(spark: SparkSession) -> None:
    """(0, 0): own centroid (1, 0), next (0, 3), far (−50, 0). Against the next it is `b` that decides."""
    (row,) = assigned(spark, [[0.0, 0.0]], [[-50, 0], [1, 0], [0, 3]], ["a", "b"])
    assert (row["cluster_id"], row["distance"], row["margin"]) == (1, 1.0, 2.0)
    assert row["top_features"][0] == ("b", 0.0)


def test_a_tie_goes_to_the_lower_cluster_with_score_zero(spark: SparkSession) -> None:
    tie, twins = (
        assigned(spark, [[0.0]], centroids, ["a"])[0] for centroids in ([[9.0], [1.0], [-1.0]], [[9.0], [0.0], [0.0]])
    )
    assert (tie["cluster_id"], tie["distance"], tie["margin"], tie["score"]) == (1, 1.0, 0.0, 0.0)
    # Both centroids on the spot: nothing to divide by, and nothing is clear.
    assert (twins["cluster_id"], twins["distance"], twins["margin"], twins["score"]) == (1, 0.0, 0.0, 0.0)


def test_with_one_centroid_there_is_no_margin_and_no_doubt(spark: SparkSession) -> None:
    (row,) = assigned(spark, [[3.0, -4.0]], [[0.0, 0.0]], ["a", "b"])
    assert (row["cluster_id"], row["distance"], row["margin"], row["score"]) == (0, 5.0, None, 100.0)
    assert row["top_features"] == [("b", -4.0), ("a", 3.0)]


def test_the_pulls_add_up_to_the_difference_of_the_squared_distances() -> None:
    x, own, other = np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]), np.array([[4.0, -2.0]])
    assert explain(x, own, other).tolist() == [[9 - 1, 16 - 1]]
    assert explain(x, own, other).sum() == (3**2 + 4**2) - (1**2 + 1**2)


def test_it_says_what_mllibs_model_predicts(spark: SparkSession) -> None:
    x, _ = blobs(5)
    model = KMeans(k=4, seed=1).fit(frame(spark, x))
    predicted = {r["customer_id"]: r["prediction"] for r in model.transform(frame(spark, x)).collect()}
    found = {r["customer_id"]: r["cluster_id"] for r in assigned(spark, x, model.clusterCenters(), ["a", "b", "c"])}
    assert len(set(found.values())) == 4
    assert found == predicted


def test_a_row_alone_gets_what_it_gets_among_others(spark: SparkSession) -> None:
    x, _ = blobs(6)
    with setting(spark, BATCH, "1"):
        alone = assigned(spark, x, x[:3], ["a", "b", "c"])
    assert assigned(spark, x, x[:3], ["a", "b", "c"]) == alone
