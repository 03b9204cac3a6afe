"""Blocks: everybody once, in one order on any machine; sums that no order changes; what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import blocks as module
from segmentation.clustering.blocks import Blocks, Grid, pack
from segmentation.clustering.views import View
from segmentation.core.errors import SegmentationError
from tests.clustering.data import frame, packed, setting

BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


def contents(blocks: Blocks) -> list[tuple[int, list[float]]]:
    rows = blocks.each(lambda some: iter([(b.number, b.x[0].tolist()) for b in some]))
    return sorted(rows)


def test_blocks_hold_everybody_once_by_range_of_hash(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 4)
    vectors = frame(spark, np.arange(30.0).reshape(30, 1))
    with packed(vectors.repartition(3), 30) as blocks:
        found = contents(blocks)
    # 30 customers in blocks of at most about 4 are 8 blocks; the hash leaves none of them empty here.
    assert [number for number, _ in found] == list(range(8))
    hashes = vectors.select(F.xxhash64("customer_id").alias("h"), "x0").orderBy("h").collect()
    assert [v for _, values in found for v in values] == [r["x0"] for r in hashes]
    shares = [int((r["h"] + 2**63) * 8 / 2**64) for r in hashes]
    assert [len(values) for _, values in found] == [shares.count(i) for i in range(8)]


def test_the_same_blocks_whatever_the_partitions_and_arrow_batches(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 20)
    vectors = frame(spark, np.random.default_rng(5).normal(size=(300, 2)))
    found = []
    for rows, batch in ((vectors.coalesce(1), "10000"), (vectors.repartition(5), "7"), (vectors, "50")):
        with setting(spark, BATCH, batch), packed(rows, 300) as blocks:
            found.append(contents(blocks))
    assert len(found[0]) == 16
    assert found[0] == found[1] == found[2]


def test_customers_of_one_hash_stand_in_order_of_their_ids() -> None:
    table = pa.table({"h": [5, 5, 5], "customer_id": ["c", "a", "b"], "x0": [3.0, 1.0, 2.0]})
    row = module._packed(0, table, 1, 0).to_pylist()[0]
    assert np.frombuffer(row["x"], np.float32).tolist() == [1, 2, 3]


def test_a_view_sees_its_columns_scaled_of_those_who_meet_its_condition(spark: SparkSession) -> None:
    vectors = frame(spark, [[1.0, 10.0], [-2.0, 20.0], [3.0, -30.0]])
    views = [View("first", (0,), 0), View("both", (1, 0), None, (0.5, 2.0)), View("none", (0,), 1)]
    blocks = pack(vectors, [F.col("x0"), F.col("x1")], [F.col("x0") > 0, F.expr("x0 > nullif(9, 9)")], views, 3)
    (block,) = blocks.each(lambda some: iter(list(some)))
    blocks.release()
    first, both, none = blocks.views
    assert sorted(first.of(block)[0].tolist()) == [1, 3]
    assert sorted(map(tuple, both.of(block).T.tolist())) == [(-15, 6), (5, 2), (10, -4)]
    assert none.of(block).shape == (1, 0)  # a condition that is null is not met
    assert [v.customers for v in blocks.views] == [2, 3, 0]
    assert [v.reach for v in blocks.views] == [(3.0,), (15.0, 6.0), (0.0,)]


@pytest.mark.parametrize("wrong", [None, math.nan, math.inf, -math.inf, 1e39])
def test_what_is_no_finite_number_is_refused(spark: SparkSession, wrong: float | None) -> None:
    rows = spark.createDataFrame([("a", 1.0, 2.0), ("b", 1.0, wrong)], "customer_id string, x0 double, x1 double")
    with pytest.raises(SegmentationError, match=r'"behavioral": columns \[1\] .* Impute and cap them first'):
        pack(rows, [F.col("x0"), F.col("x1")], [], [View("behavioral", (0, 1))], 2)


def test_many_tasks_add_up_on_executors_to_the_same(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 10)
    x = np.random.default_rng(6).normal(size=(80, 2))

    def statistic(x: Any, weights: Any) -> Any:
        assert weights is None
        return np.append(x.sum(axis=1), x.shape[1])

    found = []
    with packed(frame(spark, x), 80) as blocks:
        grids = {0: Grid(np.array([*blocks.views[0].reach, 1.0]), 80)}
        for many in (64, 0):
            monkeypatch.setattr(module, "MANY_TASKS", many)
            found.append(blocks.sums({0: statistic}, grids)[0])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], [*x.sum(axis=0), 80], atol=1e-4)


def test_a_view_of_some_blocks_is_summed_over_these_and_one_of_none_not_at_all(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 10)
    vectors = frame(spark, np.arange(80.0).reshape(80, 1))
    views = [View("all", (0,)), View("three", (0,), blocks=3), View("none", (0,), blocks=0)]
    blocks = pack(vectors, [F.col("x0")], [], views, 80)
    found = blocks.sums(dict.fromkeys(range(3), lambda x, _: x.sum(axis=1)),
                        {v: Grid(np.array([80.0]), 80) for v in range(3)})  # fmt: skip
    held = blocks.each(lambda some: iter([(b.number, float(b.x.sum()), b.x.shape[1]) for b in some]))
    blocks.release()
    assert {v: total.tolist() for v, total in found.items()} == {
        0: [sum(range(80))], 1: [sum(total for number, total, _ in held if number < 3)],
    }  # fmt: skip
    assert [v.customers for v in blocks.views] == [80, sum(n for number, _, n in held if number < 3), 0]


def test_a_few_customers_are_in_four_blocks_for_the_sake_of_the_cores(spark: SparkSession) -> None:
    for customers, expected in ((1000, 1), (2047, 1), (2048, 2), (4095, 2), (4096, 4), (16384, 4), (16385, 8)):
        with packed(frame(spark, [[0.0]]), customers) as blocks:
            assert blocks.count == expected


def test_blocks_are_given_back_where_a_vector_is_refused(spark: SparkSession) -> None:
    before = spark.sparkContext._jsc.getPersistentRDDs().size()
    rows = spark.createDataFrame([("a", math.nan)], "customer_id string, x0 double")
    with pytest.raises(SegmentationError, match="Impute"):
        pack(rows, [F.col("x0")], [], [View("behavioral", (0,))], 1)
    assert spark.sparkContext._jsc.getPersistentRDDs().size() == before


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=50),
    st.sampled_from([1e-30, 1.0, 3.7, 1e12]),
    st.randoms(use_true_random=False),
)
def test_a_sum_on_a_grid_is_the_same_in_any_order_and_right(shares: list[float], bound: float, random: Any) -> None:
    numbers = [s * bound for s in shares]
    grid = Grid(np.array(bound), len(numbers))
    shuffled = random.sample(numbers, len(numbers))
    one, other = (sum((grid.whole(np.array(v)) for v in values), start=np.array(0)) for values in (numbers, shuffled))
    assert one == other
    assert abs(float(grid.numbers(one)) - math.fsum(numbers)) <= len(numbers) ** 2 * bound * 2.0**-52


def test_the_largest_sum_fits_and_whole_numbers_stay_whole() -> None:
    grid = Grid(np.array([1e6, 1.0]), 1e9)
    whole = grid.whole(np.array([1e6, 1.0])) * 10**9
    np.testing.assert_allclose(grid.numbers(whole), [1e15, 1e9], rtol=1e-12)
    assert grid.numbers(grid.whole(np.array([0.0, 123_456_789.0]))).tolist() == [0, 123_456_789]
