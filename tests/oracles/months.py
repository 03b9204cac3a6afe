"""Months from the days that `tests.oracles.tiles` finds, added up one by one: the twin of `monthly_tiles`."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

Days = Mapping[tuple[str, dt.date], Mapping[str, Any]]


def expected_months(days: Days) -> dict[tuple[str, dt.date], dict[str, Any]]:
    """Every state of every customer and month, and `order_days`, the set of days with an order."""
    months: dict[tuple[str, dt.date], list[tuple[dt.date, Mapping[str, Any]]]] = defaultdict(list)
    for (customer, day), states in days.items():
        months[customer, day.replace(day=1)].append((day, states))
    return {key: _month(of_month) for key, of_month in months.items()}


def _month(days: list[tuple[dt.date, Mapping[str, Any]]]) -> dict[str, Any]:
    stores: Counter[str] = Counter()
    categories: dict[Any, tuple[Any, ...]] = {}
    for _, states in days:
        stores.update(states["orders_by_store"] or {})
        for key, sums in (states["by_category"] or {}).items():
            categories[key] = tuple(a + b for a, b in zip(categories.get(key, (0, 0, 0)), sums, strict=True))
    sums = [name for name in days[0][1] if name not in ("orders_by_store", "by_category")]
    return {
        **{name: sum(states[name] for _, states in days) for name in sums},
        "orders_by_store": dict(stores) or None,
        "by_category": categories or None,
        "order_days": {day.day for day, states in days if states["orders"]},
    }
