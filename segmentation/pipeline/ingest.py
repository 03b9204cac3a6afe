"""Raw files to staged tables and tiles."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, GuardError, OvertakenError
from segmentation.core.schemas import (
    DATA_QUALITY,
    QUARANTINE,
    STAGED,
    STG_PRODUCTS,
    STG_TRANSACTIONS,
    Table,
)
from segmentation.io import Warehouse
from segmentation.io.commits import ATTEMPTS
from segmentation.io.files import RawFile
from segmentation.io.raw import open_raw
from segmentation.io.runs import Run, new_run
from segmentation.io.tables import find_raw
from segmentation.pipeline.context import SOURCE, Context
from segmentation.pipeline.tiles import refresh_tiles
from segmentation.staging import (
    Cleaned,
    Guards,
    Hours,
    Months,
    Problem,
    advice,
    broken_days,
    daily_rates,
    hour_counts,
    judge_parts,
    looks_back_to,
    month_figures,
    moved,
    odd_months,
    quality,
    quarantine_rows,
    refuse_repeats,
    refused_keys,
    refused_rows,
    settled,
    summaries,
    survivors,
    with_products,
)
from segmentation.staging.mapping import Input, input_name

Quality = list[tuple[str, str, str, float]]
Found = dict[str, list[RawFile]]
WHERE = {"files", "format", "options", "watermark"}
"""What says of a part or lookup which files are meant."""
BY_JOBS = {"MERGE", "WRITE", "RESTORE"}
"""What Delta calls the commits of ingests."""


def run_ingest(context: Context, folder: str, received_on: dt.date | None = None) -> Row:
    """Stages the files under `folder` and refreshes the tiles; returns the published run.

    Rows dated on or after `received_on` are refused; without it the mapping's `received_on` counts, and without
    that the day after the newest file was written: no file tells of a later day. Nothing is written, and
    BadInputError raised, where a file, column or type is not what the mapping says; and GuardError where the files
    as a whole are beyond the mapping's `guards`.
    """
    source, spark, steps = context.source, context.warehouse.spark, context.steps
    parts = [part for table in STAGED for part in source.parts(table)]
    files: Found = {}
    for of in (
        *parts,
        *(lookup for part in parts for lookup in part.lookups),
        *filter(None, (source.rates, source.merges)),
    ):
        if of.model_dump_json(include=WHERE) not in files:
            found = find_raw(spark, folder, of.files, of.format, of.options, of.watermark)
            files[of.model_dump_json(include=WHERE)] = found
    newest = max(f.modified for found in files.values() for f in found).astimezone(ZoneInfo(source.time_zone))
    stated = received_on or source.received_on
    received = stated or newest.date() + dt.timedelta(days=1)
    identities = {f.path: f.identity for found in files.values() for f in found}
    inputs = {SOURCE: context.source_name, **identities}
    run = new_run("ingest", received, context.config_files(f"sources/{context.source_name}.yml"), inputs)
    last, attempts = context.last_ingest(), ATTEMPTS
    done = context.runs.published(run.run_key)
    if done is not None and not context.restate:
        steps.say(f"ingest: these files are staged already (run {done['run_id']})")
        return done
    steps.say(f"ingest: {source.description}, {len(identities)} files in {folder}")
    cleaned, checks, survivor = _clean_all(context, files, received)
    checks += _guard(context, cleaned, checks, last, received, stated is not None)
    context.create_tables()
    refused = any(check == "rows_quarantined" and value for _, check, _, value in checks)
    notes = source.absences()
    checks += [(table, "absent", column, 1.0) for table, column in source.absent_columns()]
    names = ("as_of", "run_id", "source_table", "check", "subject", "value")
    rows = [dict(zip(names, (run.as_of, run.run_id, *check), strict=True)) for check in checks]
    told = context.warehouse.write_rows(DATA_QUALITY, rows, run.as_of, run.run_id)
    count = {check: int(sum(v for _, c, _, v in checks if c == check)) for check in
             ("rows_read", "rows_accepted", "rows_quarantined")}  # fmt: skip
    steps.say_notes("not in the source", notes)
    finished = run.finish(rows_in=count["rows_read"], rows_out=count["rows_accepted"],
                          rows_quarantined=count["rows_quarantined"], notes=notes)  # fmt: skip
    try:
        while True:
            try:
                versions = {DATA_QUALITY.name: told, **_write_state(context, run, last, cleaned, survivor, refused)}
                versions |= refresh_tiles(context, run, last, versions[STG_TRANSACTIONS.name])
                after = last["publish_seq"] if last else 0
                return context.runs.publish(finished.finish(output_versions=versions), context.restate, after)
            except OvertakenError:
                # Other files are staged at the same time. What is published next has to hold both.
                last, attempts = context.last_ingest(), attempts - 1
                if not attempts:
                    raise
                steps.say("  another ingest          was at work in the meantime; these go on top of what is published")
    finally:
        for c in cleaned:
            c.rows.unpersist()


def staged(context: Context) -> Row:
    """The last ingest. Raises BadInputError where there is none, and ConfigError where --source is another."""
    last = context.last_ingest()
    if last is None:
        raise BadInputError(
            f"{context.warehouse.root}: nothing is staged yet. "
            "Run jobs/ingest.py --input DIR first, or name another --warehouse."
        )
    return last


def _clean_all(context: Context, files: Found, received_on: dt.date) -> tuple[list[Cleaned], Quality, DataFrame | None]:
    """Every input judged and counted before anything is written; and which customers are one."""
    source, spark = context.source, context.warehouse.spark

    def opened(of: Input, reads: frozenset[str]) -> DataFrame:
        return open_raw(spark, files[of.model_dump_json(include=WHERE)], of.format, of.options, reads)

    rates = None
    if source.rates is not None:
        rates = daily_rates(source.rates, opened(source.rates, source.rates.reads), received_on)
    survivor = None
    if source.merges is not None:
        survivor = survivors(source.merges, opened(source.merges, source.merges.reads))
    planned: list[tuple[Table, DataFrame, list[DataFrame]]] = []
    for table in STAGED:
        parts = [
            (part, opened(part, part.reads), [opened(lookup, part.reads) for lookup in part.lookups])
            for part in source.parts(table)
        ]
        if parts:
            planned.append(
                (table, judge_parts(source, table, parts, received_on, rates, survivor), [raw for _, raw, _ in parts])
            )
    cleaned: list[Cleaned] = []
    checks: Quality = []
    for table, judged, raws in planned:
        with context.steps.step(input_name(table)) as facts:
            cleaned.append(refuse_repeats(table, judged))
            found = quality(cleaned[-1])
            accepted, refused = (int(found[i][3]) for i in (1, 2))
            read = sum(raw.count() for raw in raws)  # of the files themselves: no step in between may lose a row
            if read != accepted + refused:
                raise GuardError(
                    f"{input_name(table)}: {read:,} read, {accepted:,} accepted + {refused:,} quarantined."
                )
            facts.append(f"{read:>9,} read = {accepted:>9,} accepted + {refused:,} quarantined")
            facts += [f"{int(v):,} {rule}" for _, check, rule, v in found if check == "quarantined_by_rule"]
            nothing = [column for _, check, column, share in found if check == "null_share" and share == 1]
            found += summaries(cleaned[-1], received_on, nothing)
        checks += found
    return cleaned, checks, survivor


def _guard(
    context: Context, cleaned: list[Cleaned], checks: Quality, last: Row | None, received_on: dt.date, is_stated: bool
) -> Quality:
    """Raises GuardError where the files make no sense as a whole; else what was judged of each of their months."""
    guards, lines = context.source.guards, next((c.accepted for c in cleaned if c.table is STG_TRANSACTIONS), None)
    problems = refused_rows(guards, checks)
    new: Months = {}
    with context.steps.step("guards") as facts:
        known = {}
        if lines is not None and (new := month_figures(lines)):  # not nothing but returns
            staged = None
            if last is not None:
                staged = context.warehouse.read(STG_TRANSACTIONS, last["output_versions"][STG_TRANSACTIONS.name])
            problems += _odd_months(guards, lines, new, staged, received_on, is_stated)
            hours = hour_counts(lines, max(new))
            stored: Hours = hour_counts(staged, max(new)) if staged is not None else {}
            before = last["as_of"] if last is not None else None
            problems += broken_days(guards, hours, stored, received_on, is_stated, before)
            known = {m: why for m, why in guards.known_months.items() if m in {f"{month:%Y-%m}" for month in new}}
            known |= {str(day): why for _, day in sorted(hours) if (why := guards.known_day(day))}
        if problems:
            raise GuardError(advice(problems, f"{context.config}/sources/{context.source_name}.yml"))
        facts.append(f"{len(new):>9,} months of lines, as expected")
        facts += [f"{when} is known: {why}" for when, why in known.items()]
    name = input_name(STG_TRANSACTIONS)
    return [
        fact
        for month, figures in sorted(new.items())
        for fact in ((name, "month_lines", f"{month:%Y-%m}", float(figures.lines)),
                     (name, "month_median_amount", f"{month:%Y-%m}", figures.median_amount))
    ]  # fmt: skip


def _odd_months(
    guards: Guards, lines: DataFrame, new: Months, staged: DataFrame | None, received_on: dt.date, is_stated: bool
) -> list[Problem]:
    """The months of the files against each other, and against what the last ingest left."""
    stored: Months = {}
    if staged is not None:
        stored = month_figures(staged.where(F.col("event_date") >= F.lit(looks_back_to(new))))

    def lines_after(month: dt.date) -> int:
        assert staged is not None  # asked only of a month that is in both
        before, now = (rows.where(F.trunc("event_date", "month") == F.lit(month)) for rows in (staged, lines))
        added = now.where("NOT is_return").join(before, list(STG_TRANSACTIONS.key), "left_anti").count()
        return stored[month].lines + added

    return odd_months(guards, new, stored, received_on, is_stated, lines_after)


def _write_state(
    context: Context, run: Run, last: Row | None, cleaned: list[Cleaned], survivor: DataFrame | None, any_refused: bool
) -> dict[str, int]:  # fmt: skip
    """One commit a table, on top of what the last ingest has left.

    The last reading of a key decides: a row is staged or in quarantine, not both. Raises OvertakenError where another
    ingest writes at the same time.
    """
    warehouse = context.warehouse
    left = {t.name: last["output_versions"].get(t.name, 0) if last else 0 for t in (*STAGED, QUARANTINE)}
    versions: dict[str, int] = {}
    for c in cleaned:
        with context.steps.step(c.table.name) as facts:
            base = _as_left(warehouse, c.table, left[c.table.name])
            rows = c.accepted
            if c.table is STG_TRANSACTIONS and STG_PRODUCTS.name in versions:
                rows = with_products(rows, warehouse.read(STG_PRODUCTS, versions[STG_PRODUCTS.name]), STG_TRANSACTIONS)
            gone = refused_keys(c)
            if survivor is not None and "customer_id" in c.table.names:
                key = list(c.table.key)
                others, old = moved(c.table, warehouse.read(c.table, base), survivor)
                for here in (rows, gone):  # what this batch says of a key counts more
                    others = others.join(here.select(*key), on=key, how="left_anti")
                rows, gone = rows.unionByName(others), gone.union(old.select(*key)).distinct()
            versions[c.table.name] = warehouse.merge(c.table, rows, gone=gone, base=base)
            facts.append(f"version {versions[c.table.name]}")
    with context.steps.step(QUARANTINE.name) as facts:
        base = versions[QUARANTINE.name] = _as_left(warehouse, QUARANTINE, left[QUARANTINE.name])
        if any_refused or not warehouse.read(QUARANTINE, base).isEmpty():
            versions[QUARANTINE.name] = _quarantine(context, run, cleaned, base)
            facts.append(f"version {versions[QUARANTINE.name]}")
        else:
            facts.append("nothing to keep, nothing to settle")
    return versions | {t.name: _as_left(warehouse, t, left[t.name]) for t in STAGED if t.name not in versions}


def _as_left(warehouse: Warehouse, table: Table, version: int) -> int:
    """The version with the rows that the last ingest has left, at `version`: what a dead attempt has added is undone.

    What somebody has deleted or changed since then by hand stays so.
    """
    if set(warehouse.operations(table, version)) <= BY_JOBS:
        return warehouse.restore(table, version)
    return warehouse.version(table)


def _quarantine(context: Context, run: Run, cleaned: list[Cleaned], base: int) -> int:
    """Keeps the refused rows, and gives up earlier ones whose key is good now; returns the version."""
    refused = [quarantine_rows(c, run.run_id, run.started_at) for c in cleaned]
    before = context.warehouse.read(QUARANTINE, base)
    good_now = [settled(c, rows, before) for c, rows in zip(cleaned, refused, strict=True)]
    return context.warehouse.merge(
        QUARANTINE,
        reduce(DataFrame.union, refused),
        reduce(DataFrame.union, good_now),
        once=("run_id", "ingested_at"),
        base=base,
    )
