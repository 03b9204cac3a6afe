"""The sweep end to end with MLlib: what is tried, what is chosen, and where there is nothing to split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.clustering import Candidate, Choice, SweepConfig, assign_nearest, choose, run_sweep, shard_vectors
from segmentation.clustering.sweep import grid
from segmentation.core.errors import ConfigError
from tests.clustering.data import CENTRES, blobs, frame


def swept(vectors: DataFrame, customers: int, config: SweepConfig, dimension: str = "transactional") -> list[Candidate]:
    sharded = shard_vectors(vectors, customers)
    try:
        return run_sweep(config, dimension, sharded)
    finally:
        sharded.unpersist()


def chosen(config: SweepConfig, candidates: list[Candidate], customers: int) -> Choice:
    return choose(config, "transactional", candidates, customers)


def test_three_planted_groups_are_found_again(spark: SparkSession) -> None:
    x, truth = blobs(7)
    config = SweepConfig(k_min=2, k_max=5, seeds=[11, 23])
    candidates = swept(frame(spark, x), len(x), config)
    assert [(c.k, c.seed) for c in candidates] == [(k, seed) for k in (2, 3, 4, 5) for seed in (11, 23)]
    assert {c.engine for c in candidates} == {"mllib"}
    choice = chosen(config, candidates, len(x))
    assert choice.candidate is not None
    assert (choice.candidate.k, choice.chosen_by) == (3, "system")
    # Order-free: every found cluster is one planted group, whole.
    rows = assign_nearest(frame(spark, x), choice.candidate.centroids, ["a", "b", "c"]).collect()
    pairs = {(r["cluster_id"], truth[int(r["customer_id"][1:])]) for r in rows}
    assert len(pairs) == len({c for c, _ in pairs}) == len({t for _, t in pairs}) == 3
    assert sorted(choice.candidate.indices.sizes) == [10, 20, 30]
    for cluster, group in pairs:
        np.testing.assert_allclose(choice.candidate.centroids[cluster], CENTRES[group], atol=1)


def test_the_model_handed_over_has_the_centroids_that_were_measured(spark: SparkSession) -> None:
    x, _ = blobs(8)
    for c in swept(frame(spark, x), len(x), SweepConfig(k_min=3, k_max=3, seeds=[11])):
        assert np.array_equal(c.model.clusterCenters(), c.centroids)
        assert c.indices.sse == pytest.approx(c.model.summary.trainingCost, rel=1e-9)


def test_a_sweep_over_rows_in_another_order_says_the_same_to_the_bit(spark: SparkSession) -> None:
    x, _ = blobs(9)
    config = SweepConfig(k_min=4, k_max=4, seeds=[11])
    vectors = frame(spark, x)
    (one,), (two,) = (swept(v, len(x), config) for v in (vectors.coalesce(1), vectors.repartition(3, "customer_id")))
    assert np.array_equal(one.centroids, two.centroids)
    assert one.indices == two.indices


@pytest.mark.parametrize("x", [[[1.0, 2.0]], [[1.0, 2.0]] * 12], ids=["one customer", "twelve alike"])
def test_where_nobody_differs_there_is_one_segment_and_no_k(spark: SparkSession, x: list[list[float]]) -> None:
    config = SweepConfig()
    candidates = swept(frame(spark, x), len(x), config)
    assert candidates == []
    choice = chosen(config, candidates, len(x))
    assert choice.candidate is None
    assert choice.reason == f"No structure: the {len(x)} customers do not differ. One segment for all."


def test_with_fewer_distinct_points_than_k_max_the_sweep_ends_there(spark: SparkSession) -> None:
    x = [[0.0, 0.0]] * 5 + [[9.0, 0.0]] * 4 + [[0.0, 9.0]] * 3
    config = SweepConfig(k_min=2, k_max=8, seeds=[11])
    candidates = swept(frame(spark, x), len(x), config)
    assert [c.k for c in candidates] == [2, 3]
    assert sorted(candidates[1].indices.sizes) == [3, 4, 5]
    assert candidates[1].indices.sse == 0


def test_a_pinned_k_that_the_customers_cannot_fill_is_refused_with_both_numbers(spark: SparkSession) -> None:
    x = [[0.0], [0.0], [1.0], [2.0]]
    with pytest.raises(ConfigError) as refusal:
        swept(frame(spark, x), len(x), SweepConfig(pinned_k={"psychographic": 12}), "psychographic")
    assert str(refusal.value) == (
        'k=12 needs at least 12 distinct customers in dimension "psychographic"; it has 3. '
        "Lower pinned_k in conf/sweep.yml."
    )


@pytest.mark.parametrize(
    ("pinned", "distinct", "expected"),
    [
        ({}, 100, [2, 3, 4, 5]),
        ({}, 5, [2, 3, 4, 5]),
        ({}, 4, [2, 3, 4]),
        ({}, 2, [2]),
        ({}, 1, []),
        ({}, 0, []),
        ({"transactional": 9}, 9, [9]),  # what a user pins may lie outside k_min..k_max
        ({"transactional": 1}, 9, []),
        ({"behavioral": 9}, 4, [2, 3, 4]),
    ],
)
def test_the_grid_is_what_the_distinct_points_allow(pinned: dict[Any, int], distinct: int, expected: list[int]) -> None:
    assert grid(SweepConfig(k_min=2, k_max=5, pinned_k=pinned), "transactional", distinct) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k_min": 5, "k_max": 4}, "k_max 4 is below k_min 5"),
        ({"k_max": 2}, "k_max 2 is below min_actionable_k 3: no k can be chosen"),
        ({"pinned_k": {"transactional": 0}}, "pinned_k of transactional must be 1 or more"),
        ({"pinned_k": {"transactonal": 3}}, 'Did you mean "transactional"'),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepConfig(**wrong)
