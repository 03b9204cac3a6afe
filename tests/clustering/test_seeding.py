"""Where models start: the pool misses no far group, holds every point where there are few, and depends on ids alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import blocks as module
from segmentation.clustering.blocks import pack
from segmentation.clustering.seeding import Pool, _draw, best_starts, draw_pools, plus_plus, settle, starts
from segmentation.clustering.views import View
from tests.clustering.data import frame, packed
from tests.oracles.clustering import labels_of


def pool_of(vectors: DataFrame, customers: int, k_max: int, seed: int = 7) -> Pool:
    with packed(vectors, customers) as blocks:
        return draw_pools(blocks, {0: k_max}, seed)[0]


def test_a_pool_stands_for_everybody_and_each_point_for_the_mean_of_its_own(spark: SparkSession) -> None:
    x = np.random.default_rng(1).normal(size=(2000, 3))
    pool = pool_of(frame(spark, x), 2000, 5)
    assert 20 * 3 <= pool.distinct <= 20 * 4  # four rounds of 4 · 5, less what was drawn twice
    assert pool.weights.sum() == 2000
    np.testing.assert_allclose(pool.weights @ pool.points, x.sum(axis=0), atol=1e-2)


def test_three_far_customers_in_two_thousand_are_not_missed(spark: SparkSession) -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(size=(2000, 2)), rng.normal(size=(3, 2)) * 0.1 + 50])
    pool = pool_of(frame(spark, x), 2003, 4)
    assert pool.weights[pool.points[:, 0] > 40].sum() == 3


def test_of_few_different_points_the_pool_holds_all_however_rare(spark: SparkSession) -> None:
    x = [[0.0, 0.0]] * 900 + [[1.0, 0.0]] * 90 + [[0.0, 1.0]] * 9 + [[1.0, 1.0]]
    pool = pool_of(frame(spark, x), 1000, 6)
    assert sorted(map(tuple, pool.points.tolist())) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert sorted(pool.weights.tolist()) == [1, 9, 90, 900]


def test_the_same_pool_whatever_the_partitions_and_the_other_views(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 50)
    vectors = frame(spark, np.random.default_rng(3).normal(size=(600, 2)))
    one = pool_of(vectors.coalesce(1), 600, 4)
    monkeypatch.setattr(module, "_cores", lambda session: 5)
    assert pool_of(vectors.repartition(5), 600, 4).points.tobytes() == one.points.tobytes()
    views = [View("other", (1,), 0), View("all", (0, 1)), View("nobody", (0,), 1)]
    blocks = pack(vectors, [F.col("x0"), F.col("x1")], [F.col("x0") > 0, F.lit(False)], views, 600)
    pools = draw_pools(blocks, {2: 4, 1: 4}, 7)
    assert list(pools) == [2, 1]
    blocks.release()
    assert pools[1].points.tobytes() == one.points.tobytes()
    assert pools[2].distinct == 0
    assert pool_of(vectors, 600, 4, seed=8).points.tobytes() != one.points.tobytes()


@pytest.mark.long
def test_customers_are_drawn_by_their_squared_distance(spark: SparkSession) -> None:
    """900 customers at 0 and a hundred each at 1 and 3: once 0 is taken, 3 is drawn nine times as often as 1."""
    x = np.repeat([[0.0], [1.0], [3.0]], [900, 100, 100], axis=0)
    drawn: list[float] = []
    with packed(frame(spark, x), len(x)) as blocks:
        for seed in range(150):
            drawn += _draw(blocks, {0: (np.array([[0.0]]), 1)}, (seed, 1))[0][:, 0].tolist()
    assert set(drawn) == {1, 3}
    # 150 draws with p = 0.9: 135 expected, standard deviation 3.7.
    assert 123 <= drawn.count(3) <= 147


def test_plus_plus_takes_points_far_apart_and_never_one_twice() -> None:
    points = np.array([[0.0], [0.1], [5.0], [5.1], [10.0]])
    for seed in range(20):
        chosen = plus_plus(Pool(points, np.ones(5)), 3, np.random.default_rng(seed))
        assert sorted(round(c) // 5 for c in chosen[:, 0]) == [0, 1, 2]
        assert len(np.unique(plus_plus(Pool(points, np.ones(5)), 5, np.random.default_rng(seed)), axis=0)) == 5


def test_a_point_without_weight_is_never_taken() -> None:
    pool = Pool(np.array([[0.0], [1.0], [99.0]]), np.array([1.0, 1.0, 0.0]))
    for seed in range(20):
        assert 99 not in plus_plus(pool, 2, np.random.default_rng(seed))


def test_settling_is_lloyd_on_weighted_points() -> None:
    pool = Pool(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([3.0, 1.0, 1.0, 1.0]))
    centroids, sse = settle(pool, np.array([[0.0], [1.0]]))
    assert centroids.tolist() == [[0.25], [9.5]]
    assert sse == 3 * 0.25**2 + 0.75**2 + 2 * 0.5**2


def test_every_k_and_seed_gets_a_start_of_its_own() -> None:
    rng = np.random.default_rng(4)
    pool = Pool(rng.normal(size=(80, 2)), np.ones(80))
    found = starts(pool, 2, "behavioral", [2, 3], [11, 23])
    assert [(m.view, m.k, m.seed, m.centroids.shape) for m in found] == [
        (2, 2, 11, (2, 2)), (2, 2, 23, (2, 2)), (2, 3, 11, (3, 2)), (2, 3, 23, (3, 2)),
    ]  # fmt: skip
    again: list[Any] = starts(pool, 5, "behavioral", [3], [11])
    assert again[0].centroids.tobytes() == found[2].centroids.tobytes()
    assert len(set(labels_of(pool.points, found[2].centroids))) == 3


def test_the_best_start_of_a_k_is_that_of_its_seeds_with_the_lowest_sse_on_the_pool() -> None:
    rng = np.random.default_rng(5)
    pool = Pool(rng.normal(size=(80, 2)), rng.integers(1, 9, 80).astype(float))
    seeds = [11, 23, 37, 53]
    for best in best_starts(pool, 3, "x", [4, 6], seeds):
        all_of_k = starts(pool, 3, "x", [best.k], seeds)
        sse = [
            (((pool.points[:, None] - m.centroids[None]) ** 2).sum(axis=2).min(axis=1) * pool.weights).sum()
            for m in all_of_k
        ]
        assert best.view == 3
        assert best.seed == 11
        assert best.centroids.tobytes() == all_of_k[int(np.argmin(sse))].centroids.tobytes()
        assert max(sse) > min(sse)


def test_what_the_weights_of_a_pool_add_up_to_does_not_matter() -> None:
    pool = Pool(np.array([[10.0], [13.0], [100.0]]), np.array([2.0, 1.0, 2.0]))
    for scale in (1, 0.1):
        found, _ = settle(replace(pool, weights=scale * pool.weights), np.array([[9.0], [90.0]]))
        np.testing.assert_allclose(found, [[11.0], [100.0]])
