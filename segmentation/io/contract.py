"""A Delta table made, or widened, as its contract says."""

from __future__ import annotations

from functools import cache
from typing import cast

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, StructField, StructType

from segmentation.core.errors import SegmentationError
from segmentation.core.schemas import Table

KEPT = "interval 400 days"
"""How long a state table's earlier versions can be read. Runs pin them, and the last run of a monthly rhythm is older
than the 7 days after which Delta refuses to go back."""


def create_table(spark: SparkSession, path: str, table: Table) -> None:
    """Creates the table empty; nothing where there is one."""
    builder = DeltaTable.createIfNotExists(spark).location(path).comment(table.grain)
    builder = builder.addColumns(_with_comments(table))
    if table.partition_by:
        builder = builder.partitionedBy(*table.partition_by)
    if table.kind == "state":
        builder = builder.property("delta.deletedFileRetentionDuration", KEPT)
        builder = builder.property("delta.logRetentionDuration", KEPT)
    if table.change_feed:
        builder = builder.property("delta.enableChangeDataFeed", "true")
    builder.execute()


def widen_table(spark: SparkSession, path: str, table: Table) -> None:
    """Adds the columns that the stored table lacks.

    Raises SegmentationError where a stored column has another type than the contract.
    """
    stored = {f.name: f.dataType for f in spark.read.format("delta").load(path).schema}
    missing = [c for c in table.columns if c.name not in stored]
    for c in table.columns:
        if c.name in stored and not _same_type(stored[c.name], c.type):
            raise SegmentationError(
                f'{path}: column "{c.name}" is {stored[c.name].simpleString()}, this version writes {c.type}. '
                "Use another --warehouse, or migrate the table."
            )
    if missing:
        columns = ", ".join(f"`{c.name}` {c.type} COMMENT {quote(c.comment)}" for c in missing)
        spark.sql(f"ALTER TABLE delta.`{path}` ADD COLUMNS ({columns})")


@cache
def struct(ddl: str) -> StructType:
    """Columns as Spark's DDL writes them, as a type."""
    return cast(StructType, StructType.fromDDL(ddl))


def quote(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _same_type(stored: DataType, ddl: str) -> bool:
    return stored.simpleString() == struct(f"c {ddl}")["c"].dataType.simpleString()


def _with_comments(table: Table) -> StructType:
    columns = zip(struct(table.ddl), table.columns, strict=True)
    return StructType([StructField(f.name, f.dataType, f.nullable, {"comment": c.comment}) for f, c in columns])
