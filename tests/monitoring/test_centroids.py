"""Whether customers still stand where the segments are: nothing drifts, a segment moves, one comes, one goes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.clustering import layers, pack_layers
from segmentation.core.config import load
from segmentation.monitoring import (
    Bins,
    Change,
    Histogram,
    Layer,
    MonitoringRules,
    Reference,
    fit_changes,
    judge,
    take_standing,
)
from segmentation.monitoring.centroids import FLOOR, INSIDE
from tests.clustering.data import CENTRES, as_they_are, blobs, frame
from tests.conftest import CONF

SIZES = (300, 200, 100)
SEGMENTS = ("s0", "s1", "s2")
RULES = load(CONF / "monitoring.yml", MonitoringRules)


def changes(spark: SparkSession, then: Any, now: Any, seed: int = 7, parts: int = 2) -> dict[tuple[str, str], Change]:
    """By check and subject; the model is at rest on the customers of then."""
    part = as_they_are("transactional", range(3))
    own = ((then[:, None, :] - CENTRES[None]) ** 2).sum(axis=2).argmin(axis=1)
    centroids = np.array([then[own == c].mean(axis=0) for c in range(3)])
    frames = [frame(spark, x).repartition(parts) for x in (then, now)]
    blocks = [pack_layers(f, [part], layers([part]), len(x)) for f, x in zip(frames, (then, now), strict=True)]
    try:
        layer = Layer("transactional", SEGMENTS[: len(centroids)], centroids)
        standing = take_standing([layer], blocks[0], seed, 20)
        found = fit_changes([layer], standing, blocks[1], 20, 5)
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
        assert c.chance is not None
        assert 0 < c.chance(0.001) < 1


def test_others_of_the_same_kind_move_by_no_more_than_chance(spark: SparkSession) -> None:
    for seed in range(2):
        found = changes(spark, blobs(2 * seed, SIZES)[0], blobs(2 * seed + 1, SIZES)[0])
        assert verdicts(found) == {}
        # Chance is neither none nor anything: a hundredth of it would often be exceeded.
        assert any(c.chance is not None and c.value > c.chance(0.5) / 10 for c in found.values())


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


@pytest.mark.parametrize(
    ("then", "now", "share", "members"),
    [((60, 40, 4), (120, 80, 20), False, False), ((60, 40, 5), (55, 37, 6), False, False),
     ((60, 40, 5), (65, 40, 4), True, False), ((60, 40, 5), (60, 40, 5), True, True)],
    ids=["few then", "few expected", "few now", "enough"],
)  # fmt: skip
def test_a_segment_of_fewer_than_five_is_not_judged(
    spark: SparkSession, then: tuple[int, ...], now: tuple[int, ...], share: bool, members: bool
) -> None:
    found = changes(spark, blobs(9, then)[0], blobs(10, now)[0])
    assert (found["segment_share", "s2"].chance is not None) == share
    for check in ("members_shift", "centroid_shift"):
        assert (found[check, "s2"].chance is not None) == members
        assert found[check, "s0"].chance is not None


def test_another_partitioning_says_the_same_to_the_last_bit(spark: SparkSession) -> None:
    then, now = blobs(11, SIZES)[0], blobs(12, SIZES)[0]
    one, other = (changes(spark, then, now, parts=parts) for parts in (1, 5))
    said = ({k: (c.value, c.chance and c.chance(0.01), c.words) for k, c in of.items()} for of in (one, other))
    assert next(said) == next(said)


def test_segments_that_run_into_each_other_lose_silhouette(spark: SparkSession) -> None:
    then = blobs(14, SIZES)[0]
    now = blobs(15, SIZES)[0] + np.random.default_rng(15).normal(0, 3, (sum(SIZES), 3))
    found = changes(spark, then, now)["silhouette_loss", "transactional"]
    was, is_now = (float(w) for w in re.findall(r"-?\d\.\d{3}", found.words)[::-1])
    assert was > is_now
    assert found.value == pytest.approx(was - is_now, abs=1.1e-3)
    assert ("silhouette_loss", "transactional") in verdicts({("silhouette_loss", "transactional"): found})
    # That they are more distinct than they were is no loss.
    back = changes(spark, now, then)["silhouette_loss", "transactional"]
    assert back.value == 0.0


def test_members_on_one_point_that_move_are_measured_by_the_spread_of_all(spark: SparkSession) -> None:
    """Without a floor one customer in a hundred who leaves the point would be hundreds of spreads."""
    then = blobs(16, SIZES)[0]
    own = ((then[:, None, :] - CENTRES[None]) ** 2).sum(axis=2).argmin(axis=1)
    then[own == 2] = CENTRES[2]
    overall = np.sqrt(((then - then.mean(axis=0)) ** 2).sum(axis=1).mean())
    now = then.copy()
    now[own == 2] += [overall * FLOOR, 0.0, 0.0]
    found = changes(spark, then, now)
    for check in ("members_shift", "centroid_shift"):
        assert found[check, "s2"].value == pytest.approx(1.0, abs=0.01)
        assert found[check, "s0"].value == pytest.approx(0.0, abs=1e-3)


def test_chance_of_a_centroid_is_about_that_of_the_mean_of_its_members(spark: SparkSession) -> None:
    """Far apart, a centroid rests at its members' mean; ten resamples say how that scatters within a few tenths."""
    found = changes(spark, blobs(17, SIZES)[0], blobs(18, SIZES)[0])
    for segment in SEGMENTS:
        mean, centroid = (found[check, segment].chance for check in ("members_shift", "centroid_shift"))
        assert mean is not None
        assert centroid is not None
        # At 0.32 both axes give about one standard error: 1.0 of χ², 1.1 of F with nine draws.
        assert 0.6 < centroid(0.32) / mean(0.32) < 1.7


def test_a_reference_comes_back_from_json_as_it_was(spark: SparkSession) -> None:
    x, _ = blobs(19, SIZES)
    part = as_they_are("transactional", range(3))
    blocks = pack_layers(frame(spark, x), [part], layers([part]), len(x))
    try:
        [standing] = take_standing([Layer("transactional", SEGMENTS, CENTRES)], blocks, 7, 20)
    finally:
        blocks.release()
    histogram = Histogram(Bins("x", "transactional", edges=(0.1, np.nextafter(3.0, 0))), (1, 2, 3, 4))
    reference = Reference((histogram,), standing, True)
    assert Reference.from_json(reference.to_json()) == reference
    assert sum(standing.members) == len(x)
    assert standing.resampled == pytest.approx(1, abs=0.2)


def test_a_layer_in_which_nobody_has_data_any_more_is_left_to_what_is_unknown(spark: SparkSession) -> None:
    x, _ = blobs(13, (60, 40, 20))
    parts = [as_they_are("transactional", range(2)), as_they_are("behavioral", range(2, 3), "x0 < 900", 1)]
    centroids = CENTRES[:, :2], np.array([[0.0], [1.0]])
    of = [Layer("transactional", SEGMENTS, centroids[0]), Layer("behavioral", ("b0", "b1"), centroids[1])]
    far = x + np.array([1000.0, 0.0, 0.0])
    blocks = [pack_layers(frame(spark, rows), parts, layers(parts), len(rows)) for rows in (x, far)]
    try:
        standing = take_standing(of, blocks[0], 7, 20)
        found = fit_changes(of, standing, blocks[1], 20, 5)
        nobody = fit_changes(of[1:], standing[1:], replace(blocks[1], views=blocks[1].views[1:]), 20, 5)
    finally:
        for b in blocks:
            b.release()
    assert {c.dimension for c in found} == {"transactional"}
    assert nobody == []
