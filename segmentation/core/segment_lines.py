"""The segments of a month as a table of text: the job's last words, and what the command line answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from segmentation.core.schemas import NO_DATA
from segmentation.core.text import number

HEADINGS = ("segment", "customers", "share", "revenue", "order value", "orders/year", "last order")
Profile = TypeVar("Profile", bound=Any)
"""A row of `segment_profiles`, its values found by column."""


def in_order(rows: Iterable[Profile]) -> list[Profile]:
    """By id; segments of business rules after those of the model, and who has no data last."""
    return sorted(
        rows, key=lambda r: (r["segment_id"] == NO_DATA, r["segment_id"].startswith("rule-"), r["segment_id"])
    )


def cells(r: Any) -> list[str]:
    """Under `HEADINGS`."""
    return [
        r["segment_name"], number(r["customers"]), number(r["customer_share"], ".1%"),
        number(r["revenue_share"], ".1%"), number(r["average_order_value"], ",.2f"),
        number(r["orders_per_customer_365d"], ".1f"), number(r["median_days_since_last_order"], ".0f", " days ago"),
    ]  # fmt: skip
