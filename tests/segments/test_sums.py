"""Sums by segment against fractions, whatever the partitioning."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.core.schemas import ALL_DIMENSIONS, UNIFIED
from segmentation.segments.sums import BITS, LARGEST, ROWS, Sum, _partial_sums, sums_by_segment

COLUMNS = ("small", "large", "seldom")
SEGMENTS = "customer_id string, dimension string, segment_id string, raw_segment_id string"


def whole(x: float) -> int:
    return round(Fraction(x) * 2**BITS)


@pytest.mark.parametrize("partitions", [1, 5])
def test_sums_are_those_of_fractions(spark: SparkSession, partitions: int) -> None:
    rng = np.random.default_rng(partitions)
    values, members = [], []
    for i in range(300):
        known = rng.random() < 0.1
        seldom = None if not known else float("nan") if i % 2 else rng.normal()
        values.append((f"c{i}", rng.normal(), rng.normal() * 1e5, seldom))
        members.append((f"c{i}", "transactional", f"t{i % 3}", f"m{i % 2}"))
        members.append((f"c{i}", UNIFIED, "u", None))
        if i % 5 == 0:
            members.append((f"c{i}", "behavioral", "b", "b"))
    members.append(("nobody", UNIFIED, "u", None))  # has no features
    features = spark.createDataFrame(values, "customer_id string, small double, large double, seldom double")
    found = sums_by_segment(
        spark.createDataFrame(members, SEGMENTS).repartition(partitions), features.repartition(partitions),
        {c: F.col(c) for c in COLUMNS},
    )  # fmt: skip
    by_id = {v[0]: v[1:] for v in values}
    slow: dict[tuple[str, str, str | None], list[tuple[float | None, ...]]] = {}
    for customer, d, segment, raw in members:
        if customer in by_id:
            slow.setdefault((d, segment, raw), []).append(by_id[customer])
    assert list(found) == sorted(slow, key=lambda key: (*key[:2], key[2] or ""))
    for key, rows in slow.items():
        count, sums = found[key]
        assert count == len(rows)
        for c, column in zip(COLUMNS, zip(*rows, strict=True), strict=True):
            known = [x for x in column if x is not None and x == x]
            assert sums[c].count == len(known)
            assert sums[c].whole == sum(map(whole, known))
            # One rounding to a double when a number is squared, and one to the grid.
            assert float(sums[c].squares) == pytest.approx(float(sum(Fraction(x) ** 2 for x in known)), rel=1e-12)


def test_a_task_hands_on_what_it_has_before_a_sum_leaves_64_bits() -> None:
    n = ROWS // 4
    texts = [pa.array(["s"] * n)] * (2 * len(ALL_DIMENSIONS))
    names = [str(i) for i in range(len(texts) + 1)]
    batch = pa.RecordBatch.from_arrays([*texts, pa.array(np.full(n, 2 * LARGEST))], names=names)
    handed = list(_partial_sums(iter([batch] * 9)))
    assert len(handed) == 3
    units = [r["units"] for b in handed for r in b.to_pylist() if r["position"] == 0 and r["dimension"] == UNIFIED]
    assert sum(units) == 9 * n * int(LARGEST)
    assert min(units) > 0


def test_a_sum_knows_its_mean() -> None:
    assert Sum(3, whole(1.5), whole(0.75)).mean == 0.5
    assert (Sum().total, Sum().squares) == (0, 0)
