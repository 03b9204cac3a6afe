"""The names that SQL finds the tables by: of each one in a session's catalog, and a view of what is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from delta.tables import DeltaTable

from segmentation.core.errors import SegmentationError
from segmentation.core.schemas import PROMOTIONS, RUNS, SCHEMA, SEGMENT_LINEAGE, SEGMENT_MODELS, Table
from segmentation.io.contract import quote
from segmentation.io.delta import Warehouse, absolute

STORE = "segmentation_store"
VIEWS = SCHEMA


def register(warehouse: Warehouse, tables: Iterable[Table]) -> None:
    """Gives this session the names `segmentation.<table>`; the pipeline itself reads by path and run id.

    Raises SegmentationError where the names are those of another warehouse: they would stay so.
    """
    tables = list(tables)
    known = next((t for t in tables if warehouse.spark.catalog.tableExists(f"{STORE}.{t.name}")), None)
    if known is not None:
        detail = DeltaTable.forName(warehouse.spark, f"{STORE}.{known.name}").detail().select("location").first()
        assert detail is not None  # a table has one detail row
        if absolute(warehouse.spark, detail["location"]) != warehouse.path(known):
            raise SegmentationError(
                f"{STORE}.{known.name} is {detail['location']} in this session, not a table of {warehouse.root}. "
                "Start another session for another warehouse."
            )
    for statement in catalog_sql(warehouse, tables):
        warehouse.spark.sql(statement)


def catalog_sql(warehouse: Warehouse, tables: Iterable[Table]) -> list[str]:
    """The statements that give a session without a metastore its names: `spark-sql -i` takes them too.

    State views are pinned to the versions of the last published run, so that no query sees half an ingest;
    views of published tables follow `runs` by themselves.
    """
    statements = [f"CREATE SCHEMA IF NOT EXISTS {STORE}", f"CREATE SCHEMA IF NOT EXISTS {VIEWS}"]
    tables = list(tables)
    for table in tables:
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {STORE}.{table.name} USING delta LOCATION {quote(warehouse.path(table))}"
        )
    for table in tables:
        columns = {c.name: c.comment for c in table.columns}
        if table is SEGMENT_MODELS:
            columns["alias"] = "champion: the bundle last promoted; challenger: a newer one; else null"
        statements.append(view_sql(f"{VIEWS}.{table.name}", columns, table.grain, _view_select(warehouse, table)))
    return statements


def view_sql(name: str, columns: Mapping[str, str], grain: str, select: str) -> str:
    """The statement that makes a view of a SELECT, each of its columns with what it means."""
    explained = ", ".join(f"`{column}` COMMENT {quote(comment)}" for column, comment in columns.items())
    return f"CREATE OR REPLACE VIEW {name} ({explained}) COMMENT {quote(grain)} AS {select}"


def _view_select(warehouse: Warehouse, table: Table) -> str:
    columns = ", ".join(f"t.`{c.name}`" for c in table.columns)
    source = f"{STORE}.{table.name}"
    if table.kind in ("log", "aggregate"):
        return f"SELECT {columns} FROM {source} t"
    if table.kind == "state":
        return f"SELECT {columns} FROM {source} VERSION AS OF {published_version(warehouse, table)} t"
    published = f"{source} t LEFT SEMI JOIN {STORE}.runs r ON t.run_id = r.run_id"
    if table is SEGMENT_LINEAGE:  # of every published refit, whichever serves
        return f"SELECT {columns} FROM {published}"
    if table is SEGMENT_MODELS:  # every published model stays in view: old segments refer to them
        latest = "max_by(model_version, struct(effective_from_as_of, seq))"
        champion = f"SELECT {latest} AS champion, collect_set(model_version) AS promoted FROM {STORE}.{PROMOTIONS.name}"
        seqs = f"SELECT t.model_version, r.publish_seq FROM {source} t JOIN {STORE}.runs r ON t.run_id = r.run_id"
        newest = f"SELECT max_by(model_version, publish_seq) AS newest FROM ({seqs})"
        alias = (
            "WHEN t.model_version = c.champion THEN 'champion' "
            "WHEN t.model_version = n.newest AND NOT array_contains(c.promoted, n.newest) THEN 'challenger'"
        )
        return (
            f"SELECT {columns}, CASE {alias} END AS alias "
            f"FROM {published} CROSS JOIN ({champion}) c CROSS JOIN ({newest}) n"
        )
    return (
        f"SELECT {columns} FROM {source} t LEFT SEMI JOIN ({_newest_runs(table)}) r "
        "ON t.run_id = r.run_id AND t.as_of = r.as_of"
    )


def published_version(warehouse: Warehouse, table: Table) -> int:
    """The Delta version of a state table that the last published run left; 0, the empty table, before any."""
    runs = warehouse.spark.read.format("delta").load(warehouse.path(RUNS))
    row = (
        runs.where(f"map_contains_key(output_versions, '{table.name}')")
        .selectExpr(f"max_by(output_versions['{table.name}'], publish_seq) AS version")
        .first()
    )
    return int(row["version"]) if row is not None and row["version"] is not None else 0


def _newest_runs(table: Table) -> str:
    """SQL for the one run per as-of date whose rows of `table` are the valid ones."""
    return (
        "SELECT run_id, as_of FROM (SELECT run_id, as_of, "
        "row_number() OVER (PARTITION BY as_of ORDER BY publish_seq DESC) AS newest "
        f"FROM {STORE}.runs WHERE map_contains_key(output_versions, '{table.name}')) WHERE newest = 1"
    )
