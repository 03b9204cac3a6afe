"""Matrices that break clusterings, from features to a decision: each ends in a documented result or a clear error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.clustering import Choice, SweepConfig, Swept, choose, run_sweep
from segmentation.core.errors import SegmentationError
from segmentation.matrix import Preprocessor, unify
from tests.clustering.data import as_they_are, blobs
from tests.matrix.data import feature, fit

CONFIG = SweepConfig(k_max=5, seeds=[11, 23])


def decided(spark: SparkSession, columns: dict[str, Sequence[Any]]) -> tuple[Preprocessor, Swept, Choice]:
    """What comes of columns of one dimension: what was fitted, the sweep, and the choice."""
    texts = {name for name, values in columns.items() if isinstance(values[0], str)}
    p = fit([feature(name, unit="text" if name in texts else "ratio") for name in columns], **columns)
    frame = spark.createDataFrame(
        [(f"c{i:04d}", *row) for i, row in enumerate(zip(*columns.values(), strict=True))],
        "customer_id string, " + ", ".join(f"{n} {'string' if n in texts else 'double'}" for n in columns),
    )
    n = len(next(iter(columns.values())))
    swept = run_sweep(CONFIG, frame, [p], unify("unified", [p], {"transactional": 1.0}), n)
    one = swept["transactional"]
    return p, one, choose(CONFIG, "transactional", one)


def named(x: Any) -> dict[str, Sequence[Any]]:
    return {f"x{i}": x[:, i].tolist() for i in range(x.shape[1])}


def test_constant_columns_leave_the_fit_and_change_nothing(spark: SparkSession) -> None:
    x, _ = blobs(2, (120, 100, 80))
    plain = decided(spark, named(x))
    p, swept, choice = decided(spark, named(x) | {"flat": [7.0] * len(x), "empty": [None] * len(x)})
    assert [(d.feature, d.reason) for d in p.dropped] == [(f, "is the same for everyone") for f in ("flat", "empty")]
    assert _same(swept, plain[1])
    assert (choice.structure, choice.candidate.k if choice.candidate else None) == ("clusters", 3)


@pytest.mark.parametrize("share", [0.002, 0.01], ids=str)
def test_what_few_customers_have_makes_no_segment_of_them(spark: SparkSession, share: float) -> None:
    """An answer, a flag and a country that so few have, beside columns without groups: no k sets these few apart."""
    rng = np.random.default_rng(4)
    few = rng.permutation(2000) < round(2000 * share)
    rare: dict[str, Sequence[Any]] = {
        "nps": np.where(few, rng.integers(0, 11, 2000), 9.0).tolist(),
        "flag": few.astype(float).tolist(),
        "country": np.where(np.roll(few, 700), "CA", "US").tolist(),
    }
    p, swept, _ = decided(spark, named(rng.normal(size=(2000, 5))) | rare)
    assert {s.feature for s in p.fitted} >= {"nps"}
    assert {c.k for c in swept.candidates} == {2, 3, 4, 5}
    assert min(c.indices.min_share for c in swept.candidates) > 0.1


@pytest.mark.long
def test_a_column_five_times_changes_no_assignment_and_no_score(spark: SparkSession) -> None:
    """Of a number, and of four that differ from it by their unit, their sign and a little noise; and of a text."""
    x, _ = blobs(2, (120, 100, 80))
    noise = np.random.default_rng(1).normal(0, 0.02, len(x))
    town = np.random.default_rng(2).choice(["Kiel", "Rom", "Ulm"], len(x))
    columns = named(x) | {"town": town.tolist()}
    plain = decided(spark, columns)
    again = {"same": x[:, 0], "cents": 100 * x[:, 0] + 5, "minus": -x[:, 0], "near": x[:, 0] + noise}
    codes = {f"code{i}": np.char.add(town, str(i)) for i in range(4)}
    p, swept, _ = decided(spark, columns | {name: v.tolist() for name, v in (again | codes).items()})
    assert p.names == plain[0].names == ("x0", "x1", "x2", "town=Kiel", "town=Rom", "town=Ulm")
    assert {s.feature for s in p.slots if not s.fitted} == {*again, *codes}
    assert _same(swept, plain[1])


def test_columns_that_are_sums_of_others_leave_the_fit(spark: SparkSession) -> None:
    x, _ = blobs(2, (120, 100, 80))
    total = {"total": x.sum(axis=1).tolist(), "rest": (x[:, 0] - 2 * x[:, 1]).tolist()}
    p, swept, _ = decided(spark, named(x) | total)
    assert p.names == ("x0", "x1", "x2")
    assert " say together: multiple correlation " in p.dropped[0].reason
    assert _same(swept, decided(spark, named(x))[1])


def test_nan_and_null_are_filled_with_the_median(spark: SparkSession) -> None:
    x, _ = blobs(2, (120, 100, 80))
    holes = x.copy()
    holes[:3, 0], holes[3:6, 1] = np.nan, np.nan
    columns = named(holes)
    columns["x1"] = [None if np.isnan(v) else v for v in holes[:, 1].tolist()]
    _, swept, choice = decided(spark, columns)
    assert choice.candidate is not None
    assert all(np.isfinite(c.centroids).all() for c in swept.candidates)
    # As the preprocessor fills them: with the median of what is known.
    filled = np.where(np.isnan(holes), np.nanmedian(holes, axis=0), holes)
    assert choice.candidate.indices.sizes == _sizes(spark, named(filled))


def test_a_vector_that_is_not_finite_is_refused_by_column_before_any_fit(spark: SparkSession) -> None:
    rows = [("a", 1.0, 2.0), ("b", float("nan"), 3.0)]
    frame = spark.createDataFrame(rows, "customer_id string, x0 double, x1 double")
    part = as_they_are("transactional", range(2))
    with pytest.raises(SegmentationError, match=r'"transactional": columns \[0\] of the vectors hold null, NaN'):
        run_sweep(CONFIG, frame, [part], unify("unified", [part], {"transactional": 1.0}), 2)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_one_row_or_a_few_are_one_segment_for_all(spark: SparkSession, rows: int) -> None:
    x = np.random.default_rng(3).normal(size=(rows, 3))
    _, _, choice = decided(spark, named(x))
    assert (choice.candidate, choice.chosen_by, choice.structure) == (None, "system", "none")
    assert choice.reason.startswith("No structure")


WIDE = np.random.default_rng(7).normal(size=(603, 200))


@pytest.mark.long
def test_two_hundred_columns_of_noise_have_no_structure(spark: SparkSession) -> None:
    p, _, choice = decided(spark, named(WIDE[:600]))
    assert len(p.names) == 200
    assert (choice.candidate, choice.structure) == (None, "none")


@pytest.mark.long
def test_three_groups_planted_in_two_hundred_columns_are_found(spark: SparkSession) -> None:
    _, _, choice = decided(spark, named(WIDE[:600] + np.repeat(WIDE[600:], [250, 200, 150], axis=0)))
    assert choice.candidate is not None
    assert sorted(choice.candidate.indices.sizes) == [150, 200, 250]


def _same(one: Swept, other: Swept) -> bool:
    """To the bit: centroids, indices and evidence."""
    same = all(
        (a.k, a.seed, a.centroids.tobytes(), a.indices) == (b.k, b.seed, b.centroids.tobytes(), b.indices)
        for a, b in zip(one.candidates, other.candidates, strict=True)
    )
    return same and one.evidence == other.evidence and one.customers == other.customers


def _sizes(spark: SparkSession, columns: dict[str, Sequence[Any]]) -> tuple[float, ...]:
    candidate = decided(spark, columns)[2].candidate
    assert candidate is not None
    return candidate.indices.sizes
