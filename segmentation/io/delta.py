"""The warehouse: Delta tables under `<warehouse>/segmentation/`, read and written by their contract."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriter, Row, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import OvertakenError, SegmentationError
from segmentation.core.schemas import Column, Table
from segmentation.io.commits import ATTEMPTS, LOST, committed, last_commit
from segmentation.io.contract import create_table, quote, struct, widen_table
from segmentation.io.files import file_system, literal

FIRST_ROWS = "first rows"
"""The transaction of a table's first append, in every version of this code that may write beside another."""
NO_ROW = ("OPTIMIZE", "VACUUM START", "VACUUM END", "ADD COLUMNS")
"""Operations that change no row of what was there."""


class Warehouse:
    """Reads and writes tables by their contract.

    Holds the session and the root; every fact about data is in Delta, and here too what was asked of small tables:
    their newest rows, and those of single runs.
    """

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.root = absolute(spark, root)
        self._rows: dict[str, tuple[int, list[Row]]] = {}
        self._of_runs: dict[tuple[str, dt.date, str], DataFrame | list[Row]] = {}

    def path(self, table: Table | str) -> str:
        """Where a table lives, for readers without a metastore too; aggregate ones apart from the others."""
        return f"{self.root}/{f'segmentation/{table}' if isinstance(table, str) else table.folder}"

    def create(self, tables: Iterable[Table]) -> None:
        """Creates missing tables empty and adds missing columns.

        Raises SegmentationError where a stored column has another type than the contract.
        """
        # Each is a handful of short driver-side jobs: four at once take a third of the time.
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._create_one, tables))

    def _create_one(self, table: Table) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._match_contract(table)
                return
            except (AnalysisException, *LOST):
                # Another job creates or widens the table in this moment: soon it is done.
                if attempt == ATTEMPTS:
                    raise
                time.sleep(0.25)

    def _match_contract(self, table: Table) -> None:
        if self.exists(table):
            widen_table(self.spark, self.path(table), table)
        else:
            create_table(self.spark, self.path(table), table)

    def read(self, table: Table | str, version: int | None = None) -> DataFrame:
        """A table as it is, or as it was at `version`."""
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(table))

    def read_run(self, table: Table, as_of: dt.date, run_id: str) -> DataFrame:
        """What one run wrote; both partition columns are literals, so other partitions are never listed."""
        return self.read(table).where(partition(as_of, run_id))

    def rows_of_run(self, table: Table, as_of: dt.date, run_id: str) -> list[Row]:
        """The same of a small table, collected; what a run wrote stays the same, and is read once, or not at all."""
        key = table.name, as_of, run_id
        found = self._of_runs.get(key)
        if not isinstance(found, list):
            found = (self.read_run(table, as_of, run_id) if found is None else found).collect()
            self._of_runs[key] = found
        return found

    def frame(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
        """Rows made on the driver, in the table's types and order."""
        return self.spark.createDataFrame([tuple(row[name] for name in table.names) for row in rows], struct(table.ddl))

    def merge(
        self, table: Table, rows: DataFrame, gone: DataFrame | None = None, once: Collection[str] = (),
        base: int | None = None,
    ) -> int:  # fmt: skip
        """Upserts `rows` on the table's key, deletes the keys in `gone`, in one commit, and returns its version.

        Rows that are already there with the same values are left alone, so a repeat changes nothing. The columns
        `once` keep the value that they were inserted with. A key must not be in both, nor twice in `rows`. base: see
        `committed`.
        """
        key = " AND ".join(f"t.`{k}` <=> s.`{k}`" for k in table.key)
        others = [c.name for c in table.columns if c.name not in (*table.key, *once)]
        changes = rows.select(*table.names, F.lit(False).alias("is_gone"))
        if gone is not None:
            keys = gone.select(*table.key, F.lit(True).alias("is_gone"))
            changes = changes.unionByName(keys, allowMissingColumns=True)

        def commit() -> None:
            if self._append_first(table, rows):
                return
            (
                DeltaTable.forPath(self.spark, self.path(table)).alias("t")
                .merge(changes.alias("s"), key)
                .whenMatchedDelete("s.is_gone")
                .whenMatchedUpdate(_differs(table, once), {f"`{c}`": f"s.`{c}`" for c in others})
                .whenNotMatchedInsert("NOT s.is_gone", {f"`{c}`": f"s.`{c}`" for c in table.names})
                .execute()
            )  # fmt: skip

        return self.committed(table, commit, base)

    def insert_missing(self, table: Table, rows: DataFrame, on: str | None = None) -> int:
        """Inserts the rows whose key (or the condition `on`, between t and s) is not there yet; one commit.

        What is known of a small table stays known: our own rows, right behind it, need no reading.
        """
        condition = on or " AND ".join(f"t.`{k}` <=> s.`{k}`" for k in table.key)
        path = self.path(table)
        ours = rows.select(*table.names)
        inserted = 0

        def commit() -> None:
            nonlocal inserted
            stored = DeltaTable.forPath(self.spark, path).alias("t")
            done = stored.merge(ours.alias("s"), condition).whenNotMatchedInsertAll().execute().first()
            assert done is not None  # it counts what it did
            inserted = done["num_inserted_rows"]

        made = self.committed(table, commit)
        known = self._rows.get(path)
        if inserted and known is not None and known[0] + 1 == made == self._newest(table):  # nobody else's commit
            added = ours.collect()
            if len(added) == inserted:
                self._rows[path] = made, [*known[1], *added]
        return made

    def _append_first(self, table: Table, rows: DataFrame) -> bool:
        """Appends to a table that was only created so far; False, and nothing written, where there is more.

        To look for rows in an empty table, MERGE copies them all first. Of two who append at once, Delta fails one
        (ConcurrentTransactionException), and it skips an append that comes later: both name the same transaction. A
        MERGE does not see an append at its side; it is tried only once there is another commit than the creation,
        which is an append, or a change of columns, which fails appends that began before it.
        """
        if self.version(table) > 0 or self.read(table).inputFiles():
            return False
        writer = _appending(table, rows)
        writer.option("txnAppId", FIRST_ROWS).option("txnVersion", 1).save(self.path(table))
        return last_commit(self.spark) is not None

    def replace(
        self, table: Table, rows: DataFrame, keys: DataFrame, parts: Collection[dt.date], base: int | None = None
    ) -> int:  # fmt: skip
        """Makes the rows whose key is in `keys` (some of the key columns) be `rows`; one commit, returns its version.

        `parts`: the values, one at least, of the column that parts the table in which such rows and keys lie. Their
        files are written anew in one pass: to MERGE them rewrote the same ones, and took twice as long. Other parts
        stay unread. base: see `committed`.
        """
        (part,) = table.parted_by
        inside = " OR ".join(f"{part} = DATE'{value}'" for value in sorted(parts))

        def commit() -> None:
            others = self.read(table).where(inside).join(keys, list(keys.columns), "left_anti")
            written = others.select(*table.names).unionByName(rows.select(*table.names))
            written.write.format("delta").mode("overwrite").option("replaceWhere", inside).save(self.path(table))

        return self.committed(table, commit, base)

    def changes(self, table: Table, since: int, until: int) -> DataFrame:
        """The rows that the commits after `since` up to `until` inserted, deleted, or changed: before and after."""
        reader = self.spark.read.format("delta").option("readChangeFeed", "true")
        feed = reader.option("startingVersion", since + 1).option("endingVersion", until).load(self.path(table))
        return feed.select(*table.names)

    def overwrite(self, table: Table, rows: DataFrame, as_ofs: Iterable[dt.date] | None = None) -> int:
        """Replaces a table's content, or that of some as-of dates alone, in one commit and returns its version."""
        writer = rows.select(*table.names).write.format("delta").mode("overwrite")
        if as_ofs is not None:
            dates = ", ".join(f"DATE'{as_of}'" for as_of in as_ofs)
            writer = writer.option("replaceWhere", f"as_of IN ({dates})")
        return self.committed(table, lambda: writer.save(self.path(table)))

    def write_attempt(self, table: Table, rows: DataFrame, as_of: dt.date, run_id: str) -> int:
        """Writes one attempt's partition of a published table, once; nobody sees it before the run is published."""
        return self.write_attempts(table, rows, {as_of: run_id})

    def write_rows(self, table: Table, rows: Iterable[Mapping[str, Any]], as_of: dt.date, run_id: str) -> int:
        """The same of a few rows made on the driver, which `rows_of_run` then knows."""
        frame = self.frame(table, rows)
        version = self.write_attempt(table, frame, as_of, run_id)
        self._of_runs[table.name, as_of, run_id] = frame
        return version

    def write_attempts(self, table: Table, rows: DataFrame, run_ids: Mapping[dt.date, str]) -> int:
        """The same for one attempt an as-of date, in one commit. Rows of another attempt fail the write.

        Appends: an attempt's id is its own, so that there is nothing to replace, and to look for it (`replaceWhere`)
        took three quarters of the time of a small write.
        """
        ours = F.expr(" OR ".join(partition(as_of, run_id) for as_of, run_id in run_ids.items()))
        other = F.raise_error(F.concat(F.lit(f"{table.name}: a row of another attempt: "), F.col("run_id")))
        rows = rows.withColumn("run_id", F.when(ours, F.col("run_id")).otherwise(other))
        writer = _appending(table, rows)
        return self.committed(table, lambda: writer.save(self.path(table)))

    def restore(self, table: Table, version: int) -> int:
        """Makes a state table hold the rows that it held at `version`; returns the newest version with them.

        Nothing is done where it does, whatever housekeeping has moved. Raises Spark's error where files of that
        version are gone.
        """
        newest = self.version(table)
        if not self.operations(table, version, newest):
            return newest
        stored = DeltaTable.forPath(self.spark, self.path(table))
        made = self.committed(table, lambda: stored.restoreToVersion(version))
        self._match_contract(table)  # the columns are those of then, too
        return made

    def operations(self, table: Table, since: int, until: int | None = None) -> list[str]:
        """What Delta calls the commits after the version `since`, up to `until`, that may have changed rows."""
        stored, behind = DeltaTable.forPath(self.spark, self.path(table)), self.version(table) - since
        commits: list[Row] = []
        while behind:  # the newest so many: more, where somebody commits in between
            commits = stored.history(behind).select("version", "operation").collect()
            if commits[0]["version"] - since == behind:
                break
            behind = commits[0]["version"] - since
        return [
            r["operation"] for r in commits if (until is None or r["version"] <= until) and r["operation"] not in NO_ROW
        ]

    def committed(self, table: Table, commit: Callable[[], object], base: int | None = None) -> int:
        """The version that this commit made, whatever another process has committed since; one thread a session.

        base: the version that the commit is meant for. Raises OvertakenError where somebody else has changed rows
        behind it; what was committed stays there, for `restore`.
        """
        made = committed(self.spark, commit)
        ours, version = (0, self.version(table)) if made is None else (1, made)
        if base is not None and version > base + ours and len(self.operations(table, base, version)) > ours:
            raise OvertakenError(f"{table.name} was written by another job in the meantime; start this one again.")
        return version

    def version(self, table: Table) -> int:
        """The table's newest Delta version."""
        newest = self._newest(table)
        if newest is None:
            raise SegmentationError(f"{self.path(table)}: there is no table. Expected one that a job has created.")
        return newest

    def _newest(self, table: Table) -> int | None:
        # Its commits are files named by number, and a listing is sorted: no Spark job, as the table's history would be.
        fs, commits = file_system(self.spark, f"{literal(self.path(table))}/_delta_log/[0-9]*.json")
        found = fs.globStatus(commits)
        return int(found[len(found) - 1].getPath().getName().partition(".")[0]) if found else None

    def rows(self, table: Table) -> list[Row]:
        """Everything in a small table, read again only where somebody has written since; none where it is not there."""
        version, path = self._newest(table), self.path(table)
        if version is None:
            return []
        known = self._rows.get(path)
        if known is None or known[0] != version:
            known = self._rows[path] = version, self.read(table, version).collect()
        return known[1]

    def delete_folder(self, path: str) -> None:
        """Deletes a folder that is no table's; nothing where there is none."""
        fs, folder = file_system(self.spark, path)
        fs.delete(folder, True)

    def exists(self, table: Table) -> bool:
        """Whether the table was created."""
        return self._newest(table) is not None


def absolute(spark: SparkSession, path: str) -> str:
    """The path as Hadoop's file systems qualify it, without a trailing slash; local paths stay plain."""
    fs, hadoop_path = file_system(spark, path)
    qualified = fs.makeQualified(hadoop_path)
    uri = qualified.toUri()
    return str(uri.getPath() if uri.getScheme() == "file" else qualified.toString()).rstrip("/")


def _differs(table: Table, without: Collection[str] = ()) -> str:
    """SQL for: a row of the target t has other values than the row of the source s with its key."""

    def value(side: str, c: Column) -> str:
        # Spark compares no maps.
        return f"array_sort(map_entries({side}.`{c.name}`))" if c.type.startswith("map") else f"{side}.`{c.name}`"

    others = [c for c in table.columns if c.name not in (*table.key, *without)]
    return " OR ".join(f"NOT ({value('t', c)} <=> {value('s', c)})" for c in others) or "false"


def _appending(table: Table, rows: DataFrame) -> DataFrameWriter:
    """Appends the rows in the table's columns and types."""
    return rows.select(*table.names).to(struct(table.ddl)).write.format("delta").mode("append")


def partition(as_of: dt.date, run_id: str) -> str:
    """SQL for the rows of one attempt at one date: literals, so that other partitions are never listed."""
    return f"(as_of = DATE'{as_of}' AND run_id = {quote(run_id)})"
