"""Published tables without Spark, for people who wait: the rows that the views show, in a second or two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import TableNotFoundError

from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import AGGREGATES, RUNS, SEGMENT_LINEAGE, SEGMENT_MODELS, TABLES, Table
from segmentation.io.runs import shown_runs

Rows = list[dict[str, Any]]
KINDS = {table.name: table.kind for table in (*TABLES, *AGGREGATES)}
FOLDERS = {table.name: table.folder for table in (*TABLES, *AGGREGATES)}
FEATURES = "customer_features"
"""The published table whose columns `conf/features` says; what else has no contract here are tiles."""
OF_ALL_RUNS = (SEGMENT_MODELS.name, SEGMENT_LINEAGE.name)
"""Old segments refer to them, whatever was fitted since."""


@dataclass(frozen=True)
class Stored:
    """A table as it lies there: its rows, files and bytes at its newest version."""

    name: str
    rows: int
    files: int
    size: int
    version: int


class Reader:
    """Reads what a warehouse has published, pinned to the runs that were so when it was opened.

    Raises ConfigError where there is no warehouse.
    """

    def __init__(self, warehouse: str) -> None:
        self.root = warehouse.rstrip("/")
        found = self._open(RUNS.folder)
        if found is None:
            raise ConfigError(
                f"--warehouse {warehouse}: there are no published tables. Run make demo first, or name another."
            )
        runs = [r | {"output_versions": dict(r["output_versions"] or ())} for r in _query(found, RUNS.names)]
        self.runs: Rows = sorted(runs, key=lambda r: r["publish_seq"])

    def shown(self, table: Table) -> dict[dt.date, dict[str, Any]]:
        """The run whose rows of a published table are shown, by as-of date, oldest first."""
        return dict(sorted(shown_runs(self.runs, table.name).items()))

    def rows(self, table: Table, columns: Sequence[str], as_of: dt.date | None = None, **equal: str) -> Rows:
        """The rows shown of a published table, of one as-of date or all, in which the columns `equal` have the values.

        Files of other runs stay unread.
        """
        stored = self._open(table.folder)
        if stored is None:
            return []
        of = self._of_runs(table.name, as_of)
        return _query(stored, columns, [of, *(f"{name} = {_literal(value)}" for name, value in equal.items())])

    def frame(self, name: str, columns: Sequence[str] = (), as_of: dt.date | None = None) -> pd.DataFrame:
        """The same as `arrow` for pandas: maps are dicts, dates are `datetime.date`, money is `Decimal`."""
        rows: pd.DataFrame = self.arrow(name, columns, as_of).to_pandas(maps_as_pydicts="lossy")
        return rows

    def arrow(self, name: str, columns: Sequence[str] = (), as_of: dt.date | None = None) -> pa.Table:
        """A table by name as its view shows it, all columns or some, of one as-of date or all.

        Published tables show the rows of each date's last run (models and their lineage those of all runs), `stg_*`,
        tiles and `segments_latest` what the last published run left, and nothing before there was one. Marts are SQL,
        and no tables. Raises ConfigError for a table or column that is not there, and for an as-of date of a table
        that has none.
        """
        kind = KINDS.get(name, "published" if name == FEATURES else "state")
        found = self._named(name)
        contract = pa.schema(found.schema().to_arrow())
        for column in columns:
            if column not in contract.names:
                raise ConfigError(f'{name}: column "{column}" is not there. ' + nearest(column, contract.names))
        if as_of is not None and (type(as_of) is not dt.date or kind != "published"):
            raise ConfigError(f"{name}: as_of={as_of!r}. Expected a datetime.date, and a table with one per run.")
        if kind == "state":
            wrote = [r["output_versions"][name] for r in self.runs if name in r["output_versions"]]
            found.load_as_version(wrote[-1] if wrote else 0)
        types = pa.schema([contract.field(c) for c in columns or contract.names])
        where = [self._of_runs(name, as_of)] if kind == "published" else ["true"]
        return _read(found, types.names, where).cast(types)  # pandas takes no views of strings in lists

    def _of_runs(self, name: str, as_of: dt.date | None) -> str:
        """The condition on rows of a published table: the runs whose rows are shown, of one as-of date or all."""
        wrote = [r for r in self.runs if name in r["output_versions"]]
        shown = wrote if name in OF_ALL_RUNS else shown_runs(wrote, name).values()
        ids = [_literal(r["run_id"]) for r in shown if as_of in (None, r["as_of"])]
        return f"run_id IN ({', '.join(ids)})" if ids else "false"

    def _named(self, name: str) -> DeltaTable:
        there = sorted({table for run in self.runs for table in run["output_versions"]} | set(FOLDERS))
        found = self._open(FOLDERS.get(name, f"segmentation/{name}")) if name in there else None
        if found is None:
            raise ConfigError(f'{self.root}: table "{name}" is not there. ' + nearest(name, there))
        return found

    def stored(self, table: Table) -> Stored | None:
        """How large a table is, from its log alone; None where it was not created."""
        found = self._open(table.folder)
        if found is None:
            return None
        files = pa.table(found.get_add_actions(flatten=True)).to_pylist() if found.version() else []
        rows, size = (sum(f[name] or 0 for f in files) for name in ("num_records", "size_bytes"))
        return Stored(table.name, rows, len(files), size, found.version())

    def _open(self, folder: str) -> DeltaTable | None:
        try:
            return DeltaTable(f"{self.root}/{folder}")
        except TableNotFoundError:
            return None


def _query(table: DeltaTable, columns: Sequence[str], where: Sequence[str] = ("true",)) -> Rows:
    rows: Rows = _read(table, columns, where).to_pylist()
    return rows


def _read(table: DeltaTable, columns: Sequence[str], where: Sequence[str]) -> pa.Table:
    # Not to_pyarrow_table: its files are opened by threads that call Python, and one process in ten aborted at its end.
    names = ", ".join(f'"{c}"' for c in columns)
    found = QueryBuilder().register("t", table).execute(f"SELECT {names} FROM t WHERE {' AND '.join(where)}")
    return pa.table(found.read_all())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
