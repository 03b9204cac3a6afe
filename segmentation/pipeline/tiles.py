"""Staged lines to tiles: all of them the first time, afterwards those that changed lines reach."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.schemas import STG_TRANSACTIONS, Table
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.tiles import (
    CATEGORY_PRICE,
    CUSTOMER_DAY,
    CUSTOMER_MONTH,
    TILES,
    both_tiles,
    daily_tiles,
    month_of,
    monthly_tiles,
    price_tiles,
)

BY_ORDER = ["customer_id", "order_id"]
BY_DAY = ["customer_id", "event_date"]
BY_MONTH = ["customer_id", "month"]
BY_CATEGORY = ["category", "event_date"]
KNOWN = (*BY_DAY, "order_id", "category", "is_return")
"""What a refresh asks of a changed line."""


def refresh_tiles(context: Context, run: Run, last: Row | None, lines_version: int) -> dict[str, int]:
    """Brings the tiles up to a version of the staged lines; returns the version of each tile table.

    `last`: the ingest run before. Tiles that a line reaches which it inserted, changed or deleted since then are made
    anew from their lines, so doing it twice changes nothing. Tiles of another version of the code are all made anew.
    Raises OvertakenError where another ingest writes them at the same time.
    """
    if last is None or last["code_version"] != run.code_version:
        return _make_all(context, lines_version)
    since = last["output_versions"][STG_TRANSACTIONS.name]
    if since == lines_version:
        context.steps.say("  tiles                   no line has changed")
        return {t.name: last["output_versions"][t.name] for t in TILES}
    try:  # an attempt that died, or another ingest at the same time, may have left others
        base = {t.name: context.warehouse.restore(t, last["output_versions"][t.name]) for t in TILES}
    except SPARK_FAILED as error:
        context.steps.say(
            f"  tiles                   those of run {last['run_id']} are gone ({reason(error)}): all anew"
        )
        return _make_all(context, lines_version)
    return _make_touched(context, base, since, lines_version)


def _make_all(context: Context, lines_version: int) -> dict[str, int]:
    # A pass for each: what both grains come of, or both grains, would be kept on the disk in between, of all lines.
    warehouse = context.warehouse
    lines = warehouse.read(STG_TRANSACTIONS, lines_version)
    versions: dict[str, int] = {}

    def make(table: Table, rows: DataFrame, what: str) -> None:
        with context.steps.step(table.name) as facts:
            versions[table.name] = warehouse.overwrite(table, rows)
            facts.append(f"{warehouse.read(table, versions[table.name]).count():>9,} {what}")

    make(CUSTOMER_DAY, daily_tiles(lines), "customer days")
    make(CUSTOMER_MONTH, monthly_tiles(lines), "customer months")
    make(CATEGORY_PRICE, price_tiles(lines), "prices of categories and days")
    return versions


@dataclass(frozen=True)
class Touched:
    """Keys whose tiles are made anew, in memory: in which months, how many, and of how many days in all."""

    keys: DataFrame
    months: list[dt.date]
    count: int
    days: int

    @classmethod
    def of(cls, keys: DataFrame) -> Touched:
        """keys: with `month` and `days`. Counted at once: Spark sends to every task what it knows to be small."""
        kept = keys.persist()
        rows = kept.groupBy("month").agg(F.count("*").alias("keys"), F.sum("days").alias("days")).collect()
        return cls(kept, sorted(r["month"] for r in rows), sum(r["keys"] for r in rows), sum(r["days"] for r in rows))


def _make_touched(context: Context, base: dict[str, int], since: int, lines_version: int) -> dict[str, int]:
    warehouse = context.warehouse
    lines = warehouse.read(STG_TRANSACTIONS, lines_version)
    changes = warehouse.changes(STG_TRANSACTIONS, since, lines_version).select(*KNOWN).persist()
    days = changes.select(*BY_DAY).union(_taken_back(changes, lines))
    months = Touched.of(days.groupBy("customer_id", month_of()).agg(_different_days().alias("days")))
    of = changes.where("category IS NOT NULL").groupBy(*BY_CATEGORY, month_of())
    categories = Touched.of(of.agg(F.lit(1).alias("days")))  # a key is a category on one day

    of_months = _within(lines, months).withColumn("month", month_of()).join(months.keys, BY_MONTH, "left_semi")
    orders = of_months.where("is_return").select(*BY_ORDER).distinct().persist()
    orders.count()  # as above
    elsewhere = _purchases(lines, orders).join(months.keys, BY_MONTH, "left_anti")
    # A month's lines make its days too: all of a customer's, and what was not touched comes out as it was.
    made = both_tiles(of_months.unionByName(elsewhere, allowMissingColumns=True))
    made = made.join(months.keys, BY_MONTH, "left_semi").persist()
    priced = _within(lines, categories).join(categories.keys, BY_CATEGORY, "left_semi")
    versions: dict[str, int] = {}

    def make(table: Table, rows: DataFrame, touched: Touched, number: int, what: str) -> None:
        with context.steps.step(table.name) as facts:
            keys = touched.keys.drop("days")
            version = base[table.name]
            if touched.months:
                version = warehouse.replace(table, rows, keys, touched.months, warehouse.restore(table, version))
            everything = warehouse.read(table, version).count()
            facts.append(f"{number:>9,} touched of {everything:,} {what}")
            versions[table.name] = version

    make(CUSTOMER_DAY, made.where("event_date IS NOT NULL"), months, months.days, "customer days")
    make(CUSTOMER_MONTH, made.where("event_date IS NULL"), months, months.count, "customer months")
    make(CATEGORY_PRICE, price_tiles(priced), categories, categories.count, "categories and days")
    for rows in (made, orders, categories.keys, months.keys, changes):
        rows.unpersist()
    return versions


def _different_days() -> Column:
    """How many different days of a month there are in a group: the bits that a day of the month sets."""
    return F.bit_count(F.expr("bit_or(1 << (day(event_date) - 1))")).cast("bigint")


def _within(lines: DataFrame, touched: Touched) -> DataFrame:
    """The lines of the months touched; as ranges of days, so that files and parts of files with others stay unread."""
    spans = (F.col("event_date").between(F.lit(m), F.last_day(F.lit(m))) for m in touched.months)
    return lines.where(reduce(Column.__or__, spans, F.lit(False)))


def _taken_back(changes: DataFrame, lines: DataFrame) -> DataFrame:
    """The customers' days on which something was taken back of an order with changed lines: not before those."""
    bought = changes.where("NOT is_return")
    first = bought.agg(F.min("event_date")).collect()[0][0]
    orders = bought.select(*BY_ORDER).distinct()
    back = lines.where(F.col("is_return") & (F.col("event_date") >= F.lit(first)))
    return back.join(orders, BY_ORDER, "left_semi").select(*BY_DAY)


def _purchases(lines: DataFrame, orders: DataFrame) -> DataFrame:
    """The bare days of the purchases of some orders: a row an order and day."""
    bought = lines.where("NOT is_return").select(*BY_DAY, "order_id", "is_return").join(orders, BY_ORDER, "left_semi")
    return bought.distinct().withColumn("month", month_of())
