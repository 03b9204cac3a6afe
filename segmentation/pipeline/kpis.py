"""The key figures of this month's segments and the last one's, from `segment_profiles`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.core.schemas import DRIFT_REPORT, NO_DATA, SEGMENT_PROFILES, UNIFIED
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.monitoring import BREACH, ESCALATED, Judged, Kpi, Measured, kpi_rows
from segmentation.pipeline.context import Context
from segmentation.pipeline.fit import DRIFT


def read_kpis(
    context: Context, kpis: Mapping[str, Kpi], as_of: dt.date, run_id: str, previous: Row | None
) -> list[Judged]:
    """Rows of `drift_report` for the unified segments that `run_id` has profiled, against the month before.

    A key figure that Spark cannot compute of some segment (it divides by zero) is a warning, and not reported.
    """
    if previous is None or not kpis:
        return []
    try:
        then = _measured(context, kpis, previous["as_of"], previous["run_id"])
        now = _measured(context, kpis, as_of, run_id)
    except SPARK_FAILED as error:
        if len(kpis) > 1:  # one by one: the others are as good as ever
            return [r for name, kpi in kpis.items() for r in read_kpis(context, {name: kpi}, as_of, run_id, previous)]
        context.steps.say(f"  warning                 kpis: {next(iter(kpis))} is not reported: {reason(error)}")
        return []
    return list(kpi_rows(kpis, UNIFIED, then, now, _breached(context, previous)))


def _measured(context: Context, kpis: Mapping[str, Kpi], as_of: dt.date, run_id: str) -> dict[str, Measured]:
    rows = context.warehouse.rows_of_run(SEGMENT_PROFILES, as_of, run_id)
    mine = [r.asDict() for r in rows if r["dimension"] == UNIFIED and r["segment_id"] != NO_DATA]
    figures = (F.expr(kpi.sql).cast("double").alias(f"of_{name}") for name, kpi in kpis.items())
    found = context.warehouse.frame(SEGMENT_PROFILES, mine).select("segment_id", "customers", *figures).collect()
    return {r["segment_id"]: Measured(r["customers"], {name: r[f"of_{name}"] for name in kpis}) for r in found}


def _breached(context: Context, previous: Row) -> set[tuple[str, str]]:
    """Check and subject of what was in breach in the month before, as its report said when it was published."""
    if DRIFT not in previous["inputs"]:
        return set()
    rows = context.warehouse.rows_of_run(DRIFT_REPORT, previous["as_of"], previous["inputs"][DRIFT])
    return {(r["check"], r["subject"]) for r in rows if r["verdict"] in (BREACH, ESCALATED)}
