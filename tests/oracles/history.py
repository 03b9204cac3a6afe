"""A few windowed features from plain rows, one customer and window at a time: the twin of `segmentation.features`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

LENGTHS = {"30d": 30, "90d": 90, "180d": 180, "365d": 365, "lifetime": 100_000}
Rows = Iterable[Mapping[str, Any]]


def expected_features(lines: Rows, interactions: Rows, as_of: dt.date) -> dict[str, dict[str, Any]]:
    """Customer → feature → value, of what happened before `as_of`."""
    lines = [row for row in lines if row["event_date"] < as_of]
    interactions = [row for row in interactions if row["event_date"] < as_of]
    customers = {row["customer_id"] for row in (*lines, *interactions)}
    return {c: _of_one(_of(c, lines), _of(c, interactions), as_of) for c in customers}


def _counted_on(line: Mapping[str, Any], bought: Rows) -> dt.date:
    """Of a return the last day up to it on which its order was bought, where there is one."""
    own: dt.date = line["event_date"]
    days = [b["event_date"] for b in bought if b["order_id"] == line["order_id"] and b["event_date"] <= own]
    return max(days, default=own) if line["is_return"] else own


def _of(customer: str, rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["customer_id"] == customer]


def _of_one(lines: Rows, interactions: Rows, as_of: dt.date) -> dict[str, Any]:
    found: dict[str, Any] = {}
    bought = [line for line in lines if not line["is_return"]]
    counted = [(_counted_on(line, bought), line["net_amount"]) for line in lines]
    ever: dict[str, dt.date] = {}
    for line in sorted(bought, key=lambda line: line["event_date"]):
        ever.setdefault(line["product_id"], line["event_date"])
    for window, days in LENGTHS.items():
        first = as_of - dt.timedelta(days=days)
        purchases = [line for line in bought if line["event_date"] >= first]
        order_days = sorted({line["event_date"] for line in purchases})
        gaps = [(later - day).days for day, later in pairwise(order_days)]
        net = sum((amount for day, amount in counted if day >= first), Decimal(0))
        orders = {(line["event_date"], line["order_id"]) for line in purchases}
        products = {line["product_id"] for line in purchases} - {None}
        contacts = [row for row in interactions if row["event_date"] >= first]
        sent = {row["campaign_id"] for row in contacts if row["interaction_type"] == "exposure"} - {None}
        responses = [row for row in contacts if row["interaction_type"] in ("redemption", "click")]
        values = {
            "net": net,
            "orders": len(orders),
            "net_per_order": float(net) / len(orders) if orders else None,
            "gap": float(median(gaps)) if gaps else None,
            "last": float((as_of - order_days[-1]).days) if order_days else None,
            "new_products": len([p for p in products if ever[p] >= first]),
            "products": len(products),
            "sent": len(sent),
            "answered": len({row["campaign_id"] for row in responses} - {None}),
            "minutes": sum(
                (r["minutes"] for r in contacts if r["interaction_type"] == "visit" and r["minutes"] is not None),
                Decimal(0),
            ),
        }
        found |= {f"{name}_{window}": value for name, value in values.items()}
    return found
