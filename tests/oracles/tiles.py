"""What a customer's day or month adds up to, one receipt line at a time: the twin of `segmentation.tiles`.

Money is in hundredths, items are in thousandths. What Spark keeps as structs are tuples here, sorted, nothing first.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Line = Mapping[str, Any]
"""customer_id, event_date, order_id, local_hour, quantity, unit_of_measure, net_amount, discount_amount,
coupon_amount, cost_amount, product_id, category, department, is_private_label, channel, store_id, payment_method,
is_return."""
Tiles = dict[tuple[str, dt.date], dict[str, Any]]

ZERO = Decimal(0)


def expected_days(lines: Iterable[Line]) -> Tiles:
    """Every state of every customer and day with lines."""
    lines = list(lines)
    days: dict[tuple[str, dt.date], list[Line]] = defaultdict(list)
    for line in lines:
        days[line["customer_id"], line["event_date"]].append(line)
    return {
        (customer, day): _day(day, of_day, [line for line in lines if line["customer_id"] == customer])
        for (customer, day), of_day in days.items()
    }


def _total(lines: Iterable[Line], name: str, scale: int = 100) -> int:
    return int(sum((line[name] for line in lines if line[name] is not None), ZERO) * scale)


def _day(day: dt.date, lines: list[Line], of_customer: list[Line]) -> dict[str, Any]:
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
    priced = [b for b in bought if b["discount_amount"] is not None]
    return {
        **_sums_of_returns(lines),
        "gross_amount": _total(priced, "net_amount") + _total(priced, "discount_amount"),
        "discount_amount": _total(bought, "discount_amount"),
        "coupon_amount": _total(bought, "coupon_amount"),
        "bought_amount": _total(bought, "net_amount"),
        "private_label_amount": _total([b for b in bought if b["is_private_label"]], "net_amount"),
        "branded_amount": _total([b for b in bought if b["is_private_label"] is not None], "net_amount"),
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
        "orders_by_store": [(store, stores.count(store)) for store in sorted(set(stores))],
        "by_category": _categories(lines),
        "products": sorted({b["product_id"] for b in bought} - {None}),
        "returned": _returned(day, lines, of_customer),
    }


def _sums_of_returns(lines: list[Line]) -> dict[str, int]:
    """The sums to which lines that take something back add."""
    return {
        "net_amount": _total(lines, "net_amount"),
        "returned_amount": int(sum((abs(line["net_amount"]) for line in lines if line["is_return"]), ZERO) * 100),
        "cost_amount": _total(lines, "cost_amount"),
        "costed_amount": _total([line for line in lines if line["cost_amount"] is not None], "net_amount"),
        "items": _total([line for line in lines if line["unit_of_measure"] == "item"], "quantity", 1000),
    }


def _categories(lines: list[Line]) -> list[tuple[Any, ...]]:
    """Department, category, revenue, items bought, and what these items brought in."""
    found = []
    for key in nothing_first({(line["department"], line["category"]) for line in lines} - {(None, None)}):
        here = [line for line in lines if (line["department"], line["category"]) == key]
        items = [
            line
            for line in here
            if line["unit_of_measure"] == "item" and not line["is_return"] and (line["quantity"] or ZERO) > 0
        ]
        found.append((*key, _total(here, "net_amount"), _total(items, "quantity", 1000), _total(items, "net_amount")))
    return found


def _returned(day: dt.date, lines: list[Line], of_customer: list[Line]) -> list[tuple[Any, ...]]:
    """What the day's returns of earlier purchases add to the sums: day of purchase, department, category, sums."""
    entries: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
    for line in lines:
        if line["is_return"] and (bought_on := _bought_on(line, of_customer)) != day:
            entries[bought_on, line["department"], line["category"]].append(line)
    return [(*key, *_sums_of_returns(entries[key]).values()) for key in nothing_first(entries)]


def _bought_on(back: Line, of_customer: list[Line]) -> dt.date:
    """The last day, up to the return's own, on which its order bought something; the own day if there is none."""
    days = [
        line["event_date"]
        for line in of_customer
        if line["order_id"] == back["order_id"] and not line["is_return"] and line["event_date"] <= back["event_date"]
    ]
    return max(days, default=back["event_date"])


def nothing_first(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Tuples in order, None before everything else."""
    return sorted(keys, key=lambda key: [(part is not None, part) for part in key])
