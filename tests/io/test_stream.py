"""A stream over the run manifest: when it calls, what it raises, and that a lost place only makes it look again."""

from __future__ import annotations

import pytest
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import RUNS
from segmentation.io import RunStore, Warehouse
from segmentation.io.housekeeping import compact
from segmentation.io.stream import on_new_runs
from tests.io.data import attempt

UNCHECKED = "spark.databricks.delta.retentionDurationCheck.enabled"


def calls(warehouse: Warehouse) -> int:
    """How often a batch is called for what is there."""
    called: list[int] = []
    on_new_runs(warehouse, "watch", ["monthly"], None, lambda: called.append(1))
    return len(called)


def test_it_calls_once_for_what_is_new(warehouse: Warehouse, store: RunStore) -> None:
    assert calls(warehouse) == 0
    store.publish(attempt("monthly", config=1))
    store.publish(attempt("monthly", config=2))
    assert [calls(warehouse), calls(warehouse)] == [1, 0]
    store.publish(attempt("monthly", config=3))
    compact(warehouse, RUNS)  # files of its own, and no run more
    assert [calls(warehouse), calls(warehouse)] == [1, 0]


@pytest.mark.long
def test_where_housekeeping_has_taken_its_place_away_it_looks_again(warehouse: Warehouse, store: RunStore) -> None:
    store.publish(attempt("monthly", config=1))
    assert calls(warehouse) == 1
    store.publish(attempt("monthly", config=2))
    compact(warehouse, RUNS)
    spark = warehouse.spark
    spark.conf.set(UNCHECKED, "false")
    try:
        DeltaTable.forPath(spark, warehouse.path(RUNS)).vacuum(0)
    finally:
        spark.conf.unset(UNCHECKED)
    assert [calls(warehouse), calls(warehouse)] == [1, 0]


def test_what_a_batch_raises_comes_out_as_it_is_and_the_batch_comes_again(
    warehouse: Warehouse, store: RunStore
) -> None:
    store.publish(attempt("monthly", config=1))

    def ours() -> None:
        raise BadInputError("the file is empty")

    def sparks() -> None:
        warehouse.spark.range(1).select(F.raise_error(F.lit("the file is torn"))).collect()

    with pytest.raises(BadInputError, match="the file is empty"):
        on_new_runs(warehouse, "watch", ["monthly"], None, ours)
    with pytest.raises(PySparkException, match="the file is torn") as raised:
        on_new_runs(warehouse, "watch", ["monthly"], None, sparks)
    assert "STREAM_FAILED" not in str(raised.value)
    assert calls(warehouse) == 1


def test_an_interval_that_is_none_is_refused(warehouse: Warehouse, store: RunStore) -> None:
    with pytest.raises(BadInputError, match='--every "soon" is no interval'):
        on_new_runs(warehouse, "watch", ["monthly"], "soon", lambda: None)
