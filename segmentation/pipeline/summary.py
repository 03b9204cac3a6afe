"""The last lines of a month on the terminal: the segments, as published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Row

from segmentation.core.schemas import DIMENSIONS, NO_DATA, SEGMENT_PROFILES, UNIFIED
from segmentation.core.text import table
from segmentation.pipeline.context import Context

HEADINGS = ("segment", "customers", "share", "revenue", "order value", "orders/year", "last order")


def print_summary(context: Context, as_of: dt.date, run_id: str) -> None:
    """The unified segments as a table, and one line for each dimension."""
    rows = context.warehouse.read_run(SEGMENT_PROFILES, as_of, run_id).collect()
    say = context.steps.say
    say(f"\nUnified segments as of {as_of}")
    for line in table(HEADINGS, [_cells(r) for r in _of(rows, UNIFIED)]):
        say(f"  {line}")
    say("\nBy dimension")
    for dimension in DIMENSIONS:
        parts = [f"{r['segment_name']} {r['customer_share']:.0%}" for r in _of(rows, dimension)]
        say(f"  {dimension:<15}{' · '.join(parts)}")


def _of(rows: Sequence[Row], dimension: str) -> list[Row]:
    found = [r for r in rows if r["dimension"] == dimension]
    return sorted(
        found,
        key=lambda r: (r["segment_id"] == NO_DATA, r["segment_id"].startswith("rule-"), r["segment_id"]),
    )


def _cells(r: Row) -> list[str]:
    def shown(value: object, form: str, unit: str = "") -> str:
        return "–" if value is None else format(value, form) + unit

    return [
        r["segment_name"], f"{r['customers']:,}", shown(r["customer_share"], ".1%"), shown(r["revenue_share"], ".1%"),
        shown(r["average_order_value"], ",.2f"), shown(r["orders_per_customer_365d"], ".1f"),
        shown(r["median_days_since_last_order"], ".0f", " days ago"),
    ]  # fmt: skip
