"""What a reader without Spark sees: Delta tables through `deltalake`, filtered on `runs` as README says."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
from deltalake import DeltaTable

# What tells two runs of the same thing apart, and nothing else.
RUN_COLUMNS = ("run_id", "model_version", "mlflow_run_id", "model_path", "files_sha256", "ingested_at")


def table(warehouse: Path, name: str) -> pd.DataFrame:
    return DeltaTable(warehouse / "segmentation" / name).to_pandas()


def published(warehouse: Path, name: str, as_of: dt.date) -> pd.DataFrame:
    """The rows of one as-of date that the views show: those of the highest publish_seq that wrote the table."""
    runs = table(warehouse, "runs")
    wrote = runs["output_versions"].map(lambda versions: name in dict(versions))
    newest = runs[wrote & (runs["as_of"] == as_of)].sort_values("publish_seq").iloc[-1]
    rows = table(warehouse, name)
    return rows[rows["run_id"] == newest["run_id"]]


def counted_by_others(folder: Path) -> set[int]:
    """How many rows a Delta table has by its log, and as Polars and DuckDB read all columns of them."""
    stored = DeltaTable(folder)
    logged = sum(n or 0 for n in stored.get_add_actions(flatten=True)["num_records"].to_pylist())
    connection = duckdb.connect()
    connection.register("stored", stored.to_pyarrow_dataset())
    read = len(connection.sql("SELECT * FROM stored").fetchall())
    return {logged, read, pl.scan_delta(str(folder)).collect().height}


def folders(warehouse: Path) -> list[Path]:
    """Of every table, and of the aggregates beside them."""
    return sorted((*(warehouse / "segmentation").iterdir(), *(warehouse / "aggregates").iterdir()))


def row_hash(rows: pd.DataFrame) -> str:
    """A hash of the rows in any order, without what only names the run."""
    kept = rows.drop(columns=[c for c in RUN_COLUMNS if c in rows])
    lines = sorted(repr([_plain(v) for v in row]) for row in kept.itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((k, _plain(v)) for k, v in value.items())
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
