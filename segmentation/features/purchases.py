"""What follows from adding up days: money, orders, items, and the first and last order."""

from __future__ import annotations

from segmentation.features.past import Past, day_numbers
from segmentation.features.spans import Measure, Spans
from segmentation.tiles import SUMS


def purchases(past: Past) -> dict[str, Measure]:
    """Every sum of the tiles; order days, and the ages of the first and last order."""
    days = order_days(past)
    sums: dict[str, Measure] = {s.name: past.summed(s.name, s.scale) for s in SUMS}
    return sums | {
        "order_days": days.between,
        "days_since_last_order": days.last,
        "days_since_first_order": days.earliest,
    }


def order_days(past: Past) -> Spans:
    """The days on which each customer placed orders."""
    entries = past.entries("order_dates")
    return Spans(entries.spans.starts, day_numbers(entries.values))
