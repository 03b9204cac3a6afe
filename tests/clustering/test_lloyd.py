"""The stacked kernel against its slow twin, the loop against Lloyd by hand and MLlib; the same bits always."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame, SparkSession

from segmentation.clustering import blocks as module
from segmentation.clustering import lloyd
from segmentation.clustering.lloyd import Model, Stack, all_sums, cluster_sums, fit
from tests.clustering.data import blobs, frame, packed, setting
from tests.oracles.clustering import labels_of
from tests.oracles.clustering import lloyd as slow_lloyd

GRID = st.integers(-3, 3).map(float)  # so coarse that ties and equal points are common


def slow_sums(x: Any, centroids: Any) -> Any:
    """Per centroid the sums over its members, one by one."""
    sums = np.zeros((len(centroids), x.shape[1] + 2))
    for row, own in zip(x, labels_of(x, centroids), strict=True):
        sums[own] += [*row, 1, (row**2).sum()]
    return sums


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    x=arrays(float, st.tuples(st.integers(1, 40), st.just(2)), elements=GRID),
    centroids=st.lists(arrays(float, st.tuples(st.integers(1, 5), st.just(2)), elements=GRID), min_size=1, max_size=7),
    group=st.integers(1, 12),
)
def test_the_stack_adds_up_what_each_model_does_by_itself(dtype: Any, x: Any, centroids: list[Any], group: int) -> None:
    stack = Stack.of(centroids, dtype, group)
    found = stack.split(cluster_sums(np.ascontiguousarray(x.T.astype(dtype)), stack))
    for sums, c in zip(found, centroids, strict=True):
        np.testing.assert_array_equal(sums, slow_sums(x, c))


def test_more_customers_than_a_strip_and_more_centroids_than_a_group() -> None:
    x = np.random.default_rng(1).normal(size=(2 * lloyd.STRIP + 77, 3)).astype(np.float32)
    centroids = [x[i : i + k].astype(float) for i, k in enumerate([2, 40, 3, 40, 40, 2, 120])]
    stack = Stack.of(centroids)
    assert sorted(stack.groups) == [(0, 2, 2), (4, 1, 3), (7, 2, 40), (87, 1, 40), (127, 1, 120)]
    found = stack.split(cluster_sums(np.ascontiguousarray(x.T), stack))
    for sums, c in zip(found, centroids, strict=True):
        expected = slow_sums(x.astype(float), c)
        assert sums[:, 3].sum() == len(x)
        # A customer half-way between two may go either way in float32; none does here.
        np.testing.assert_array_equal(sums[:, 3], expected[:, 3])
        np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-4)


def test_every_model_comes_to_rest_where_lloyd_by_hand_does(spark: SparkSession) -> None:
    x, _ = blobs(11, (60, 50, 40))
    begun = [Model(0, k, seed, x[seed : seed + k]) for k in (2, 3, 5) for seed in (0, 20)]
    with packed(frame(spark, x), len(x)) as blocks:
        found = fit(blocks, begun, 50)
    for model, start in zip(found, begun, strict=True):
        assert model.at_rest
        assert (model.k, model.seed) == (start.k, start.seed)
        # At rest means that nothing moved by more than 1e-3; the twin goes on until nothing moves at all.
        np.testing.assert_allclose(model.centroids, slow_lloyd(x, start.centroids), atol=2e-3)


def sse(x: Any, centroids: Any) -> float:
    return float(((x[:, None, :] - centroids[None]) ** 2).sum(axis=2).min(axis=1).sum())


@pytest.mark.parametrize("iterations", [1, 4, pytest.param(30, marks=pytest.mark.long)])
def test_from_the_same_start_mllib_ends_with_the_same_sse(spark: SparkSession, iterations: int) -> None:
    x = np.random.default_rng(12).normal(size=(3000, 6))
    rows = spark.sparkContext.parallelize(x.tolist(), 3).cache()
    with packed(frame(spark, x), len(x)) as blocks:
        found = fit(blocks, [Model(0, k, 0, x[:k]) for k in (2, 5, 9)], iterations)
    for model in found:
        start = KMeansModel(x[: model.k].tolist())
        theirs = KMeans.train(rows, model.k, maxIterations=iterations, initialModel=start, epsilon=lloyd.TOLERANCE)
        assert sse(x, model.centroids) == pytest.approx(sse(x, np.array(theirs.clusterCenters)), rel=1e-6)
    rows.unpersist()


def test_a_cluster_that_empties_keeps_its_centroid(spark: SparkSession) -> None:
    x = np.array([[0.0], [1.0], [10.0]])
    with packed(frame(spark, x), 3) as blocks:
        (model,) = fit(blocks, [Model(0, 3, 0, np.array([[0.5], [9.0], [99.0]]))], 10)
    assert model.centroids.tolist() == [[0.5], [10.0], [99.0]]


def test_a_model_at_rest_drops_out_and_one_that_moves_ends_at_the_limit(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.arange(40.0).reshape(40, 1)
    asked: list[list[int]] = []

    def counted(blocks: Any, models: Any, *rest: Any) -> Any:
        asked.append([m.seed for m in models])
        return all_sums(blocks, models, *rest)

    monkeypatch.setattr(lloyd, "all_sums", counted)
    still, slow = np.array([[19.5]]), np.array([[0.0], [1.0]])
    with packed(frame(spark, x), 40) as blocks:
        found = fit(blocks, [Model(0, 1, 1, still), Model(0, 2, 2, slow)], 3)
    assert asked == [[1, 2], [2], [2]]
    assert [(m.at_rest, m.iterations) for m in found] == [(True, 1), (False, 3)]


def test_a_model_with_a_least_gain_ends_after_the_first_iteration_that_gains_less(spark: SparkSession) -> None:
    x = np.random.default_rng(4).normal(size=(2000, 3)).astype(np.float32)
    gain = 0.002
    begun = [Model(0, 5, 0, x[:5].astype(float)), Model(0, 5, 0, x[:5].astype(float), least_gain=gain)]
    with packed(frame(spark, x), len(x)) as blocks:
        free, patient = fit(blocks, begun, 50)
        path = [sse(x, fit(blocks, begun[:1], i)[0].centroids) for i in range(patient.iterations)]
    gains = [1 - after / before for before, after in pairwise(path)]
    assert patient.at_rest
    assert patient.iterations < free.iterations
    assert all(g >= gain for g in gains[:-1])
    assert gains[-1] < gain
    assert patient.sse == pytest.approx(path[-1], rel=1e-5)


def test_the_same_bits_whatever_the_partitions_and_arrow_batches(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 50)
    x = np.random.default_rng(13).normal(size=(700, 4))

    def centroids(vectors: DataFrame, batch: str) -> list[Any]:
        with setting(spark, "spark.sql.execution.arrow.maxRecordsPerBatch", batch), packed(vectors, 700) as blocks:
            return [m.centroids.tobytes() for m in fit(blocks, [Model(0, k, 0, x[:k]) for k in (2, 3, 7)], 12)]

    vectors = frame(spark, x)
    one = centroids(vectors.coalesce(1), "10000")
    monkeypatch.setattr(module, "_cores", lambda session: 5)
    assert centroids(vectors.repartition(6, "customer_id"), "33") == one


def test_members_that_weigh_less_than_one_together_still_have_their_mean() -> None:
    centroids = np.array([[11.0], [100.0]])
    stack = Stack.of([centroids], np.float64)
    [sums] = stack.split(cluster_sums(np.array([[10.0, 13.0, 100.0]]), stack, np.array([0.2, 0.1, 0.2])))
    np.testing.assert_allclose(lloyd._moved(Model(0, 2, 1, centroids), sums).centroids, [[11.0], [100.0]])
