"""Between months: `segments_latest`, in which customers with new lines are scored again as soon as these are staged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.config import sql_columns
from segmentation.core.errors import OvertakenError
from segmentation.core.schemas import (
    ALL_DIMENSIONS,
    SEGMENTS,
    SEGMENTS_LATEST,
    STG_TRANSACTIONS,
)
from segmentation.io.runs import Run, new_run
from segmentation.io.stream import on_new_runs
from segmentation.pipeline.bundle import check_features, load_bundle
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import load_dimensions
from segmentation.pipeline.ingest import staged
from segmentation.pipeline.month import config_of_month, score_rows
from segmentation.pipeline.population import population_before
from segmentation.segments import Model, load_rules

JOB = "assign_stream"
MONTH, INGEST, BUNDLE = "month", "ingest", "bundle"
"""What a run's inputs name: the published month, the last ingest that is in (none at first), and the models."""


def run_stream(context: Context, every: str | None = None) -> None:
    """Brings `segments_latest` up to what is published; with `every` (`10 seconds`) again whenever there is more.

    A Structured Streaming query over the runs that ingests and months publish; its checkpoint is in the warehouse.
    Each batch reads `conf/` anew. Raises BadInputError where nothing is staged yet.
    """
    staged(context)
    if context.runs.latest("monthly") is not None:
        follow(replace(context))  # no new run tells of another conf/ or another version of the code
    on_new_runs(context.warehouse, JOB, ("ingest", "monthly"), every, lambda: follow(replace(context)))


def follow(context: Context) -> Row | None:
    """Takes in what was published since the last time, in order, a commit and a run each; returns the newest run.

    A publication of the newest as-of date, or its restatement, makes the table anew of its `segments`. Customers are
    scored again who have lines from that date on in the ingest that its features were built from, and those of whom a
    later ingest has inserted, changed or removed lines. Where `conf/` or the code is another than the last time, all
    of it is done again, from the month on: what comes out depends on these and on what was published, not on when or
    how often this was called. None where no month is published yet, or everything is in. Raises OvertakenError where
    another process follows the same warehouse.
    """
    runs = context.runs
    month = runs.before("monthly", dt.date.max)
    if month is None:
        context.steps.say("assign_stream: no month is published yet; run jobs/monthly.py --as-of DATE")
        return None
    last, made = runs.latest(JOB), None
    config = config_of_month(context)
    run = _new(config, month, month["as_of"])
    now = run.inputs[MONTH], run.config_hash, run.code_version
    if last is None or now != (last["inputs"][MONTH], last["config_hash"], last["code_version"]):
        last = made = _begin(context, run, month, last)
    held = runs.get(last["inputs"][INGEST]) if INGEST in last["inputs"] else None
    base = runs.get(runs.get(month["inputs"]["features"])["inputs"]["ingest"])
    seen = base["publish_seq"] - 1 if held is None else held["publish_seq"]
    later = [r for r in runs.of("ingest") if r["publish_seq"] > seen]
    if not later:
        return made
    of = _Month.load(context, config, month)
    for ingest in later:
        last = made = _take_in(context, of, last, held, ingest)
        held = ingest
    return made


def _new(config: Mapping[str, object], month: Row, as_of: dt.date, ingest: Row | None = None) -> Run:
    inputs = {MONTH: month["run_id"], BUNDLE: month["inputs"]["bundle"]}
    inputs |= {INGEST: ingest["run_id"]} if ingest is not None else {}
    return new_run(JOB, as_of, config, inputs)


def _begin(context: Context, run: Run, month: Row, last: Row | None) -> Row:
    """The table as the month has published it."""
    context.create_tables()
    with context.steps.step(SEGMENTS_LATEST.name) as facts:
        rows = context.warehouse.read_run(SEGMENTS, month["as_of"], month["run_id"])
        version = context.warehouse.overwrite(SEGMENTS_LATEST, rows)
        customers = month["rows_out"] // len(ALL_DIMENSIONS)
        facts.append(f"{customers:>9,} customers as published for {month['as_of']}")
    return _publish(context, run, version, customers, last)


def _publish(context: Context, run: Run, version: int, customers: int, last: Row | None) -> Row:
    """customers: those that were written."""
    rows = customers * len(ALL_DIMENSIONS)
    finished = run.finish(output_versions={SEGMENTS_LATEST.name: version}, rows_in=rows, rows_out=rows)
    return context.runs.publish(finished, restate=True, after=last["publish_seq"] if last is not None else 0)


@dataclass(frozen=True)
class _Month:
    """The published month, its models, and the features that scoring by them and by rules reads."""

    row: Row
    config: Mapping[str, object]
    models: Mapping[str, Model]
    reads: frozenset[str]

    @classmethod
    def load(cls, context: Context, config: Mapping[str, object], month: Row) -> _Month:
        models = load_bundle(context, month["inputs"]["bundle"])
        check_features(context, models)
        registry = context.registry
        conditions = [
            *load_dimensions(context.config, registry).conditions,
            *(r.when for r in load_rules(context.config, [f.name for f in registry.features]).rules),
        ]
        fitted = (m.preprocessor.reads for m in models.values())
        return cls(month, config, models, frozenset[str]().union(*fitted, *(sql_columns(c, c) for c in conditions)))


def _take_in(context: Context, month: _Month, last: Row, before: Row | None, ingest: Row) -> Row:
    """Scores customers of whom `ingest` tells more than the month, or the ingest `before`, on top of the run `last`."""
    context.create_tables()
    warehouse, as_of = context.warehouse, _as_of(context, month.row, ingest)
    run = _new(month.config, month.row, as_of, ingest)
    with context.steps.step(SEGMENTS_LATEST.name) as facts:
        # An attempt that died may have left more.
        base = warehouse.restore(SEGMENTS_LATEST, last["output_versions"][SEGMENTS_LATEST.name])
        touched = _touched(context, month.row, before, ingest).select("customer_id").distinct().persist()
        n = touched.count()  # so that Spark sends to every task what it knows to be small
        if n == 0:
            touched.unpersist()
            facts.append("nobody has new lines")
            return _publish(context, run, base, 0, last)
        scored = population_before(context, as_of, ingest, month.reads, touched).persist()
        kept = scored.count()
        rows, _ = score_rows(context, scored, month.models, month.row)
        rows = rows.withColumns({"as_of": F.lit(as_of), "run_id": F.lit(run.run_id)})
        every = F.explode(F.array(*map(F.lit, ALL_DIMENSIONS)))
        gone = touched.join(scored, "customer_id", "left_anti").select("customer_id", every.alias("dimension"))
        try:
            version = warehouse.merge(SEGMENTS_LATEST, rows, gone=gone, base=base)
        except OvertakenError:
            raise OvertakenError(
                "segments_latest was written by another assign_stream while this one did. One at a time may follow a "
                "warehouse: stop one of them; what was published is whole, and the other goes on from there."
            ) from None
        facts.append(f"{kept:>9,} customers as of {as_of}, {n - kept:,} in no segment")
        for frame in (scored, touched):
            frame.unpersist()
    return _publish(context, run, version, kept, last)


def _touched(context: Context, month: Row, before: Row | None, ingest: Row) -> DataFrame:
    """Lines that are dated behind the month, or that were inserted, changed or removed since the ingest `before`."""
    warehouse, until = context.warehouse, ingest["output_versions"][STG_TRANSACTIONS.name]
    if before is None:
        return warehouse.read(STG_TRANSACTIONS, until).where(F.col("event_date") >= F.lit(month["as_of"]))
    since = before["output_versions"][STG_TRANSACTIONS.name]
    if since == until:  # Delta knows of no feed of no version
        return warehouse.read(STG_TRANSACTIONS, until).where("false")
    return warehouse.changes(STG_TRANSACTIONS, since, until)


def _as_of(context: Context, month: Row, ingest: Row) -> dt.date:
    """The day behind the last line that the ingest has left, and not before the published month's."""
    lines = context.warehouse.read(STG_TRANSACTIONS, ingest["output_versions"][STG_TRANSACTIONS.name])
    last: dt.date | None = lines.agg(F.max("event_date")).collect()[0][0]
    shown: dt.date = month["as_of"]
    return shown if last is None else max(shown, last + dt.timedelta(days=1))
