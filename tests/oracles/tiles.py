"""What a customer's day adds up to, one receipt line at a time: the twin of `segmentation.tiles`."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Line = Mapping[str, Any]
"""customer_id, event_date, order_id, local_hour, quantity, unit_of_measure, net_amount, discount_amount,
coupon_amount, cost_amount, category, department, is_private_label, channel, store_id, payment_method, is_return."""

ZERO = Decimal(0)


def expected_days(lines: Iterable[Line]) -> dict[tuple[str, dt.date], dict[str, Any]]:
    """Every state of every customer and day with lines."""
    days: dict[tuple[str, dt.date], list[Line]] = defaultdict(list)
    for line in lines:
        days[line["customer_id"], line["event_date"]].append(line)
    return {key: _day(key[1], of_day) for key, of_day in days.items()}


def _total(lines: Iterable[Line], name: str) -> Decimal:
    return sum((line[name] for line in lines if line[name] is not None), ZERO)


def _day(day: dt.date, lines: list[Line]) -> dict[str, Any]:
    bought = [line for line in lines if not line["is_return"]]
    of_order: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        of_order[line["order_id"]].append(line)
    orders = [of_order[name] for name in {line["order_id"] for line in bought}]

    def least(order: list[Line], name: str) -> Any:
        return min((line[name] for line in order if line[name] is not None), default=None)

    def count(name: str, *wanted: Any) -> int:
        found = [least(order, name) for order in orders]
        return sum(value in wanted if wanted else value is not None for value in found)

    weekend, season = day.strftime("%A") in ("Saturday", "Sunday"), day.month in (11, 12)
    stores = [store for order in orders if (store := least(order, "store_id")) is not None]
    return {
        "net_amount": _total(lines, "net_amount"),
        "gross_amount": sum(
            (b["net_amount"] + b["discount_amount"] for b in bought if b["discount_amount"] is not None), ZERO
        ),
        "discount_amount": _total(bought, "discount_amount"),
        "coupon_amount": _total(bought, "coupon_amount"),
        "returned_amount": sum((abs(line["net_amount"]) for line in lines if line["is_return"]), ZERO),
        "bought_amount": _total(bought, "net_amount"),
        "cost_amount": _total(lines, "cost_amount"),
        "costed_amount": _total([line for line in lines if line["cost_amount"] is not None], "net_amount"),
        "private_label_amount": _total([b for b in bought if b["is_private_label"]], "net_amount"),
        "branded_amount": _total([b for b in bought if b["is_private_label"] is not None], "net_amount"),
        "items": _total([line for line in lines if line["unit_of_measure"] == "item"], "quantity"),
        "lines": len(bought),
        "discounted_lines": sum((b["discount_amount"] or ZERO) > 0 for b in bought),
        "coupon_lines": sum((b["coupon_amount"] or ZERO) > 0 for b in bought),
        "orders": len(orders),
        "weekend_orders": len(orders) if weekend else 0,
        "evening_orders": count("local_hour", *range(18, 24)),
        "season_orders": len(orders) if season else 0,
        "channel_orders": count("channel"),
        "online_orders": count("channel", "online"),
        "store_orders": count("channel", "store"),
        "payment_orders": count("payment_method"),
        "card_orders": count("payment_method", "card"),
        "orders_by_store": {store: stores.count(store) for store in stores} or None,
        "by_category": _categories(lines),
    }


def _categories(lines: list[Line]) -> dict[tuple[str | None, str | None], tuple[Decimal, Decimal, Decimal]] | None:
    """(department, category) → revenue, items bought, and what these items brought in."""
    found = {}
    for key in {(line["department"], line["category"]) for line in lines} - {(None, None)}:
        here = [line for line in lines if (line["department"], line["category"]) == key]
        items = [
            line
            for line in here
            if line["unit_of_measure"] == "item" and not line["is_return"] and (line["quantity"] or ZERO) > 0
        ]
        found[key] = (_total(here, "net_amount"), _total(items, "quantity"), _total(items, "net_amount"))
    return found or None
