"""Tables are created empty, once, whoever else does it at the same moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from segmentation.core.errors import SegmentationError
from segmentation.core.schemas import K_SWEEP, PROMOTIONS, RUNS, STG_PRODUCTS, Column, Table
from segmentation.io import Warehouse
from tests.io.data import AS_OF, at_once, sweep

pytestmark = pytest.mark.usefixtures("created_by_spark")


def with_column(table: Table, name: str, type_: str) -> Table:
    return replace(table, columns=(*table.columns, Column(name, type_, f"It's {name}; new")))


def retyped(table: Table, name: str, type_: str) -> Table:
    return replace(table, columns=tuple(replace(c, type=type_) if c.name == name else c for c in table.columns))


def test_a_table_is_what_its_contract_says_to_a_reader_without_spark(warehouse: Warehouse) -> None:
    warehouse.create([K_SWEEP, STG_PRODUCTS])
    for table, partitions in ((K_SWEEP, ["as_of", "run_id"]), (STG_PRODUCTS, [])):
        stored = DeltaTable(warehouse.path(table))
        assert [f.name for f in stored.schema().fields] == list(table.names)
        assert {f.name: f.metadata["comment"] for f in stored.schema().fields} == {
            c.name: c.comment for c in table.columns
        }
        assert stored.metadata().partition_columns == partitions
        assert stored.metadata().description == table.grain
        assert stored.metadata().configuration["delta.enableDeletionVectors"] == "false"
        assert stored.file_uris() == []
    assert warehouse.exists(K_SWEEP)
    assert not warehouse.exists(RUNS)


def test_creating_again_changes_nothing(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])
    warehouse.write_attempt(K_SWEEP, sweep(spark, "r1", 2), AS_OF, "r1")
    warehouse.create([K_SWEEP])
    assert warehouse.version(K_SWEEP) == 1
    assert warehouse.read(K_SWEEP).count() == 1


def test_two_jobs_that_create_in_the_same_moment_both_get_their_tables(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    tables = [RUNS, K_SWEEP, PROMOTIONS]
    jobs = [Warehouse(spark, warehouse.root) for _ in range(2)] * 2
    at_once([lambda job=job: job.create(tables) for job in jobs])  # type: ignore[misc]
    assert [warehouse.version(t) for t in tables] == [0, 0, 0]


def test_a_missing_column_is_added_and_old_rows_hold_null(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])
    warehouse.write_attempt(K_SWEEP, sweep(spark, "r1", 2), AS_OF, "r1")
    wider = with_column(K_SWEEP, "stability", "double")
    warehouse.create([wider])
    warehouse.create([wider])
    rows = warehouse.read(wider)
    assert rows.schema["stability"].dataType.simpleString() == "double"
    assert rows.schema["stability"].metadata["comment"] == "It's stability; new"
    assert [(r["k"], r["stability"]) for r in rows.collect()] == [(2, None)]
    assert warehouse.version(wider) == 2


def test_two_jobs_that_add_the_same_column_in_the_same_moment_both_find_it(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    warehouse.create([K_SWEEP])
    wider = with_column(K_SWEEP, "stability", "double")
    at_once([lambda: Warehouse(spark, warehouse.root).create([wider])] * 4)
    assert warehouse.read(wider).columns == list(wider.names)
    assert warehouse.version(wider) == 1


@pytest.mark.parametrize(("name", "type_"), [("k", "bigint"), ("silhouette", "decimal(18,2)")])
def test_a_column_of_another_type_is_refused_with_both_types(warehouse: Warehouse, name: str, type_: str) -> None:
    warehouse.create([retyped(K_SWEEP, name, type_)])
    ours = K_SWEEP.column(name).type
    with pytest.raises(SegmentationError) as refusal:
        warehouse.create([K_SWEEP])
    assert str(refusal.value) == (
        f'{warehouse.root}/segmentation/k_sweep: column "{name}" is {type_}, this version writes {ours}. '
        "Use another --warehouse, or migrate the table."
    )


def test_a_folder_that_holds_something_else_is_not_taken(warehouse: Warehouse) -> None:
    folder = Path(warehouse.path(K_SWEEP))
    folder.mkdir(parents=True)
    (folder / "holiday.jpg").write_bytes(b"sun")
    with pytest.raises(AnalysisException, match="not a Delta table"):
        warehouse.create([K_SWEEP])
    assert [p.name for p in folder.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("root", ["wh", "wh/", "./wh", "../{name}/wh"])
def test_however_a_local_path_is_written_the_root_is_absolute_and_plain(
    spark: SparkSession, tmp_path: Path, root: str
) -> None:
    found = Warehouse(spark, f"{tmp_path}/{root.format(name=tmp_path.name)}")
    assert Path(found.root) == Path(found.root).resolve() == tmp_path / "wh"
    assert Warehouse(spark, f"file:{tmp_path}/wh").root == str(tmp_path / "wh")
    assert found.path(K_SWEEP) == found.path("k_sweep") == f"{found.root}/segmentation/k_sweep"
