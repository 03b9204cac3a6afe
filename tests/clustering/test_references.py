"""Resamples and noises: what they draw, that it is the same anywhere, and what weights do to every statistic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import blocks as module
from segmentation.clustering import references
from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.evidence import separation
from segmentation.clustering.indices import measure
from segmentation.clustering.lloyd import Model, Stack, all_sums, cluster_sums
from segmentation.clustering.references import NOISES, RESAMPLES, referenced
from segmentation.clustering.seeding import Pool, draw_pools
from segmentation.clustering.views import Block, View
from tests.clustering.data import frame

N = 3000
MIX = np.array([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [0.0, 0.0, 2.0]])


def seen(spark: SparkSession, x: Any, partitions: int = 2) -> tuple[Blocks, list[references.Reference]]:
    d = x.shape[1]
    rows = frame(spark, x).repartition(partitions)
    views = [View("some", tuple(range(d)), 0), View("all", tuple(range(d)), None, (0.5,) * d)]
    blocks = pack(rows, [F.col(f"x{i}") for i in range(d)], [F.col("x0") > 0], views, len(x))
    return referenced(blocks, 7)


def of_view(blocks: Blocks, v: int) -> tuple[Any, Any]:
    """(d, n) and (n,) of a view, in the order of blocks."""
    view = blocks.views[v]
    found = blocks.each(lambda some: iter([(b.number, view.of(b), view.weights(b)) for b in some if view.within(b)]))
    found.sort(key=lambda part: part[0])
    x = np.concatenate([part[1] for part in found], axis=1)
    weights = [part[2] for part in found]
    return x, None if weights[0] is None else np.concatenate(weights)


def test_noise_has_the_covariance_of_the_customers_and_resamples_their_vectors(spark: SparkSession) -> None:
    x = np.random.default_rng(1).normal(size=(N, 3)) @ MIX.T
    blocks, found = seen(spark, x)
    for reference, expected in zip(found, (x[x[:, 0] > 0], x / 2), strict=True):
        covariance = np.cov(expected.T, bias=True)
        np.testing.assert_allclose(reference.deviations, np.sqrt(np.diag(covariance)), rtol=1e-5)
        assert (len(reference.resamples), len(reference.noises)) == (RESAMPLES, NOISES)
        drawn = [of_view(blocks, v)[0] for v in reference.noises]
        assert {d.shape for d in drawn} == {(3, len(expected))}
        np.testing.assert_allclose(np.cov(np.concatenate(drawn, axis=1)), covariance, rtol=0.06, atol=0.03)
        assert len({d.tobytes() for d in drawn}) == NOISES
        sample, weights = of_view(blocks, reference.sample)
        assert weights is None
        times = []
        for v in reference.resamples:
            same, weights = of_view(blocks, v)
            assert np.array_equal(same, sample)
            assert blocks.views[v].customers == weights.sum()
            times.append(weights)
        # Poisson of mean 1: 37 % are out, 26 % come twice or more; each resample is another one.
        assert np.mean(np.concatenate(times) == 0) == pytest.approx(np.exp(-1), abs=0.02)
        assert np.mean(np.concatenate(times) > 1) == pytest.approx(1 - 2 * np.exp(-1), abs=0.02)
        assert abs(np.corrcoef(times[0], times[1])[0, 1]) < 0.1


def test_references_are_the_same_to_the_bit_whatever_the_partitions(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 300)
    x = np.random.default_rng(2).normal(size=(N, 2))
    (one, found), (other, again) = (seen(spark, x, partitions) for partitions in (1, 5))
    assert one.views == other.views
    for reference, same in zip(found, again, strict=True):
        for v in (reference.resamples[3], reference.noises[2]):
            for a, b in zip(of_view(one, v), of_view(other, v), strict=True):
                assert (a is None and b is None) or a.tobytes() == b.tobytes()
        assert reference.deviations.tobytes() == same.deviations.tobytes()


def test_of_many_customers_a_sample_of_whole_blocks_is_enough(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 100)
    monkeypatch.setattr(references, "CUSTOMERS", 600)
    x = np.random.default_rng(3).normal(size=(N, 2))
    blocks, found = seen(spark, x)
    assert blocks.count == 32
    for reference, count in zip(found, (np.count_nonzero(x[:, 0] > 0), N), strict=True):
        sample = blocks.views[reference.sample]
        assert sample.blocks == math.ceil(32 * 600 / count)  # of the half that takes part in a view, twice as many
        assert sample.customers == pytest.approx(600, rel=0.2)
        assert of_view(blocks, reference.noises[0])[0].shape == (2, sample.customers)


def test_columns_that_say_the_same_or_nothing_have_noise_that_does_so_too(spark: SparkSession) -> None:
    x = np.random.default_rng(4).normal(size=(500, 1))
    blocks, found = seen(spark, np.hstack([x, 2 * x, np.zeros_like(x)]))
    noise, _ = of_view(blocks, found[1].noises[0])
    np.testing.assert_allclose(noise[1], 2 * noise[0], atol=1e-5)
    np.testing.assert_allclose(noise[2], 0, atol=1e-6)
    assert found[1].deviations[2] == 0


def test_a_view_without_customers_has_references_without_customers(spark: SparkSession) -> None:
    blocks, found = seen(spark, np.full((20, 2), -1.0))
    assert [blocks.views[v].customers for v in (found[0].sample, *found[0].resamples, *found[0].noises)] == [0] * 16


def test_a_customer_of_weight_three_counts_as_three_everywhere(spark: SparkSession) -> None:
    """The twin: rows written down as often as they weigh."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 2)).astype(np.float32).astype(float)
    times = rng.integers(0, 4, 400).astype(float)
    repeated = np.repeat(x, times.astype(int), axis=0)
    stack = Stack.of([x[:3], x[3:7]], np.float64)
    np.testing.assert_allclose(cluster_sums(x.T, stack, times), cluster_sums(repeated.T, stack), rtol=1e-12)
    view = View("all", (0, 1))

    def weighted(points: Any, weights: Any) -> Blocks:
        rdd = spark.sparkContext.parallelize(
            [Block(0, points.T.astype(np.float32), np.empty((0, len(points)), dtype=bool), weights)], 1
        )
        return Blocks(rdd, 1, 1, ()).seen_as([view])

    one, other = weighted(x, times), weighted(repeated, None)
    assert one.views[0].customers == other.views[0].customers == len(repeated)
    models = [Model(0, 3, 1, x[:3]), Model(0, 4, 1, x[3:7])]
    for a, b in zip(all_sums(one, models), all_sums(other, models), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    for a, b in zip(measure(one, models), measure(other, models), strict=True):
        assert a.sizes == b.sizes
        for name in ("sse", "silhouette", "davies_bouldin", "calinski_harabasz"):
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-10)
    pools = [draw_pools(blocks, {0: 4}, 7)[0] for blocks in (one, other)]
    assert [p.weights.sum() for p in pools] == [len(repeated)] * 2
    out = {tuple(p) for p in x[times == 0].tolist()}
    assert not out & {tuple(p) for p in pools[0].points.tolist()}


def test_a_resampled_pool_is_the_pool_with_other_weights() -> None:
    pool = Pool(np.arange(200.0).reshape(100, 2), np.full(100, 40.0))
    again = pool.again(0.05, np.random.default_rng(1))
    assert again.weights.sum() == pytest.approx(200, abs=45)
    assert 70 < again.distinct < 95  # e^−2 of a hundred points were not drawn
    assert {tuple(p) for p in again.points.tolist()} < {tuple(p) for p in pool.points.tolist()}


def test_separation_counts_columns_of_the_closest_pair_of_neighbours() -> None:
    centroids = np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 0.49], [9.0, 9.0, 9.0]])
    assert separation(centroids, np.ones(3)) == 2
    assert separation(centroids, np.array([1.0, 1.1, 0.9])) == 2
    assert separation(centroids, np.array([2.1, 1.1, 1.0])) == 0
    assert separation(np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([0.0, 1.0])) == 1  # a constant tells nobody apart
