"""What follows from adding up days: money, orders, items, and the first and last order."""

from __future__ import annotations

from segmentation.features.past import Past
from segmentation.features.spans import Measure
from segmentation.tiles import RETURNED_SUMS, Sum


def amount(past: Past, of: Sum) -> Measure:
    """A sum of the tiles, without what was taken back of purchases before the window."""
    return (past.netted if of.name in RETURNED_SUMS else past.summed)(of.name, of.scale)


def order_days(past: Past) -> dict[str, Measure]:
    """How many days have an order, and the ages of the first and last one."""
    days = past.order_days
    return {"order_days": days.between, "days_since_last_order": days.last, "days_since_first_order": days.earliest}
