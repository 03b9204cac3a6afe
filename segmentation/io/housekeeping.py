"""What keeps a warehouse small: attempts that go, files put together, files that no version needs any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from delta.tables import DeltaTable
from pyspark.sql import functions as F

from segmentation.core.schemas import Table
from segmentation.io.delta import Warehouse, partition


@dataclass(frozen=True)
class Part:
    """A partition of a published table: what one attempt wrote of it, and when last."""

    as_of: dt.date
    run_id: str
    written: dt.datetime


def parts(warehouse: Warehouse, table: Table) -> list[Part]:
    """The partitions of a published table."""
    rows = warehouse.read(table).select("as_of", "run_id", F.col("_metadata.file_modification_time").alias("at"))
    found = rows.groupBy("as_of", "run_id").agg(F.max(F.unix_micros("at")).alias("at")).collect()
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return [Part(r["as_of"], r["run_id"], epoch + dt.timedelta(microseconds=r["at"])) for r in found]


def delete_parts(warehouse: Warehouse, table: Table, gone: Iterable[tuple[dt.date, str]]) -> int:
    """Takes partitions, by as-of date and run, away in one commit that reads no data; returns its version."""
    condition = " OR ".join(partition(as_of, run_id) for as_of, run_id in gone)
    return warehouse.committed(table, lambda: _stored(warehouse, table).delete(condition))


def compact(warehouse: Warehouse, table: Table) -> tuple[int, int]:
    """Makes large files of small ones, in a commit that changes no row; how many there were, and are."""
    stored = _stored(warehouse, table)

    def files() -> int:
        row = stored.detail().select("numFiles").first()
        assert row is not None
        return int(row["numFiles"])

    before = files()
    warehouse.committed(table, lambda: stored.optimize().executeCompaction())
    return before, files()


def vacuum(warehouse: Warehouse, table: Table) -> None:
    """Deletes files that no version within the table's retention refers to; a table without rows has none."""
    # The first commit after the creation is that of rows, see `Warehouse._append_first`.
    if warehouse.version(table) > 0:
        _stored(warehouse, table).vacuum()


def _stored(warehouse: Warehouse, table: Table) -> DeltaTable:
    return DeltaTable.forPath(warehouse.spark, warehouse.path(table))
