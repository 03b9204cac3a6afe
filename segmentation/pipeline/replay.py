"""A published month, made again from what its runs say they were made of, and held against what was published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from pyspark.sql import Row

from segmentation.core.errors import BadInputError, GuardError
from segmentation.core.schemas import DRIFT_REPORT, Table
from segmentation.io.contents import contents, missing
from segmentation.io.failures import SPARK_FAILED, is_gone, reason
from segmentation.io.housekeeping import delete_parts
from segmentation.io.runs import Run, new_run
from segmentation.pipeline.bundle import bundle_of
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import config_of_features, write_features
from segmentation.pipeline.fit import CHALLENGER, DRIFT
from segmentation.pipeline.monitor import Month, config_of_report, measure
from segmentation.pipeline.month import Verdict, config_of_month, write_month
from segmentation.pipeline.season import NotKeptError
from segmentation.segments import Model


def run_replay(context: Context, as_of: dt.date) -> dict[str, int]:
    """Builds features and scores the month again, and compares every table row by row; returns the rows of each.

    So its drift report, with earlier months as they were then; where these are gone that is said, and it is left out.
    Nothing is published, and what was written goes again. Raises BadInputError where the month is not published, or by
    another code or `conf/` than these; GuardError where inputs are not kept any more, or a table comes out otherwise.
    """
    scored = context.runs.latest("monthly", as_of)
    if scored is None:
        raise BadInputError(f"{as_of} is not published: nothing to replay. Run jobs/monthly.py --as-of {as_of}.")
    built = context.runs.get(scored["inputs"]["features"])
    context.steps.say(f"replay: {as_of}, run {scored['run_id']} on features of {built['run_id']}")
    inputs = {k: v for k, v in scored["inputs"].items() if k in ("features", "bundle", "previous")}
    features = _again(built, config_of_features(context), dict(built["inputs"]))
    month = _again(scored, config_of_month(context), inputs)
    tables = [t for t in context.tables if t.name in scored["output_versions"]]
    drift = context.runs.get(scored["inputs"][DRIFT]) if DRIFT in scored["inputs"] else None
    wrote = [(built, features, [context.registry.table]), (scored, month, tables)]
    if drift is not None:
        report = _again(drift, config_of_report(context), dict(drift["inputs"]))
        wrote.append((drift, report, [DRIFT_REPORT]))

    def judge(_: Context, of: Month, models: Mapping[str, Model]) -> Verdict:
        if drift is not None:
            try:
                measure(context, of, models, report, drift)
            except NotKeptError as error:
                wrote.pop()  # nothing of it was written
                context.steps.say(f"  {DRIFT_REPORT.name:<24}cannot be made again: {error}")
        return _verdict(context, scored)

    found: dict[str, int] = {}
    try:
        write_features(context, context.runs.get(built["inputs"]["ingest"]), [features])
        found |= _compare(context, *wrote[0])
        previous = context.runs.get(inputs["previous"]) if "previous" in inputs else None
        write_month(context, month, built, previous, judge)
        for again in wrote[1:]:
            found |= _compare(context, *again)
    except SPARK_FAILED as error:
        if not is_gone(error):
            raise
        raise GuardError(
            f"{as_of} cannot be replayed: what it was made of is not kept any more ({reason(error)}). Versions of "
            "staged tables and tiles are kept for 400 days; an erasure ends that earlier."
        ) from None
    finally:
        for _, run, made in wrote:
            for table in made:
                delete_parts(context.warehouse, table, [(as_of, run.run_id)])
    return found


def _again(published: Row, config: object, inputs: dict[str, str]) -> Run:
    """An attempt at what was published. Raises BadInputError where code or configuration are not those of then."""
    run = new_run(published["job"], published["as_of"], config, inputs)
    for what, was, now in (
        ("code", published["code_version"], run.code_version),
        ("conf/", published["config_hash"], run.config_hash),
    ):
        if was != now:
            raise BadInputError(
                f"{published['job']} of {published['as_of']} was published by {what} {was}, and this is {now}: it "
                f"may come out otherwise for that alone. Check out the {what} of {published['finished_at']:%Y-%m-%d}."
            )
    return run


def _verdict(context: Context, scored: Row) -> Verdict:
    """As it was published, with the challenger that it has scored."""
    challenger = scored["inputs"].get(CHALLENGER)
    version = bundle_of(context.runs.get(challenger)) if challenger else None
    return Verdict(scored["verdict"], scored["reason"], challenger=version)


def _compare(context: Context, then: Row, now: Run, tables: Iterable[Table]) -> dict[str, int]:
    """Rows by table. Raises GuardError that names the first that differs, with how many rows do."""
    found = {}
    for table in tables:
        with context.steps.step(table.name) as facts:
            was, is_now = (contents(context.warehouse, table, now.as_of, r) for r in (then["run_id"], now.run_id))
            if was != is_now:
                differ = missing(context.warehouse, table, now.as_of, then["run_id"], now.run_id)
                raise GuardError(
                    f"{table.name} of {now.as_of} comes out otherwise: {was[0]:,} rows were published, {is_now[0]:,} "
                    f"are made now, and {differ:,} of those published are not among them. Somebody has changed what it "
                    "was made of, or the machine computes otherwise."
                )
            facts.append(f"{was[0]:>9,} rows, the same")
            found[table.name] = was[0]
    return found
