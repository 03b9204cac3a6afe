"""A small shop's raw files: good rows to start from, and the mapping that stages them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.schemas import STG_TRANSACTIONS, Table
from segmentation.io.files import list_files
from segmentation.io.raw import open_raw
from segmentation.staging import Cleaned, Part, Source, clean

RECEIVED = dt.date(2018, 1, 1)

LINE = {
    "receipt": "r1", "line": "1", "customer": "c1", "at": "2017-03-01T17:30:00Z", "net": "10.00", "off": "0",
    "units": "2", "currency": "USD", "returned": "false",
}  # fmt: skip
COLUMNS = {
    "transaction_id": "receipt", "line_no": "line", "customer_id": "customer", "transaction_ts": "at",
    "net_amount": "net", "discount_amount": "off", "quantity": "units", "currency": "currency",
    "is_return": "returned",
}  # fmt: skip


def part(columns: Mapping[str, str] = COLUMNS, **settings: Any) -> Part:
    """A CSV of receipt lines, `lines.csv`, unless told otherwise."""
    return Part.model_validate({"files": "lines.csv", "format": "csv", "columns": dict(columns), **settings})


def shop(**settings: Any) -> Source:
    """A shop in New York that sells in dollars; its first year is 2016."""
    given = {
        "description": "a shop", "time_zone": "America/New_York", "currency": "USD", "earliest_date": "2016-01-01",
        "transactions": [part()],
    }  # fmt: skip
    return Source.model_validate({**given, **settings})


def lines(spark: SparkSession, *changes: Mapping[str, str | None]) -> DataFrame:
    """Receipts r1, r2, … of one line each as a CSV gives them, all text: LINE but for the changes."""
    rows = [LINE | {"receipt": f"r{i}"} | dict(change) for i, change in enumerate(changes, start=1)]
    return table(spark, ", ".join(f"{name} string" for name in LINE), *(tuple(row.values()) for row in rows))


def table(spark: SparkSession, ddl: str, *rows: tuple[Any, ...]) -> DataFrame:
    """A table written out: its columns and types, then its rows."""
    return spark.createDataFrame(list(rows), ddl)


def stage(source: Source, raw: DataFrame, staged: Table = STG_TRANSACTIONS) -> Cleaned:
    """`raw` as the only part of its input."""
    return clean(source, staged, [(source.parts(staged)[0], raw, [])], RECEIVED)


def stage_files(spark: SparkSession, folder: Path, source: Source, staged: Table = STG_TRANSACTIONS) -> Cleaned:
    """The files of `folder`, found and opened the way the ingest job does."""

    def opened(of: Any, reads: frozenset[str]) -> DataFrame:
        return open_raw(spark, list_files(spark, str(folder), of.files), of.format, of.options, reads)

    parts = [(p, opened(p, p.reads), [opened(look, p.reads) for look in p.lookups]) for p in source.parts(staged)]
    return clean(source, staged, parts, RECEIVED)


def verdicts(cleaned: Cleaned, key: str = "receipt") -> DataFrame:
    """One row per raw row: the raw value that names it, the rule it broke and the reason; nulls where accepted."""
    named = F.get_json_object(cleaned.raw_row, f"$.{key}").alias(key)
    return cleaned.rows.select(named, "verdict.rule", "verdict.reason").orderBy(key, "rule")
