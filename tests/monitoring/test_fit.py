"""Whether customers still stand where the segments are: nothing drifts, a segment moves, one comes, one goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.clustering import layers, pack_layers
from segmentation.core.config import load
from segmentation.monitoring import Change, Layer, MonitoringRules, fit_changes, judge
from segmentation.monitoring.fit import INSIDE
from tests.clustering.data import CENTRES, as_they_are, blobs, frame
from tests.conftest import CONF

SIZES = (300, 200, 100)
SEGMENTS = ("s0", "s1", "s2")
RULES = load(CONF / "monitoring.yml", MonitoringRules)


def changes(spark: SparkSession, then: Any, now: Any, seed: int = 7) -> dict[tuple[str, str], Change]:
    """By check and subject; the model is at rest on the customers of then."""
    part = as_they_are("transactional", range(3))
    own = ((then[:, None, :] - CENTRES[None]) ** 2).sum(axis=2).argmin(axis=1)
    centroids = np.array([then[own == c].mean(axis=0) for c in range(3)])
    blocks = [pack_layers(frame(spark, x), [part], layers([part]), len(x)) for x in (then, now)]
    try:
        found = fit_changes([Layer("transactional", SEGMENTS, centroids)], blocks[0], blocks[1], seed, 20, 5)
    finally:
        for b in blocks:
            b.release()
    return {(c.check, c.subject): c for c in found}


def verdicts(found: dict[tuple[str, str], Change]) -> dict[tuple[str, str], str]:
    rows, _, _ = judge(RULES, list(found.values()))
    return {(r.check, r.subject): r.verdict for r in rows if r.verdict != "holds"}


def test_the_same_customers_have_not_moved_at_all(spark: SparkSession) -> None:
    x, _ = blobs(1, SIZES)
    found = changes(spark, x, x)
    assert {check for check, _ in found} == {
        "segment_share", "members_shift", "centroid_shift", "outside_share", "silhouette_loss"
    }  # fmt: skip
    for (check, _), c in found.items():
        assert c.value == pytest.approx(1 - INSIDE if check == "outside_share" else 0.0, abs=2e-3)
        assert 0 < c.chance(0.001) < 1


def test_others_of_the_same_kind_move_by_no_more_than_chance(spark: SparkSession) -> None:
    for seed in range(2):
        found = changes(spark, blobs(2 * seed, SIZES)[0], blobs(2 * seed + 1, SIZES)[0])
        assert verdicts(found) == {}
        # Chance is neither none nor anything: a hundredth of it would often be exceeded.
        assert any(c.value > c.chance(0.5) / 10 for c in found.values())


def test_a_segment_that_moves_is_named_with_how_far(spark: SparkSession) -> None:
    """By 2 along one axis; its members scatter by 1 along each of three."""
    then, (now, truth) = blobs(3, SIZES)[0], blobs(4, SIZES)
    now = now + np.where(np.array(truth)[:, None] == 1, [2.0, 0.0, 0.0], 0.0)
    found = changes(spark, then, now)
    for check in ("members_shift", "centroid_shift"):
        assert found[check, "s1"].value == pytest.approx(2 / np.sqrt(3), abs=0.2)
        assert found[check, "s0"].value < 0.2
    assert set(verdicts(found)) >= {("members_shift", "s1"), ("centroid_shift", "s1")}
    assert not {key for key in verdicts(found) if key[1] in ("s0", "s2")}


def test_a_new_group_is_out_of_reach_and_a_vanished_one_has_no_share(spark: SparkSession) -> None:
    then, (now, truth) = blobs(5, SIZES)[0], blobs(6, SIZES)
    strangers = np.random.default_rng(8).normal([5.0, 5.0, -40.0], 1, (50, 3))
    come = changes(spark, then, np.vstack([now, strangers]).astype(np.float32).astype(float))
    assert come["outside_share", "transactional"].value == pytest.approx(50 / 650 + 0.01, abs=0.015)
    assert ("outside_share", "transactional") in verdicts(come)
    gone = changes(spark, then, now[np.array(truth) != 2])
    assert gone["segment_share", "s2"].value == pytest.approx(100 / 600)
    assert verdicts(gone)["segment_share", "s2"] == "refit"
    assert ("members_shift", "s2") not in gone


def test_a_segment_of_a_few_is_not_judged(spark: SparkSession) -> None:
    then, now = blobs(9, (60, 40, 3))[0], blobs(10, (60, 40, 4))[0]
    found = changes(spark, then, now)
    assert found["segment_share", "s2"].chance(0.01) == found["members_shift", "s2"].chance(0.01) == float("inf")
    assert found["segment_share", "s0"].chance(0.01) < 1


def test_two_runs_say_the_same_to_the_last_bit(spark: SparkSession) -> None:
    then, now = blobs(11, SIZES)[0], blobs(12, SIZES)[0]
    one, other = (changes(spark, then, now) for _ in range(2))
    assert {k: (c.value, c.chance(0.01), c.words) for k, c in one.items()} == {
        k: (c.value, c.chance(0.01), c.words) for k, c in other.items()
    }


def test_a_layer_in_which_nobody_has_data_any_more_is_left_to_what_is_unknown(spark: SparkSession) -> None:
    x, _ = blobs(13, (60, 40, 20))
    parts = [as_they_are("transactional", range(2)), as_they_are("behavioral", range(2, 3), "x0 < 900", 1)]
    centroids = CENTRES[:, :2], np.array([[0.0], [1.0]])
    of = [Layer("transactional", SEGMENTS, centroids[0]), Layer("behavioral", ("b0", "b1"), centroids[1])]
    far = x + np.array([1000.0, 0.0, 0.0])
    blocks = [pack_layers(frame(spark, rows), parts, layers(parts), len(rows)) for rows in (x, far)]
    try:
        found = fit_changes(of, blocks[0], blocks[1], 7, 20, 5)
        nobody = fit_changes(of[1:], *(replace(b, views=b.views[1:]) for b in blocks), 7, 20, 5)
    finally:
        for b in blocks:
            b.release()
    assert {c.dimension for c in found} == {"transactional"}
    assert nobody == []
