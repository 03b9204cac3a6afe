"""Staged receipt lines and day tiles, written out: an ordinary one and what differs from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS, Table
from segmentation.tiles import CUSTOMER_DAY, SUMS

WEDNESDAY = dt.date(2017, 6, 14)
Row = Mapping[str, Any]

LINE: Row = {
    "customer_id": "c1", "event_date": WEDNESDAY, "local_hour": 12, "quantity": "1", "unit_of_measure": "item",
    "discount_amount": "0", "net_amount": "10.00", "currency": "USD", "is_return": False,
}  # fmt: skip


def line(number: int, change: Row) -> dict[str, Any]:
    """LINE with the change; receipt `t<number>` and an order of its own unless told. Money may be text."""
    receipt = f"t{number}"
    row = {"transaction_id": receipt, "line_no": 1, "order_id": receipt, **LINE, **change}
    day = row["event_date"]
    row.setdefault("transaction_ts", dt.datetime(day.year, day.month, day.day, 12))
    if row["quantity"] is not None and Decimal(row["quantity"]):
        row.setdefault("unit_price", Decimal(row["net_amount"]) / Decimal(row["quantity"]))
    return row


def lines(spark: SparkSession, *changes: Row) -> DataFrame:
    """`stg_transactions` with one line per change."""
    return rows(spark, STG_TRANSACTIONS, *(line(i, change) for i, change in enumerate(changes, start=1)))


def rows(spark: SparkSession, table: Table, *given: Row) -> DataFrame:
    """Rows of a staged table; what is not given is null."""
    typed = [tuple(_typed(row.get(c.name), c.type) for c in table.columns) for row in given]
    return spark.createDataFrame(typed, table.ddl)


def _typed(value: Any, type_: str) -> Any:
    if value is None or not type_.startswith("decimal"):
        return value
    places = int(type_.rstrip(")").split(",")[1])
    return round(Decimal(value), places)


SCALES = {s.name: s.scale for s in SUMS}
EMPTY = {"orders_by_store": [], "by_category": [], "products": [], "returned": []}


def days(spark: SparkSession, *given: Row) -> DataFrame:
    """`customer_day`, a row each. Amounts may be text in the currency or in items; what is not given is none."""
    rows = [dict.fromkeys(SCALES, 0) | EMPTY | {name: _whole(name, value) for name, value in day.items()}
            | {"month": day["event_date"].replace(day=1)} for day in given]  # fmt: skip
    return spark.createDataFrame([tuple(row[n] for n in CUSTOMER_DAY.names) for row in rows], CUSTOMER_DAY.ddl)


def _whole(name: str, value: Any) -> Any:
    return int(Decimal(value) * SCALES[name]) if name in SCALES and isinstance(value, str) else value


def states(tiles: Iterable[Row]) -> dict[tuple[str, dt.date], dict[str, Any]]:
    """The states of day or month tiles (rows as dicts) as `tests.oracles` has them: tuples, and days as a set."""
    found = {}
    for tile in tiles:
        plain = {name: _tuples(value) for name, value in tile.items()}
        month = plain.pop("month")
        key = plain.pop("customer_id"), plain.pop("event_date", month)
        assert month == key[1].replace(day=1)
        if "order_days" in plain:
            plain["order_days"] = {d for d in range(1, 32) if plain["order_days"] & 1 << (d - 1)}
        assert key not in found
        found[key] = plain
    return found


def _tuples(value: Any) -> Any:
    return [tuple(v.values()) if isinstance(v, dict) else v for v in value] if isinstance(value, list) else value
