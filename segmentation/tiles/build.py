"""Lines to day and month tiles."""

from __future__ import annotations

from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core import schemas
from segmentation.core.customers import HASH, gathered
from segmentation.tiles.aggregates import BITS, BOUGHT, COUNT, CUSTOMER_DAY, CUSTOMER_MONTH, DAY, IS_ITEM, SUMS
from segmentation.tiles.kernel import Grain, make_tiles

# Sums of wide decimals go through BigDecimal; cents and thousandths as whole numbers are exact too, and three times as
# fast. The names stay, so that the updates read the same.
WHOLE = {"net_amount": 100, "discount_amount": 100, "coupon_amount": 100, "cost_amount": 100, "quantity": 1000}
KEYS = ("customer_id", "event_date", "order_id", "store_id", "local_hour", "channel", "payment_method", "department",
        "category", "product_id")  # fmt: skip
FLAGS = ("is_return", "is_private_label", "unit_of_measure")
BOUGHT_ITEM = f"{IS_ITEM} AND {BOUGHT} AND quantity > 0"


def month_of(day: str = "event_date") -> Column:
    """The first day of the calendar month."""
    return F.trunc(day, "month").alias("month")


def daily_tiles(lines: DataFrame) -> DataFrame:
    """One row per customer and day with purchases or returns; money in the reporting currency.

    A day is whole only where all its lines are given, and the purchases that its returns take back.
    """
    return _tiles(lines, ("day",), CUSTOMER_DAY.columns)


def monthly_tiles(lines: DataFrame) -> DataFrame:
    """One row per customer and calendar month with purchases or returns, from the lines as `daily_tiles`."""
    return _tiles(lines, ("month",), CUSTOMER_MONTH.columns)


def both_tiles(lines: DataFrame) -> DataFrame:
    """The rows of `daily_tiles` and, with `event_date` null, those of `monthly_tiles`: one pass for both."""
    return _tiles(lines, ("day", "month"), (*CUSTOMER_MONTH.columns, DAY))


def _tiles(lines: DataFrame, grains: tuple[Grain, ...], columns: tuple[schemas.Column, ...]) -> DataFrame:
    ddl = ", ".join(f"{c.name} {c.type}" for c in columns)
    make = partial(make_tiles, grains=grains, names=[c.name for c in columns])
    return contributions(lines).mapInArrow(make, ddl)


def contributions(lines: DataFrame) -> DataFrame:
    """What each line adds to the sums, as `kernel.make_tiles` takes it: `gathered`, with the keys."""
    # After the exchange: what is exchanged are the lines, and not the many columns that follow from them.
    return gathered(whole_lines(lines)).select(HASH, *KEYS, *updates())


def whole_lines(lines: DataFrame) -> DataFrame:
    """The columns that tiles are made of, with whole numbers for decimals."""
    scaled = [(F.col(name) * scale).cast("bigint").alias(name) for name, scale in WHOLE.items()]
    return lines.select(*KEYS, *FLAGS, *scaled)


def updates() -> list[Column]:
    """What a line of `whole_lines` adds to each sum; the counts, of 0 or 1 each, as the bits of one column."""
    counts = {s.name: s.update for s in SUMS if s.scale == COUNT} | {"is_bought": f"CASE WHEN {BOUGHT} THEN 1L END"}
    bits = " + ".join(f"coalesce(({counts[name]}), 0L) * {1 << i}L" for i, name in enumerate(BITS))
    sums = {s.name: s.update for s in SUMS if s.scale != COUNT} | {
        "bought_items": f"CASE WHEN {BOUGHT_ITEM} THEN quantity END",
        "item_amount": f"CASE WHEN {BOUGHT_ITEM} THEN net_amount END",
    }
    return [F.expr(update).alias(name) for name, update in {**sums, "bits": bits}.items()]
