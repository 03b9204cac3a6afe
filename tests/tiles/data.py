"""Staged receipt lines, written out: an ordinary line and what differs from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS, Table

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
