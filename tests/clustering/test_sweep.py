"""The sweep end to end with either engine: what is tried, what is chosen, and where there is nothing to split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation.clustering import (
    Choice,
    SweepConfig,
    Swept,
    adopt,
    assign,
    choose,
    run_sweep,
)  # fmt: skip
from segmentation.clustering import sweep as module
from segmentation.clustering.sweep import grid
from segmentation.core.errors import ConfigError
from segmentation.matrix import unify
from tests.clustering.data import CENTRES, as_they_are, blobs, frame, width

ENGINES = pytest.mark.parametrize("engine", ["lloyd", "mllib", "coreset"])


def swept(vectors: DataFrame, customers: int, config: SweepConfig, dimension: str = "transactional") -> Swept:
    part = as_they_are(dimension, range(width(vectors)))
    unified = unify("unified", [part], {dimension: 1.0})
    return run_sweep(config, vectors.drop("features"), [part], unified, customers)[dimension]


def chosen(config: SweepConfig, found: Swept) -> Choice:
    return choose(config, "transactional", found)


@ENGINES
def test_three_planted_groups_are_found_again(spark: SparkSession, engine: Any) -> None:
    x, truth = blobs(7)
    config = SweepConfig(engine=engine, k_min=2, k_max=5, seeds=[11, 23])
    found = swept(frame(spark, x), len(x), config)
    seeds = 1 if engine == "coreset" else 2  # of which the coreset's best goes on
    assert [c.k for c in found.candidates] == [k for k in (2, 3, 4, 5) for _ in range(seeds)]
    assert {c.engine for c in found.candidates} == {engine}
    choice = chosen(config, found)
    assert choice.candidate is not None
    assert (choice.candidate.k, choice.chosen_by) == (3, "system")
    # Order-free: every found cluster is one planted group, whole.
    pairs = set(zip(assign(x, choice.candidate.centroids).cluster.tolist(), truth, strict=True))
    assert len(pairs) == len({c for c, _ in pairs}) == len({t for _, t in pairs}) == 3
    assert sorted(choice.candidate.indices.sizes) == [10, 20, 30]
    for cluster, group in pairs:
        np.testing.assert_allclose(choice.candidate.centroids[cluster], CENTRES[group], atol=1)


def test_both_engines_end_with_the_same_sse_where_the_groups_are_clear(spark: SparkSession) -> None:
    x, _ = blobs(8)
    found = [
        swept(frame(spark, x), len(x), SweepConfig(engine=e, k_min=3, k_max=3, seeds=[11])).candidates
        for e in ("lloyd", "mllib")
    ]
    assert found[0][0].indices.sse == pytest.approx(found[1][0].indices.sse, rel=1e-6)


@ENGINES
def test_who_lacks_data_takes_no_part_in_a_dimension(spark: SparkSession, engine: Any) -> None:
    """Fifteen customers far from all others, in a dimension of which they have no data."""
    x, _ = blobs(7)
    vectors = frame(spark, np.vstack([x, np.random.default_rng(1).normal(100, 1, size=(15, x.shape[1]))]))
    part = as_they_are("transactional", range(x.shape[1]), "x0 < 50")
    config = SweepConfig(engine=engine, k_min=2, k_max=4, seeds=[11, 23])
    found = run_sweep(
        config, vectors.drop("features"), [part], unify("unified", [part], {"transactional": 1.0}), len(x) + 15
    )["transactional"]
    assert found.customers == len(x)
    assert {sum(c.indices.sizes) for c in found.candidates} == {len(x)}
    assert max(c.centroids.max() for c in found.candidates) < 20
    alone = swept(frame(spark, x), len(x), config)
    assert [c.indices.sse for c in found.best] == pytest.approx([c.indices.sse for c in alone.best], rel=1e-6)


def test_an_adopted_model_is_one_of_mllib_that_saves_loads_and_scores_like_its_centroids(
    spark: SparkSession, tmp_path: Path
) -> None:
    x, _ = blobs(8)
    vectors = frame(spark, x)
    centroids = np.array([[0.25, 0.0, 1e-9], [9.5, -0.1, 0.0], [0.0, 10.0, 1 / 3], [5.0, 5.0, 0.0]])
    model = adopt(spark, centroids)
    PipelineModel([model]).save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model")).stages[0]
    expected = assign(x, centroids).cluster.tolist()
    for m in (model, loaded):
        assert type(m).__module__ == "pyspark.ml.clustering"
        assert (m.getK(), m.getFeaturesCol(), m.getPredictionCol()) == (4, "features", "cluster_id")
        np.testing.assert_array_equal(m.clusterCenters(), centroids)
        assert [r["cluster_id"] for r in m.transform(vectors).orderBy("customer_id").collect()] == expected


def several(spark: SparkSession, *dimensions: str, **pinned_k: int) -> dict[str, Swept]:
    """Two dimensions over the same 200 customers, one without half of them, and the unified layer."""
    x = np.random.default_rng(9).normal(size=(200, 5))
    vectors = frame(spark, x)
    parts = [as_they_are("transactional", range(2), variance=2), as_they_are("behavioral", range(2, 5), "x0 > 0", 3)]
    parts = [p for p in parts if p.dimension in dimensions]
    unified = unify("unified", parts, {"transactional": 1.5, "behavioral": 0.5})
    config = SweepConfig(k_min=2, k_max=4, seeds=[11, 23], pinned_k=pinned_k)
    return run_sweep(config, vectors, parts, unified, 200)


def test_a_dimension_comes_out_the_same_to_the_bit_whatever_others_are_swept_with_it(spark: SparkSession) -> None:
    together = several(spark, "transactional", "behavioral")
    for name in ("transactional", "behavioral"):
        alone = several(spark, name)
        for one, other in zip(alone[name].candidates, together[name].candidates, strict=True):
            assert one.centroids.tobytes() == other.centroids.tobytes()
            assert one.indices == other.indices
        assert alone[name].evidence == together[name].evidence
    pinned = several(spark, "transactional", "behavioral", behavioral=7)
    assert {c.k for c in pinned["behavioral"].candidates} == {7}
    for one, other in zip(pinned["transactional"].candidates, together["transactional"].candidates, strict=True):
        assert one.centroids.tobytes() == other.centroids.tobytes()
    assert pinned["transactional"].evidence == together["transactional"].evidence


def test_the_unified_layer_is_swept_as_its_preprocessor_says(spark: SparkSession) -> None:
    found = several(spark, "transactional", "behavioral")
    x = np.random.default_rng(9).normal(size=(200, 5))
    assert [s.customers for s in found.values()] == [200, np.count_nonzero(x[:, 0] > 0), 200]
    x *= np.sqrt([1.5 / 2, 1.5 / 2, *[0.5 / 3] * 3])  # weight over variance
    x[x[:, 0] <= 0, 2:] = 0
    for c in found["unified"].candidates:
        squared = ((x[:, None, :] - c.centroids[None]) ** 2).sum(axis=2)
        assert c.indices.sse == pytest.approx(squared.min(axis=1).sum(), rel=1e-6)
        assert c.indices.sizes == tuple(np.bincount(squared.argmin(axis=1), minlength=c.k))


def test_a_sweep_over_rows_in_another_order_says_the_same_to_the_bit(spark: SparkSession) -> None:
    x, _ = blobs(9)
    config = SweepConfig(k_min=4, k_max=4, seeds=[11])
    vectors = frame(spark, x)
    one, two = (swept(v, len(x), config) for v in (vectors.coalesce(1), vectors.repartition(3, "customer_id")))
    assert np.array_equal(one.candidates[0].centroids, two.candidates[0].centroids)
    assert one.candidates[0].indices == two.candidates[0].indices
    assert one.evidence == two.evidence
    assert set(one.evidence) == {4}


@ENGINES
@pytest.mark.parametrize("x", [[[1.0, 2.0]], [[1.0, 2.0]] * 12], ids=["one customer", "twelve alike"])
def test_where_nobody_differs_there_is_one_segment_and_no_k(
    spark: SparkSession, x: list[list[float]], engine: Any
) -> None:
    config = SweepConfig(engine=engine)
    found = swept(frame(spark, x), len(x), config)
    assert found.candidates == []
    choice = chosen(config, found)
    assert choice.candidate is None
    assert choice.reason == f"No structure: the {len(x)} customers do not differ. One segment for all."


@ENGINES
def test_with_fewer_distinct_points_than_k_max_the_sweep_ends_there(spark: SparkSession, engine: Any) -> None:
    x = [[0.0, 0.0]] * 5 + [[9.0, 0.0]] * 4 + [[0.0, 9.0]] * 3
    config = SweepConfig(engine=engine, k_min=2, k_max=8, seeds=[11])
    candidates = swept(frame(spark, x), len(x), config).candidates
    assert [c.k for c in candidates] == [2, 3]
    assert sorted(candidates[1].indices.sizes) == [3, 4, 5]
    assert candidates[1].indices.sse == 0


def test_blocks_are_given_back_when_a_sweep_fails(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("as asked")

    before = spark.sparkContext._jsc.getPersistentRDDs().size()
    monkeypatch.setattr(module, "measure", fails)
    with pytest.raises(RuntimeError, match="as asked"):
        several(spark, "transactional")
    assert spark.sparkContext._jsc.getPersistentRDDs().size() == before


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
        ({"pinned_k": {"transactional": 0}}, "pinned_k of transactional must be 1 to 1000, 0 found"),
        ({"pinned_k": {"transactional": 1001}}, "pinned_k of transactional must be 1 to 1000, 1001 found"),
        ({"pinned_k": {"transactonal": 3}}, 'Did you mean "transactional"'),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepConfig(**wrong)


def test_planted_k_is_chosen_noise_has_no_structure_and_a_skewed_crowd_is_a_continuum(spark: SparkSession) -> None:
    """Seven sets of columns over the same 3,000 customers, made without a look at how the choice is made."""
    n, rng = 3000, np.random.default_rng(12)

    def planted(k: int, d: int, apart: float) -> Any:
        centres = rng.normal(size=(k, d)) * apart
        return centres[rng.choice(k, n, p=rng.dirichlet(np.full(k, 5.0)))] + rng.normal(size=(n, d))

    together = rng.normal(size=(n, 6)) @ rng.normal(size=(6, 6))
    sets = {
        "three": planted(3, 6, 3), "five": planted(5, 6, 2), "seven": planted(7, 10, 2),
        "independent": rng.normal(size=(n, 5)), "correlated": together, "uniform": rng.random((n, 5)),
        "skewed": np.log1p(np.exp(together)),
    }  # fmt: skip
    x = np.hstack([(s - s.mean(axis=0)) / s.std(axis=0) for s in sets.values()])
    parts, at = [], 0
    for name, s in sets.items():
        parts.append(as_they_are(name, range(at, at + s.shape[1]), variance=s.shape[1]))
        at += s.shape[1]
    unified = unify("unified", parts[:1], {"three": 1.0})
    config = SweepConfig(k_max=9, seeds=[11, 23, 37])
    found = {name: choose(config, name, s) for name, s in run_sweep(config, frame(spark, x), parts, unified, n).items()}
    assert {name: (c.candidate.k if c.candidate else None, c.structure) for name, c in found.items()} == {
        "three": (3, "clusters"), "five": (5, "clusters"), "seven": (7, "clusters"), "independent": (None, "none"),
        "correlated": (None, "none"), "uniform": (None, "none"), "skewed": (3, "continuum"), "unified": (3, "clusters"),
    }  # fmt: skip
    assert found["correlated"].reason.startswith("No structure in the 3,000 customers. One segment for all.")
    pinned = SweepConfig(k_max=9, seeds=[11], pinned_k={"transactional": 4})
    part = [as_they_are("transactional", range(22, 27), variance=5)]  # the independent ones
    swept_again = run_sweep(pinned, frame(spark, x), part, unify("unified", part, {"transactional": 1.0}), n)
    choice = choose(pinned, "transactional", swept_again["transactional"])
    assert choice.candidate is not None
    assert (choice.candidate.k, choice.structure, choice.chosen_by) == (4, "none", "user")
    assert "At this k cutting noise looks the same: its segments are a partition, not clusters." in choice.reason
