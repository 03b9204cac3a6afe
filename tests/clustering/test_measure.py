"""Indices of all candidates in two passes: against MLlib, scikit-learn, every pair, and themselves."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from segmentation.clustering import blocks as module
from segmentation.clustering.indices import Indices, measure
from segmentation.clustering.lloyd import Model
from tests.clustering.data import blobs, frame, packed, setting
from tests.oracles.clustering import labels_of, lloyd, silhouettes

BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


def measured(vectors: DataFrame, customers: int, *candidates: np.ndarray) -> list[Indices]:
    with packed(vectors, customers) as blocks:
        return measure(blocks, [Model(0, len(c), i, c) for i, c in enumerate(candidates)])


def test_silhouette_davies_bouldin_and_calinski_harabasz_are_those_of_mllib_scikit_and_every_pair(
    spark: SparkSession,
) -> None:
    x, _ = blobs(1)
    candidates = [lloyd(x, x[:k]) for k in (2, 3, 5)]
    for centroids, found in zip(candidates, measured(frame(spark, x), len(x), *candidates), strict=True):
        labels = labels_of(x, centroids)
        assert found.sizes == tuple(labels.count(c) for c in range(len(centroids)))
        assert found.sse == pytest.approx(
            sum(((x[i] - centroids[c]) ** 2).sum() for i, c in enumerate(labels)), rel=1e-12
        )
        assert found.silhouette == pytest.approx(np.mean(silhouettes(x, labels)), abs=1e-12)
        assert found.davies_bouldin == pytest.approx(davies_bouldin_score(x, labels), rel=1e-12)
        assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(x, labels), rel=1e-12)
        clusters = [(f"c{i:04d}", c) for i, c in enumerate(labels)]
        known = spark.createDataFrame(clusters, "customer_id string, prediction int")
        predicted = frame(spark, x).join(known, on="customer_id", how="inner")
        assert found.silhouette == pytest.approx(ClusteringEvaluator().evaluate(predicted), abs=1e-12)


def test_the_same_bits_whatever_the_partitions_and_arrow_batches(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = blobs(2, (120, 90, 90))
    vectors = frame(spark, x)
    candidates = [lloyd(x, x[:k]) for k in (2, 3, 4)]
    in_one = measured(vectors, len(x), *candidates)
    monkeypatch.setattr(module, "BLOCK_ROWS", 50)
    found = []
    for rows, batch in (
        (vectors.coalesce(1), "10000"),
        (vectors.repartition(5, "customer_id"), "7"),
        (vectors.orderBy(F.desc("customer_id")), "50"),
    ):
        with setting(spark, BATCH, batch):
            found.append(measured(rows, len(x), *candidates))
    assert found[1] == found[0]
    assert found[2] == found[0]
    for one, several in zip(in_one, found[0], strict=True):
        assert several.sizes == one.sizes
        for name in ("sse", "silhouette", "davies_bouldin", "calinski_harabasz"):
            assert getattr(several, name) == pytest.approx(getattr(one, name), rel=1e-12)


def test_an_empty_cluster_has_size_zero_and_no_say(spark: SparkSession) -> None:
    x, _ = blobs(4)
    two = lloyd(x, x[:2])
    empty = np.vstack([two[:1], [[1e6, 1e6, 1e6]], two[1:]])
    without, with_empty = measured(frame(spark, x), len(x), two, empty)
    assert with_empty.sizes == (without.sizes[0], 0, without.sizes[1])
    assert with_empty.min_share == 0
    for name in ("sse", "silhouette", "davies_bouldin", "calinski_harabasz"):
        assert getattr(with_empty, name) == pytest.approx(getattr(without, name), rel=1e-12)


def test_small_cases_by_hand(spark: SparkSession) -> None:
    """0, 2 and 10: a lone member counts 0; one cluster, and as many clusters as customers, have no indices."""
    x = np.array([[0.0], [2.0], [10.0]])
    two, one, three, spot_on = measured(
        frame(spark, x), 3, np.array([[1.0], [10.0]]), np.array([[4.0]]), x, np.array([[0.0], [9.0]])
    )  # fmt: skip
    assert two.sizes == (2, 1)
    assert two.silhouette == pytest.approx((0.96 + 0.9375 + 0) / 3, abs=1e-12)
    assert two.davies_bouldin == pytest.approx((1 + 0) / 9, abs=1e-15)
    assert two.calinski_harabasz == pytest.approx((2 * 9 + 36) / 2, rel=1e-12)
    assert two.min_share == pytest.approx(1 / 3)
    assert one == Indices((3,), 56.0, None, None, None)
    assert three == Indices((1, 1, 1), 0.0, None, None, None)
    # Candidates' own centroids count for the distances, whether or not they are the members' mean.
    assert spot_on.sse == 4 + 1


def test_clusters_without_any_spread_have_no_calinski_harabasz(spark: SparkSession) -> None:
    x = np.array([[0.0], [0.0], [5.0], [5.0]])
    (found,) = measured(frame(spark, x), 4, np.array([[0.0], [5.0]]))
    assert found == Indices((2, 2), 0.0, 1.0, 0.0, None)


def test_without_candidates_nothing_is_measured(spark: SparkSession) -> None:
    assert measured(frame(spark, [[1.0]]), 1) == []
