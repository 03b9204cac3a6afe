"""Staged lines to tiles: all of them the first time, afterwards those that changed lines reach."""

from __future__ import annotations

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.schemas import STG_TRANSACTIONS, Table
from segmentation.io.delta import Span
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.staging.mapping import UNDATED
from segmentation.tiles import (
    CATEGORY_PRICE,
    CUSTOMER_DAY,
    CUSTOMER_MONTH,
    TILES,
    daily_tiles,
    month_of,
    monthly_tiles,
    price_tiles,
)

ORDER = ["customer_id", "order_id"]
DAY = ["customer_id", "event_date"]
MONTH = ["customer_id", "month"]


def refresh_tiles(context: Context, run: Run, last: Row | None, lines_version: int) -> dict[str, int]:
    """Brings the tiles up to a version of the staged lines; returns the version of each tile table.

    `last`: the ingest run before. Tiles that a line reaches which it inserted, changed or deleted since then are made
    anew from their lines, so doing it twice changes nothing. Tiles of another version of the code are all made anew.
    """
    if last is None or last["code_version"] != run.code_version:
        return _make_all(context, lines_version)
    since = last["output_versions"][STG_TRANSACTIONS.name]
    if since == lines_version:
        context.steps.say("  tiles                   no line has changed")
        return {t.name: last["output_versions"][t.name] for t in TILES}
    return _make_touched(context, since, lines_version)


def _make_all(context: Context, lines_version: int) -> dict[str, int]:
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


def _make_touched(context: Context, since: int, lines_version: int) -> dict[str, int]:
    warehouse = context.warehouse
    changes = warehouse.changes(STG_TRANSACTIONS, since, lines_version).persist()
    lines = warehouse.read(STG_TRANSACTIONS, lines_version)
    days = changes.select(*DAY).union(_taken_back(changes, lines)).distinct().persist()
    span = days.agg(F.min("event_date").alias("first"), F.max("event_date").alias("last")).collect()[0]
    # Without a change, which commits that only moved files leave, any day will do.
    first, last = span["first"] or UNDATED, span["last"] or UNDATED
    month = first.replace(day=1)
    months = days.select("customer_id", month_of()).distinct()
    within = F.col("event_date").between(month, F.last_day(F.lit(last)))
    of_months = lines.where(within).withColumn("month", month_of()).join(months, MONTH, "left_semi").persist()
    bought = _purchases(lines, of_months).persist()
    versions: dict[str, int] = {}

    def make(table: Table, rows: DataFrame, keys: DataFrame, within: Span | None, what: str) -> None:
        with context.steps.step(table.name) as facts:
            versions[table.name] = warehouse.replace(table, rows, keys, within)
            everything = warehouse.read(table, versions[table.name]).count()
            facts.append(f"{keys.count():>9,} touched of {everything:,} {what}")

    def whole(of: DataFrame, keys: DataFrame) -> DataFrame:
        """The lines of some tiles, and the purchases elsewhere that their returns are of."""
        return of.unionByName(bought.join(keys, list(keys.columns), "left_anti"), allowMissingColumns=True)

    of_days = whole(of_months.join(days, DAY, "left_semi"), days)
    make(CUSTOMER_DAY, daily_tiles(of_days).join(days, DAY, "left_semi"), days, ("event_date", first, last),
         "customer days")  # fmt: skip
    made = monthly_tiles(whole(of_months, months)).join(months, MONTH, "left_semi")
    make(CUSTOMER_MONTH, made, months, ("month", month, last), "customer months")

    categories = changes.where("category IS NOT NULL").select("category", "event_date").distinct()
    of_categories = lines.where(F.col("event_date").between(first, last)).join(
        categories, ["category", "event_date"], "left_semi"
    )
    make(CATEGORY_PRICE, price_tiles(of_categories), categories, ("event_date", first, last), "categories and days")
    for persisted in (bought, of_months, days, changes):
        persisted.unpersist()
    return versions


def _taken_back(changes: DataFrame, lines: DataFrame) -> DataFrame:
    """The customers' days on which something was taken back of an order with changed lines."""
    orders = changes.where("NOT is_return").select(*ORDER).distinct()
    return lines.where("is_return").join(orders, ORDER, "left_semi").select(*DAY)


def _purchases(lines: DataFrame, of_tiles: DataFrame) -> DataFrame:
    """The bare days of the purchases that the returns among some lines are of: a row an order and day."""
    orders = of_tiles.where("is_return").select(*ORDER).distinct()
    bought = lines.where("NOT is_return").select(*DAY, "order_id", "is_return").join(orders, ORDER, "left_semi")
    return bought.distinct().withColumn("month", month_of())
