"""What a holdout says of each k: beside a slow twin in numpy, and where segments have nothing to do with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.clustering import Holdout, SweepConfig, run_sweep
from segmentation.clustering.evidence import Evidence
from segmentation.clustering.usefulness import OUTCOME
from segmentation.matrix import Preprocessor, unify
from tests.clustering.data import as_they_are, blobs

COLUMNS = "customer_id string, x0 double, x1 double, x2 double, " + OUTCOME + " double"


def customers(spark: SparkSession, x: Any, y: Any) -> DataFrame:
    """A customer whose x0 is below −2 is not known in the second dimension."""
    rows = [(f"c{i}", *map(float, row), float(v)) for i, (row, v) in enumerate(zip(x, y, strict=True))]
    return spark.createDataFrame(rows, COLUMNS)


def parts() -> list[Preprocessor]:
    return [as_they_are("transactional", range(2), variance=2.0), as_they_are("behavioral", range(2, 3), "x0 >= -2")]


def share(evidence: Evidence) -> float:
    return evidence.useful.share if evidence.useful else -1.0


def share_explained(labels: Any, y: Any) -> float:
    """ω², group by group."""
    groups = [y[labels == c] for c in np.unique(labels)]
    within = sum(float(((g - g.mean()) ** 2).sum()) for g in groups)
    between = sum(len(g) * float((g.mean() - y.mean()) ** 2) for g in groups)
    error = within / (len(y) - len(groups))
    return max(0.0, (between - (len(groups) - 1) * error) / (between + within + error))


def test_each_k_explains_what_its_best_seeds_clusters_explain_of_the_outcome(spark: SparkSession) -> None:
    x, truth = blobs(3, (60, 50, 40))
    x = (x - x.mean(axis=0)).astype(np.float32).astype(float)
    rng = np.random.default_rng(1)
    then = x + rng.normal(0, 0.7, x.shape)  # nobody stands where he stood
    then = then[:140].astype(np.float32).astype(float)  # and some were not there yet
    y = (np.array(truth[:140]) + rng.normal(0, 1, 140)).astype(np.float32).astype(float)
    unified = unify("unified", parts(), {"transactional": 1.5, "behavioral": 0.5})
    config = SweepConfig(k_max=4, seeds=[11, 23])
    now = customers(spark, x, np.zeros(len(x)))
    found = run_sweep(config, now, parts(), unified, len(x), Holdout(customers(spark, then, y), len(then)))
    known = then[:, 0] >= -2
    assert 0 < known.sum() < len(known)
    views = {
        "transactional": (then[:, :2], np.ones(len(then), dtype=bool)),
        "behavioral": (then[:, 2:], known),
        "unified": (np.column_stack([then[:, :2] * np.sqrt(0.75), then[:, 2] * np.sqrt(0.5) * known]),
                    np.ones(len(then), dtype=bool)),
    }  # fmt: skip
    today = {
        "transactional": x[:, :2], "behavioral": x[x[:, 0] >= -2, 2:],
        "unified": np.column_stack([x[:, :2] * np.sqrt(0.75), x[:, 2] * np.sqrt(0.5) * (x[:, 0] >= -2)]),
    }  # fmt: skip
    for name, (vectors, members) in views.items():
        then_here = vectors[members]
        for k in (2, 3, 4):
            best = min((c for c in found[name].candidates if c.k == k), key=lambda c: (c.indices.sse, c.seed))
            # Each column of then as many deviations from its mean as today's centroid is from 0.
            moved = then_here.mean(axis=0) + best.centroids * then_here.std(axis=0) / today[name].std(axis=0)
            squared = ((then_here[:, None] - moved[None]) ** 2).sum(axis=2)
            expected = share_explained(squared.argmin(axis=1), y[members])
            useful = found[name].evidence[k].useful
            assert useful is not None
            assert useful.share == pytest.approx(expected, abs=1e-6), (name, k)
            error = np.sqrt(4 * useful.share * (1 - useful.share) ** 2 / len(then_here))
            assert useful.error == pytest.approx(error)
    assert share(found["transactional"].evidence[3]) > 0.25


def test_a_season_that_moves_everybody_changes_nothing(spark: SparkSession) -> None:
    """x1 is 3 less then for all, and half as wide: who is high and who is low is as clear."""
    x, truth = blobs(3, (60, 50, 40))
    x = x - x.mean(axis=0)
    y = np.array(truth) + np.random.default_rng(2).normal(0, 0.5, len(x))
    unified = unify("unified", parts(), {"transactional": 1.5, "behavioral": 0.5})
    now, config = customers(spark, x, np.zeros(len(x))), SweepConfig(k_max=3, seeds=[11])
    found = []
    for moved in (x, x * [1.0, 0.5, 1.0] - [0.0, 3.0, 0.0]):
        then = Holdout(customers(spark, moved, y), len(x))
        found.append(share(run_sweep(config, now, parts(), unified, len(x), then)["transactional"].evidence[3]))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0] > 0.5


@pytest.mark.long
def test_an_outcome_that_has_nothing_to_do_with_it_is_not_explained(spark: SparkSession) -> None:
    x, _ = blobs(4, (400, 300, 300))
    y = np.random.default_rng(6).exponential(size=len(x))
    unified = unify("unified", parts(), {"transactional": 1.0, "behavioral": 1.0})
    frame = customers(spark, x, y)
    found = run_sweep(SweepConfig(k_max=5, seeds=[11]), frame, parts(), unified, len(x), Holdout(frame, len(x)))
    assert all(share(e) < 0.02 for s in found.values() for e in s.evidence.values())


def test_without_a_holdout_nothing_is_said(spark: SparkSession) -> None:
    x, _ = blobs(5)
    unified = unify("unified", parts(), {"transactional": 1.0, "behavioral": 1.0})
    frame = customers(spark, x, np.zeros(len(x)))
    found = run_sweep(SweepConfig(k_max=3, seeds=[11]), frame, parts(), unified, len(x))
    assert {e.useful for s in found.values() for e in s.evidence.values()} == {None}
