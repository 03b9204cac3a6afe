"""What speaks for a k, from hand-made comparisons: every figure by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segmentation.clustering.evidence import _Case, _evidence
from segmentation.clustering.indices import Indices
from segmentation.clustering.lloyd import Model
from segmentation.clustering.references import Reference
from segmentation.clustering.stability import Comparison

CENTROIDS = np.array([[0.0, 0.0], [1.0, 0.2]])
SAME, HALF = np.array([[5.0, 0.0], [0.0, 5.0]]), np.array([[3.0, 2.0], [2.0, 3.0]])


def fits(view: int, *figures: tuple[float | None, float]) -> list[tuple[Model, Indices]]:
    """Models of k = 2 by silhouette and SSE of ten customers."""
    return [(Model(view, 2, i, CENTROIDS), Indices((5, 5), sse, s, 1.0, 1.0)) for i, (s, sse) in enumerate(figures)]


def case(resamples: list[tuple[float | None, float]], noises: list[tuple[float | None, float]]) -> _Case:
    reference = Reference(0, 1, (2, 3), (4, 5), np.array([1.0, 1.0]))
    return _Case(reference, fits(0, (0.5, 10), (0.45, 11)), fits(2, *resamples), fits(4, *noises))


def test_each_figure_is_what_it_says() -> None:
    of = case([(0.4, 9), (0.6, 12)], [(0.1, 20), (0.3, 80)])
    own = Comparison((SAME, SAME, HALF), np.array([[900.0, 500.0, 800.0]]))
    noise = [Comparison((), np.array([[100.0, 90.0, 100.0]])), Comparison((), np.array([[100.0, 70.0, 100.0]]))]
    found = _evidence(of, of.own[0][1], [own, *noise])
    assert found.seed_agreement == 1
    # Of 45 pairs 20 are together in each, and in both those within the threes (3 each) and within the twos (1 each).
    pairs, chance = 2 * 3 + 2 * 1, 20 * 20 / 45
    assert found.stability == pytest.approx((1 + (pairs - chance) / (20 - chance)) / 2)
    assert found.returns == (0.5, 0.5)  # 3 of 7 in common is no return
    assert found.excess == pytest.approx(0.5 - 0.2)
    assert found.error == pytest.approx(math.sqrt(0.02 + 0.02 / 2))
    assert found.gap == pytest.approx(math.log(4))  # noises of 2 and 8 a customer, the model of 1
    assert found.separation == 1
    assert found.valleys == 1.0  # 500 where noise would leave 0.8 · 800


def test_a_valley_that_noise_has_too_is_none() -> None:
    of = case([(0.4, 9), (0.6, 12)], [(0.1, 20), (0.3, 80)])
    own = Comparison((SAME, SAME, HALF), np.array([[900.0, 500.0, 800.0]]))
    noise = [Comparison((), np.array([[1000.0, 650.0, 1000.0]]))] * 2
    assert _evidence(of, of.own[0][1], [own, *noise]).valleys == 0.0


def test_what_cannot_be_told_is_none() -> None:
    of = case([(None, 9)], [])
    own = Comparison((SAME, SAME), np.empty((0, 3)))
    found = _evidence(of, of.own[0][1], [own])
    assert (found.error, found.excess, found.gap) == (None, None, None)
    assert (found.stability, found.valleys) == (1.0, 0.0)
