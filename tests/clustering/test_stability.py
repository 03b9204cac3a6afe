"""Agreement, overlap, neighbours and valleys: against scikit-learn, every pair, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from segmentation.clustering import blocks as module
from segmentation.clustering.lloyd import Model
from segmentation.clustering.stability import (
    NEAR,
    adjusted_rand,
    compare,
    evenness,
    neighbours,
    overlaps,
    valleys,
)
from tests.clustering.data import frame, packed
from tests.oracles.clustering import labels_of


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_rand_is_scikits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 4, 200)
    other = np.where(rng.random(200) < 0.3 * seed, rng.integers(0, 6, 200), one)
    table = contingency_matrix(one, other).astype(float)
    assert adjusted_rand(table) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)


def test_adjusted_rand_of_everybody_in_one_cluster() -> None:
    assert adjusted_rand(np.array([[7.0]])) == 1
    assert adjusted_rand(np.array([[1.0]])) == 1
    assert adjusted_rand(np.array([[4.0, 3.0]])) == 0


@pytest.mark.parametrize("seed", range(3))
def test_an_overlap_is_the_best_jaccard_coefficient_of_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    sets = [[{i for i in range(60) if of[i] == c} for c in range(k)] for of, k in ((one, 3), (other, 4))]
    expected = [max(len(a & b) / len(a | b) for b in sets[1]) for a in sets[0]]
    np.testing.assert_allclose(overlaps(contingency_matrix(one, other).astype(float)), expected)


def test_neighbours_have_nobody_in_the_ball_between_them() -> None:
    """Corners of a square are neighbours along its sides; diagonally the others stand on the ball, not in it."""
    square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert neighbours(square) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    inside = [[0.5, 0.4]]  # in the ball over the first side and on both diagonals
    assert neighbours(np.vstack([square, inside])) == [(0, 2), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    assert neighbours(np.array([[1.0], [1.0]])) == []
    assert neighbours(np.array([[1.0]])) == []


@pytest.mark.parametrize(
    ("low", "halfway", "high", "even", "expected"),
    [
        (1000, 790, 1500, 1.0, True),
        (1000, 810, 1500, 1.0, False),  # not deep enough
        (1500, 790, 1000, 1.0, True),
        (1000, 1200, 1500, 1.0, False),
        (1000, 790, 1500, 0.9, False),  # noise is nearly as empty there
        (1000, 700, 1500, 0.9, True),
        (100, 70, 100, 1.0, False),  # 30 ± 13: may be chance
        (100, 60, 100, 1.0, True),  # 40 ± 12.6
        (0, 0, 0, 1.0, False),
    ],
)
def test_a_valley_is_deep_and_no_chance(low: float, halfway: float, high: float, even: float, expected: bool) -> None:
    assert valleys(np.array([[low, halfway, high]], dtype=float), even).tolist() == [expected]


def test_evenness_is_what_noise_leaves_halfway() -> None:
    assert evenness(np.array([[10.0, 6.0, 20.0], [30.0, 12.0, 15.0]])) == 18 / 25
    assert evenness(np.array([[10.0, 60.0, 20.0]])) == 1
    assert evenness(np.empty((0, 3))) == 1


def test_models_are_compared_customer_by_customer_in_one_job(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 100)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(700, 2)).astype(np.float32).astype(float)
    models = [Model(0, k, 1, rng.normal(size=(k, 2))) for k in (3, 4, 3)]
    with packed(frame(spark, x), 700) as blocks:
        one, other = compare(blocks, [(0, models[0], models[1:]), (0, models[1], [])])
    labels = [np.array(labels_of(x, m.centroids)) for m in models]
    assert len(one.tables) == 2
    for table, of in zip(one.tables, labels[1:], strict=True):
        np.testing.assert_array_equal(table, contingency_matrix(labels[0], of))
    assert other.tables == ()
    for found, model, of in ((one, models[0], labels[0]), (other, models[1], labels[1])):
        c = model.centroids
        expected = []
        for i, j in neighbours(c):
            places = [(p - c[i]) @ (c[j] - c[i]) / ((c[j] - c[i]) ** 2).sum()
                      for p, label in zip(x, of, strict=True) if label in (i, j)]  # fmt: skip
            expected.append([sum(abs(p - at) <= NEAR for p in places) for at in (0, 0.5, 1)])
        np.testing.assert_array_equal(found.between, np.array(expected).reshape(-1, 3))
