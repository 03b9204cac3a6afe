"""Day tiles as people read them: in the currency and in items, and of a window that begins on some day."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import MONEY, RETURNED_SUMS, SUMS, UNITS

TYPES = {MONEY: "decimal(28,2)", UNITS: "decimal(28,3)"}


def in_units(sums: DataFrame) -> DataFrame:
    """Tiles, or what was added up of them, with money and items as decimals: the columns named as the tiles' sums are.

    To add whole numbers up and convert the result is much faster than the other way round.
    """
    amounts = {s.name: _decimal(F.col(s.name), s.scale) for s in SUMS if s.scale in TYPES and s.name in sums.columns}
    return sums.withColumns(amounts)


def since(days: DataFrame, first: dt.date) -> DataFrame:
    """The tiles on or after `first`, without what was taken back of purchases before that day."""
    before = F.filter("returned", lambda r: r["bought_on"] < F.lit(first))

    def part(name: str) -> Column:
        return F.col(name) - F.aggregate(before, F.lit(0).cast("bigint"), lambda total, r: total + r[name])

    nothing = F.lit(0).cast("bigint")
    back = F.transform(
        before,
        lambda r: F.struct(
            r["department"], r["category"], (-r["net_amount"]).alias("net_amount"), nothing.alias("items"),
            nothing.alias("item_amount"),
        ),
    )  # fmt: skip
    return days.where(F.col("event_date") >= F.lit(first)).withColumns(
        {**{name: part(name) for name in RETURNED_SUMS}, "by_category": F.concat("by_category", back)}
    )


def _decimal(whole: Column, scale: int) -> Column:
    places = len(str(scale)) - 1
    return (whole.cast("decimal(20,0)") * F.lit(10**-places).cast(f"decimal(4,{places})")).cast(TYPES[scale])
