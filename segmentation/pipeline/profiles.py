"""What the segments of a month are like, and in what they differ: `segment_profiles` and `segment_differences`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering.variance import Spread
from segmentation.core.schemas import NO_DATA, SEGMENT_DIFFERENCES, SEGMENT_PROFILES, SEGMENTS
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.pipeline.holdout import log_spend
from segmentation.pipeline.population import Everyone
from segmentation.segments import (
    NEXT_PERIOD,
    Model,
    centred,
    difference_rows,
    moments,
    outside_every_fit,
    profile_rows,
)
from segmentation.segments.sums import Sum, sums_by_segment

SPEND = "next_period_spend"


def write_profiles(
    context: Context, run: Run, previous: Row | None, segments: DataFrame, everyone: Everyone,
    models: Mapping[str, Model], tiles: DataFrame,
) -> dict[str, int]:  # fmt: skip
    """Profiles the `segments` that `run` has written; returns the versions of both tables.

    previous: the run of the as-of date before, whose segments are held against what has been spent since.
    """
    attempt = {"as_of": run.as_of, "run_id": run.run_id}
    preprocessors = {d: m.preprocessor for d, m in models.items()}
    with context.steps.step(SEGMENT_PROFILES.name) as facts:
        found = moments(segments, everyone.features, preprocessors, outside_every_fit(context.registry), squares=True)
        profiles = profile_rows(segments, tiles, found.means(), run.as_of)
        since = _spent_since(context, previous, everyone.ids, tiles) if previous else {}
        differences = [
            {"segments_as_of": previous["as_of"] if previous and r["role"] == NEXT_PERIOD else run.as_of} | r
            for r in difference_rows(found, preprocessors, context.registry, since)
        ]
        versions = {
            table.name: context.warehouse.write_rows(table, [attempt | r for r in rows], run.as_of, run.run_id)
            for table, rows in ((SEGMENT_PROFILES, profiles), (SEGMENT_DIFFERENCES, differences))
        }
        tested = [bool(r["differs"]) for r in differences if r["differs"] is not None]
        facts.append(f"{len(profiles)} segments")
        facts.append(f"{sum(tested)} of {len(tested)} held-out comparisons differ")
    return versions


def _spent_since(context: Context, previous: Row, known: DataFrame, tiles: DataFrame) -> dict[str, tuple[str, Spread]]:
    """By dimension the log of what the members of an earlier month's segments have spent since, 0 for nothing.

    Who is not known any more by the same id (merged into another) is left out.
    """
    start: dt.date = previous["as_of"]
    then = context.warehouse.read_run(SEGMENTS, start, previous["run_id"]).where(F.col("raw_segment_id") != NO_DATA)
    clusters = then.select("customer_id", "dimension", F.col("raw_segment_id").alias("segment_id"), "raw_segment_id")
    spent = known.join(log_spend(tiles, start, "y"), on="customer_id", how="left").fillna({"y": 0.0})
    of: dict[str, list[Sum]] = {}
    for (d, _, _), (_, sums) in sums_by_segment(clusters, spent, {"y": F.col("y")}).items():
        of.setdefault(d, []).append(sums["y"])
    return {d: (SPEND, centred(sums)) for d, sums in of.items()}
