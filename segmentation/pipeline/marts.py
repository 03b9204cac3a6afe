"""What people read: brings the aggregate tables up to what is published, and names tables and marts for SQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import Row

from segmentation.core.config import load
from segmentation.core.schemas import (
    AGGREGATES,
    DATA_QUALITY,
    DRIFT_CUBE,
    DRIFT_REPORT,
    QUALITY_CUBE,
    SEGMENT_CUBE,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    STG_CUSTOMERS,
    Table,
)
from segmentation.io.catalog import VIEWS, catalog_sql, view_sql
from segmentation.io.failures import SPARK_FAILED, is_gone
from segmentation.marts import Cells, count_cells, cube_rows, drift_rows, load_marts, quality_rows, shown_segments
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import tiles_before
from segmentation.pipeline.population import customers_before
from segmentation.privacy import Disclosure

SOURCES = {SEGMENT_CUBE: SEGMENT_PROFILES, DRIFT_CUBE: DRIFT_REPORT, QUALITY_CUBE: DATA_QUALITY}
"""Aggregate table → the published one whose runs it follows."""


def refresh_aggregates(context: Context) -> dict[str, int]:
    """Brings the aggregate tables up to the runs that are shown; returns how many as-of dates of each were made.

    An as-of date is made anew where another run is shown for it by now, or `conf/disclosure.yml` is another. Where the
    tiles that it was made of are not kept any more, what parts segments have is left out. Each table changes by one
    commit, and not at all where there is nothing to do.
    """
    rules = load(context.config / "disclosure.yml", Disclosure)
    made = {}
    with context.steps.step("aggregates") as facts:
        context.warehouse.create(AGGREGATES)
        for table, source in SOURCES.items():
            shown, there = context.runs.shown(source), _made(context, table)
            stale = sorted(as_of for as_of, run in shown.items() if there.get(as_of) != _of(run, rules))
            if stale:
                rows = [r | _of(shown[as_of], rules) | {"as_of": as_of}
                        for as_of in stale for r in _rows(context, table, shown[as_of], rules, facts)]  # fmt: skip
                if rows or there.keys() & set(stale):
                    context.warehouse.overwrite(table, context.warehouse.frame(table, rows), stale)
            made[table.name] = len(stale)
        dates = [f"{n} of {name}" for name, n in made.items() if n]
        facts.append(f"as-of dates made: {', '.join(dates) or 'none, all are'}; in {context.warehouse.root}/aggregates")
    return made


def _of(run: Row, rules: Disclosure) -> dict[str, Any]:
    return {"run_id": run["run_id"], **rules.model_dump()}


def _made(context: Context, table: Table) -> dict[dt.date, dict[str, Any]]:
    """By as-of date the run and the rules that its rows were made of."""
    columns = ("run_id", *Disclosure.model_fields)
    rows = context.warehouse.read(table).select("as_of", *columns).distinct().collect()
    return {r["as_of"]: {c: r[c] for c in columns} for r in rows}


def _rows(context: Context, table: Table, run: Row, rules: Disclosure, facts: list[str]) -> list[dict[str, Any]]:
    if table is SEGMENT_CUBE:
        return _cube(context, run, rules, facts)
    found = _collected(context, SOURCES[table], run)
    if table is QUALITY_CUBE:
        return quality_rows(found, rules)
    month = context.runs.shown(SEGMENT_PROFILES).get(run["as_of"])
    profiles = _collected(context, SEGMENT_PROFILES, month) if month else []
    return drift_rows(found, profiles, rules)


def _cube(context: Context, run: Row, rules: Disclosure, facts: list[str]) -> list[dict[str, Any]]:
    as_of, warehouse = run["as_of"], context.warehouse
    features_run = context.runs.get(run["inputs"]["features"])
    described = [f for f in context.registry.features if not f.is_text and not f.off_because]
    profiles = _collected(context, SEGMENT_PROFILES, run)
    then = context.runs.get(run["inputs"]["previous"]) if "previous" in run["inputs"] else None
    segments = warehouse.read_run(SEGMENTS, as_of, run["run_id"])
    segments.isEmpty()  # these must be there
    try:
        cells = count_cells(
            segments,
            customers_before(context, as_of, features_run["input_versions"][STG_CUSTOMERS.name]),
            warehouse.read_run(context.registry.table, as_of, features_run["run_id"]),
            tiles_before(context, as_of, features_run),
            as_of,
            described,
        )
    except SPARK_FAILED as error:
        if not is_gone(error):
            raise
        facts.append(f"of {as_of} segments and moves alone: the tiles of then are not kept any more")
        cells = Cells([], [], [], [])
    return cube_rows(
        profiles,
        _collected(context, SEGMENT_MIGRATION, run),
        cells,
        shown_segments(profiles, rules),
        shown_segments(_collected(context, SEGMENT_PROFILES, then), rules) if then else {},
        {f.name: f.block.description for f in described},
        rules,
    )


def _collected(context: Context, table: Table, run: Row) -> list[dict[str, Any]]:
    """What a run wrote; a few rows per segment, whatever the number of customers."""
    return [r.asDict() for r in context.warehouse.rows_of_run(table, run["as_of"], run["run_id"])]


def names_sql(context: Context, for_everyone: bool = False) -> list[str]:
    """The statements that give a session the names of tables and marts; `for_everyone` of what everyone may see."""
    tables = [*([] if for_everyone else context.tables), *AGGREGATES]
    marts = load_marts(context.config, [t.name for t in (*context.tables, *AGGREGATES)])
    views = [
        view_sql(f"{VIEWS}.{m.name}", m.columns, m.grain, m.sql)
        for m in marts
        if not for_everyone or m.audience == "everyone"
    ]
    return [*catalog_sql(context.warehouse, tables), *views]
