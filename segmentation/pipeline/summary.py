"""The last lines of a month on the terminal: the segments, as published."""

from __future__ import annotations

import datetime as dt

from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS, SEGMENT_PROFILES, UNIFIED
from segmentation.core.segment_lines import HEADINGS, cells, in_order
from segmentation.core.text import table
from segmentation.pipeline.context import Context


def print_summary(context: Context, as_of: dt.date, run_id: str) -> None:
    """The unified segments as a table, and one line for each dimension."""
    rows = context.warehouse.rows_of_run(SEGMENT_PROFILES, as_of, run_id)
    of = {d: in_order(r for r in rows if r["dimension"] == d) for d in ALL_DIMENSIONS}
    say = context.steps.say
    say(f"\nUnified segments as of {as_of}")
    for line in table(HEADINGS, [cells(r) for r in of[UNIFIED]]):
        say(f"  {line}")
    say("\nBy dimension")
    for dimension in DIMENSIONS:
        parts = [f"{r['segment_name']} {r['customer_share']:.0%}" for r in of[dimension]]
        say(f"  {dimension:<15}{' · '.join(parts)}")
