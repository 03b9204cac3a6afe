"""Coresets: whom they draw, that they stand for everybody, and what a sweep on one loses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig, choose, coreset, run_sweep
from segmentation.clustering import blocks as module
from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.coreset import draw_coreset
from segmentation.clustering.indices import measure
from segmentation.clustering.lloyd import Model, all_sums
from segmentation.clustering.views import View
from segmentation.matrix import unify
from tests.clustering.data import as_they_are, blobs, frame

N = 6000


def mixture(seed: int = 1) -> Any:
    """Five overlapping groups, and twenty customers far away."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, 4))[rng.integers(0, 5, N)] * 2 + rng.normal(size=(N, 4))
    x[:20] += 25
    return x


def packed(spark: SparkSession, x: Any, partitions: int = 2) -> Blocks:
    d = x.shape[1]
    views = [View("all", tuple(range(d))), View("some", (0, 1), 0), View("nobody", (0,), 1)]
    rows = frame(spark, x).repartition(partitions)
    return pack(rows, [F.col(f"x{i}") for i in range(d)], [F.col("x0") > 0, F.lit(False)], views, len(x))


def contents(blocks: Blocks) -> list[Any]:
    found = blocks.each(lambda some: iter([(b.number, b.x.tobytes(), b.weights.tobytes()) for b in some]))
    return sorted(found)


def test_a_coreset_stands_for_everybody_in_every_view(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreset, "PER_VIEW", 500)
    x = mixture()
    full = packed(spark, x)
    small = draw_coreset(full, 7)
    rows = sum(small.each(lambda some: iter([b.x.shape[1] for b in some])))
    assert 600 < rows < 1001  # 500 for each of two views, less who is drawn for both or for certain
    some = x[x[:, 0] > 0]
    for v, members in ((0, x), (1, some[:, :2])):
        centres = members[:3]
        expected = ((members[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).sum()
        (found,) = measure(small, [Model(v, 3, 0, centres)])
        assert found.sse == pytest.approx(expected, rel=0.15)
        assert sum(found.sizes) == pytest.approx(len(members), rel=0.1)
        assert small.views[v].customers == pytest.approx(sum(found.sizes))
    assert small.views[2].customers == 0


def test_whoever_is_far_is_drawn_for_certain_and_counts_once(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coreset, "PER_VIEW", 500)
    small = draw_coreset(packed(spark, mixture()), 7)
    far = small.each(lambda some: iter([b.weights[b.x[1] > 15].tolist() for b in some]))
    assert [w for part in far for w in part] == [1.0] * 20


@pytest.mark.long
def test_sums_over_many_coresets_average_to_those_over_everybody(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coreset, "PER_VIEW", 200)
    x = mixture()
    full = packed(spark, x)
    models = [Model(0, 2, 0, x[100:102]), Model(1, 2, 0, x[100:102, :2])]
    exact = all_sums(full, models, np.float64)
    drawn = [all_sums(draw_coreset(full, seed), models, np.float64) for seed in range(25)]
    for i in range(2):
        sums = np.array([d[i] for d in drawn])
        error = sums.std(axis=0, ddof=1) / 5
        assert (np.abs(sums.mean(axis=0) - exact[i]) < 4 * error + 1e-9).all()


def test_the_same_customers_are_drawn_whatever_the_partitions(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 300)
    monkeypatch.setattr(coreset, "PER_VIEW", 500)
    x = mixture()
    one, other = (contents(draw_coreset(packed(spark, x, n), 7)) for n in (1, 5))
    assert one == other
    assert len(one) > 2
    assert contents(draw_coreset(packed(spark, x), 8)) != one


def test_of_few_customers_all_are_drawn_and_weigh_one(spark: SparkSession) -> None:
    x, _ = blobs(3)
    small = draw_coreset(packed(spark, x), 7)
    weights = small.each(lambda some: iter([b.weights.tolist() for b in some]))
    assert [w for part in weights for w in part] == [1.0] * len(x)


@pytest.mark.long
def test_a_sweep_on_a_coreset_loses_little_and_says_how_much(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coreset, "PER_VIEW", 600)
    x = mixture(2)[20:]
    vectors = frame(spark, x)
    part = as_they_are("transactional", range(4), variance=4)
    unified = unify("unified", [part], {"transactional": 1.0})
    before = spark.sparkContext._jsc.getPersistentRDDs().size()
    full, small = (
        run_sweep(SweepConfig(engine=engine, k_max=6, seeds=[11, 23, 37]), vectors, [part], unified, len(x))
        for engine in ("lloyd", "coreset")
    )
    assert spark.sparkContext._jsc.getPersistentRDDs().size() <= before
    best = {k: min(c.indices.sse for c in full["transactional"].candidates if c.k == k) for k in range(2, 7)}
    found = small["transactional"]
    assert [c.k for c in found.candidates] == [2, 3, 4, 5, 6]
    for c in found.candidates:
        assert c.engine == "coreset"
        assert c.indices.sse <= 1.02 * best[c.k]
        assert sum(c.indices.sizes) == len(x)
    assert found.note is not None
    assert found.note.startswith(
        "transactional: swept on a coreset and refined on all 5,980 customers; before that SSE was at most "
    )
    assert 0 < float(found.note.split("at most ")[1].split("%")[0]) < 5
    assert full["transactional"].note is None
    config = SweepConfig(k_max=6)
    chosen = [choose(config, "transactional", s["transactional"]).candidate for s in (full, small)]
    assert chosen[0] is not None
    assert chosen[1] is not None
    assert chosen[0].k == chosen[1].k
