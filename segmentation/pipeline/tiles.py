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
    CUSTOMER_PRODUCT,
    TILES,
    changed_products,
    daily_tiles,
    monthly_tiles,
    price_tiles,
    product_tiles,
)
from segmentation.tiles.monthly import month_of


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
    make(CUSTOMER_MONTH, monthly_tiles(warehouse.read(CUSTOMER_DAY, versions[CUSTOMER_DAY.name])), "customer months")
    make(CUSTOMER_PRODUCT, product_tiles(lines), "products of customers")
    make(CATEGORY_PRICE, price_tiles(lines), "prices of categories and days")
    return versions


def _make_touched(context: Context, since: int, lines_version: int) -> dict[str, int]:
    warehouse = context.warehouse
    changes = warehouse.changes(STG_TRANSACTIONS, since, lines_version).persist()
    days = changes.select("customer_id", "event_date").distinct().persist()
    span = days.agg(F.min("event_date").alias("first"), F.max("event_date").alias("last")).collect()[0]
    # Without a change, which commits that only moved files leave, any day will do.
    first, last = span["first"] or UNDATED, span["last"] or UNDATED
    month = first.replace(day=1)
    lines = warehouse.read(STG_TRANSACTIONS, lines_version).where(F.col("event_date").between(first, last))
    of_days = lines.join(days, ["customer_id", "event_date"], "left_semi")
    versions: dict[str, int] = {}

    def make(table: Table, rows: DataFrame, keys: DataFrame, within: Span | None, what: str) -> None:
        with context.steps.step(table.name) as facts:
            versions[table.name] = warehouse.replace(table, rows, keys, within)
            everything = warehouse.read(table, versions[table.name]).count()
            facts.append(f"{keys.count():>9,} touched of {everything:,} {what}")

    make(CUSTOMER_DAY, daily_tiles(of_days), days, ("event_date", first, last), "customer days")

    months = days.select("customer_id", month_of()).distinct()
    stored = warehouse.read(CUSTOMER_DAY, versions[CUSTOMER_DAY.name]).where(F.col("event_date") >= F.lit(month))
    of_months = stored.withColumn("month", month_of()).join(months, ["customer_id", "month"], "left_semi")
    make(CUSTOMER_MONTH, monthly_tiles(of_months), months, ("month", month, last), "customer months")

    pairs = changes.where("product_id IS NOT NULL").select("customer_id", "product_id").distinct()
    products = changed_products(warehouse.read(CUSTOMER_PRODUCT), changes, of_days)
    make(CUSTOMER_PRODUCT, products, pairs, None, "products of customers")

    categories = changes.where("category IS NOT NULL").select("category", "event_date").distinct()
    of_categories = lines.join(categories, ["category", "event_date"], "left_semi")
    make(CATEGORY_PRICE, price_tiles(of_categories), categories, ("event_date", first, last), "categories and days")
    days.unpersist()
    changes.unpersist()
    return versions
