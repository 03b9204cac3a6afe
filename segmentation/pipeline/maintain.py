"""Housekeeping: rows that no reader can see any more go, small files become large ones, old versions are given up."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pydantic import Field, field_validator
from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.core.config import Strict, load
from segmentation.core.errors import BadInputError, nearest
from segmentation.core.schemas import AGGREGATES, K_SELECTION, K_SWEEP, RUNS, SEGMENT_LINEAGE, SEGMENT_MODELS, Table
from segmentation.io import housekeeping
from segmentation.io.housekeeping import Part
from segmentation.pipeline.context import Context

EVERY_FIT = (SEGMENT_MODELS.name, SEGMENT_LINEAGE.name, K_SWEEP.name, K_SELECTION.name)
"""Old segments refer to them: those of every published run stay."""


class MaintenanceRules(Strict):
    """`conf/maintenance.yml`."""

    dead_after_hours: float = Field(ge=1)
    superseded_after_days: float = Field(ge=0)
    keep_days: dict[str, int] = {}

    @field_validator("keep_days")
    @classmethod
    def _days(cls, value: dict[str, int]) -> dict[str, int]:
        if any(days < 1 for days in value.values()):
            raise ValueError("`keep_days` are 1 or more; leave a table out to keep it")
        return value


def run_maintain(context: Context, now: dt.datetime, dry_run: bool = False) -> dict[str, list[str]]:
    """Deletes partitions of dead, superseded and old runs, compacts state tables and logs, and vacuums all of them.

    Returns by published table the run_ids whose rows went, or would have with `dry_run`. `now`, aware of its zone:
    housekeeping goes by how long ago something was written. Versions of state tables stay readable for as long as their
    `delta.deletedFileRetentionDuration` says (400 days), which runs rely on; those of other tables for Delta's default
    of 7 days. Raises BadInputError where nothing is published, or for a table that there is not.
    """
    warehouse = context.warehouse
    if not warehouse.exists(RUNS):
        raise BadInputError(f"{warehouse.root}: nothing is published there. Name another --warehouse.")
    rules = load(context.config / "maintenance.yml", MaintenanceRules)
    tables = [t for t in (*context.tables, *AGGREGATES) if warehouse.exists(t)]
    published = {t.name: t for t in tables if t.kind == "published"}
    for name in rules.keep_days:
        if name not in published or name in EVERY_FIT:
            said = f'conf/maintenance.yml: keep_days: "{name}" is no published table whose dates may go.'
            raise BadInputError(f"{said} {nearest(name, set(published) - set(EVERY_FIT))}")
    # Instants come to Python in the machine's zone; seconds do not.
    runs = warehouse.read(RUNS).withColumn("finished", F.unix_seconds("finished_at")).collect()
    context.steps.say(f"maintain: {len(tables)} tables in {warehouse.root}" + (", dry run" if dry_run else ""))
    found: dict[str, list[str]] = {}
    for table in tables:
        with context.steps.step(table.name) as facts:
            if table.kind == "published":
                parts = housekeeping.parts(warehouse, table)
                gone = _superfluous(rules, table, parts, runs, now)
                found[table.name] = sorted({part.run_id for part, _ in gone})
                facts += [f"{n} {why}" for why, n in sorted(Counter(why for _, why in gone).items())]
                if gone and not dry_run:
                    housekeeping.delete_parts(warehouse, table, [(part.as_of, part.run_id) for part, _ in gone])
            elif not dry_run:
                before, after = housekeeping.compact(warehouse, table)
                facts.append(f"{before:,} files, {after:,} now")
    if not dry_run:
        with context.steps.step("vacuum") as facts, ThreadPoolExecutor(4) as threads:
            # Each is a chain of short jobs, most of them the driver's overhead.
            list(threads.map(lambda table: housekeeping.vacuum(warehouse, table), tables))
            facts.append(f"{len(tables)} tables")
    return found


def _superfluous(
    rules: MaintenanceRules, table: Table, parts: Sequence[Part], runs: Sequence[Row], now: dt.datetime
) -> list[tuple[Part, str]]:
    """The partitions that go, and why."""
    by_id, shown = {r["run_id"]: r for r in runs}, needed(runs)
    wrote = sorted((r for r in runs if table.name in r["output_versions"]), key=lambda r: r["publish_seq"])
    newest = max((part.as_of for part in parts if part.run_id in by_id), default=None)
    days = rules.keep_days.get(table.name)
    found = []
    for part in parts:
        run = by_id.get(part.run_id)
        if run is None:
            if now - part.written > dt.timedelta(hours=rules.dead_after_hours):
                found.append((part, "dead"))
        elif table.name in EVERY_FIT:
            continue
        elif run["run_id"] not in shown:
            after = (r for r in wrote if r["as_of"] == part.as_of and r["publish_seq"] > run["publish_seq"])
            heir = next(after, run)
            since = dt.datetime.fromtimestamp(heir["finished"], dt.UTC)
            if now - since > dt.timedelta(days=rules.superseded_after_days):
                found.append((part, "superseded"))
        elif days is not None and newest is not None and (newest - part.as_of).days > days:
            found.append((part, "old"))
    return found


def needed(runs: Collection[Row]) -> set[str]:
    """The run_ids whose rows some view shows, and those that such runs were made from."""
    newest: dict[tuple[str, dt.date], Row] = {}
    for run in sorted(runs, key=lambda r: r["publish_seq"]):
        for table in run["output_versions"]:
            newest[table, run["as_of"]] = run
    inputs: Mapping[str, set[str]] = {r["run_id"]: set(r["inputs"].values()) for r in runs}
    found: set[str] = set()
    waiting = {r["run_id"] for r in newest.values()}
    while waiting:
        found |= waiting
        waiting = {i for run_id in waiting for i in inputs[run_id] if i in inputs} - found
    return found
