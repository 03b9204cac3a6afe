"""How many customers, and how much of their money, each part of a segment has: exact, and not yet for everyone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.periods import YEAR
from segmentation.features import Feature
from segmentation.segments.profiles import spent_by_department
from segmentation.segments.sums import sums_by_segment
from segmentation.tiles import in_units, since

UNKNOWN = "(unknown)"
NOT_ZERO = "not_zero_"
CHANNELS = {"online": "online_orders", "store": "store_orders"}
"""Channel → its orders among the sums of the tiles."""


@dataclass(frozen=True)
class Cell:
    """A part of a segment."""

    dimension: str
    segment_id: str
    part: str
    subpart: str
    customers: int
    """Who are in it; of a department or channel, who bought there; of a feature, of whom it is known."""
    amount: Fraction
    """Net revenue in 365 days; orders of a channel; the sum of a feature."""
    active: int = 0
    """Of a place, who bought in the 365 days; of a feature, of whom it is another number than 0."""


@dataclass(frozen=True)
class Cells:
    """The parts of all segments of one as-of date, by what they are parts by."""

    places: list[Cell]
    departments: list[Cell]
    channels: list[Cell]
    features: list[Cell]


def count_cells(
    segments: DataFrame, customers: DataFrame, features: DataFrame, tiles: DataFrame, as_of: dt.date,
    described: Sequence[Feature],
) -> Cells:  # fmt: skip
    """Counts the parts of every segment of one as-of date, in all dimensions, exactly.

    segments: the rows of `segments`; customers: of `stg_customers` valid then, with city and loyalty_tier; features: of
    `customer_features`, whose numeric columns `described` are averaged; tiles: `customer_day` before the as-of date.
    Who is in no customer file is in the place (unknown).
    """
    members = segments.select("dimension", "segment_id", "customer_id")
    year = since(tiles, YEAR.start(as_of))
    orders = [*CHANNELS.values()]
    bought = year.groupBy("customer_id").agg(*(F.sum(c).alias(c) for c in ("net_amount", *orders)))
    homes = customers.select("customer_id", "city", "loyalty_tier")
    of_members = (
        members.join(in_units(bought), on="customer_id", how="left")
        .join(homes, on="customer_id", how="left")
        .fillna({"city": UNKNOWN, "loyalty_tier": UNKNOWN})
    )
    counted = of_members.groupBy("dimension", "segment_id", "city", "loyalty_tier").agg(
        F.count("*").alias("customers"),
        F.sum("net_amount").alias("amount"),
        F.count("net_amount").alias("buyers"),
        *(f(c).alias(f"{n}_{c}") for c in orders for n, f in (("sum", F.sum), ("buyers", _with_any))),
    ).collect()  # fmt: skip
    places = [
        Cell(r["dimension"], r["segment_id"], r["city"], r["loyalty_tier"], r["customers"], Fraction(r["amount"] or 0),
             r["buyers"])
        for r in counted
    ]  # fmt: skip
    sums = sums_by_segment(
        segments.select("dimension", "segment_id", "customer_id", F.lit(None).cast("string").alias("raw_segment_id")),
        features,
        {f.name: F.col(f.name).cast("double") for f in described}
        | {NOT_ZERO + f.name: F.when(F.col(f.name) != 0, F.lit(1.0)) for f in described},
    )  # fmt: skip
    means = [
        Cell(dimension, segment_id, f.name, "", columns[f.name].count, columns[f.name].total,
             columns[NOT_ZERO + f.name].count if NOT_ZERO + f.name in columns else 0)
        for (dimension, segment_id, _), (_, columns) in sums.items()
        for f in described if f.name in columns
    ]  # fmt: skip
    return Cells(places, _departments(members, year), list(_channels(counted)), means)


def _channels(counted: Sequence[Row]) -> Iterator[Cell]:
    for channel, c in CHANNELS.items():
        of: dict[tuple[str, str], list[Row]] = {}
        for r in counted:
            if r[f"sum_{c}"]:
                of.setdefault((r["dimension"], r["segment_id"]), []).append(r)
        for (dimension, segment_id), rows in of.items():
            buyers, orders = (sum(r[f"{n}_{c}"] for r in rows) for n in ("buyers", "sum"))
            yield Cell(dimension, segment_id, channel, "", buyers, Fraction(orders))


def _departments(members: DataFrame, year: DataFrame) -> list[Cell]:
    of_customers = spent_by_department(year).fillna({"department": UNKNOWN})
    joined = members.join(of_customers, on="customer_id", how="inner")
    rows = in_units(
        joined.groupBy("dimension", "segment_id", "department").agg(
            F.count("*").alias("customers"), F.sum("net_amount").alias("net_amount")
        )
    )
    return [
        Cell(r["dimension"], r["segment_id"], r["department"], "", r["customers"], Fraction(r["net_amount"]))
        for r in rows.collect()
    ]


def _with_any(column: str) -> Column:
    return F.count_if(F.col(column) > 0)
