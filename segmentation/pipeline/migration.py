"""Who moved since the last published as-of date, and why segments grew or shrank."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.periods import YEAR
from segmentation.core.schemas import ALL_DIMENSIONS, SEGMENT_CHANGES, SEGMENT_MIGRATION, SEGMENTS, UNIFIED
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.segments import migration, paths, segment_changes
from segmentation.segments.matching import GONE, NEW
from segmentation.tiles import in_units, since


def write_migration(
    context: Context, run: Run, previous: Row | None, now: DataFrame, tiles: DataFrame, between: DataFrame | None
) -> tuple[dict[str, int], list[str]]:
    """Sets the segments that `run` has written (`now`) against those of the run before.

    between: the customers of then by the models of now, where these are others. Returns the tables' versions, and for
    each dimension in words how many changed segment, and what stickiness does. Without an earlier as-of date nobody has
    moved, and there are no rows.
    """
    warehouse = context.warehouse
    with context.steps.step(SEGMENT_MIGRATION.name) as facts:
        flows: list[dict[str, Any]] = []
        changes: list[dict[str, Any]] = []
        notes: list[str] = []
        if previous is not None:
            then = warehouse.read_run(SEGMENTS, previous["as_of"], previous["run_id"])
            year = since(tiles, YEAR.start(run.as_of)).groupBy("customer_id")
            money = in_units(year.agg(F.sum("net_amount").alias("net_amount")))
            revenue = money.withColumnRenamed("net_amount", "revenue_365d")
            attempt = {"as_of": run.as_of, "run_id": run.run_id, "previous_as_of": previous["as_of"]}
            flows = [attempt | r.asDict() for r in migration(then, now, revenue).collect()]
            found = [
                (r["dimension"], r["from_segment_id"], r["from_segment_id"], r["to_segment_id"], r["customers"])
                for r in flows
            ] if between is None else paths(then, between, now)  # fmt: skip
            names = {r[f"{side}_segment_id"]: r[f"{side}_segment_name"] for side in ("from", "to") for r in flows}
            changes = [
                attempt | {"dimension": d, "segment_id": s, "segment_name": names.get(s, s)} | parts
                for (d, s), parts in segment_changes(found).items()
            ]
            notes = _flips(now, flows)
        versions = {
            table.name: warehouse.write_rows(table, rows, run.as_of, run.run_id)
            for table, rows in ((SEGMENT_MIGRATION, flows), (SEGMENT_CHANGES, changes))
        }
        facts.append(f"since {previous['as_of']}" if previous else "no earlier as-of date")
        facts += [note for note in notes if note.startswith(UNIFIED)]
    return versions, notes


def _flips(now: DataFrame, flows: list[dict[str, Any]]) -> list[str]:
    """How many of the returning customers changed segment, how many by the model alone, and what staying costs."""
    nearest, own = F.pow("distance", F.lit(2)), F.pow(F.coalesce("held_distance", "distance"), F.lit(2))
    more = (F.sum(own) / F.nullif(F.sum(nearest), F.lit(0.0)) - 1).alias("more")
    cost = {r["dimension"]: r["more"] or 0.0 for r in now.groupBy("dimension").agg(more).collect()}
    notes = []
    for d in ALL_DIMENSIONS:
        both = [r for r in flows if r["dimension"] == d and r["from_segment_id"] != NEW and r["to_segment_id"] != GONE]
        n = sum(r["customers"] for r in both)
        if n:
            changed = sum(r["customers"] for r in both if r["from_segment_id"] != r["to_segment_id"])
            raw = sum(r["raw_moved"] for r in both)
            notes.append(
                f"{d}: {changed / n:.1%} of the customers changed segment, {raw / n:.1%} by the model alone, without "
                f"stickiness and rules; staying costs {cost.get(d, 0.0):.2%} of SSE"
            )
    return notes
