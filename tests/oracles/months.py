"""Months from the days that `tests.oracles.tiles` finds, added up one by one: the twin of `monthly_tiles`."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.oracles.tiles import Tiles, nothing_first

LISTS = ("orders_by_store", "by_category", "products", "returned")


def expected_months(days: Tiles) -> Tiles:
    """Every state of every customer and month, and `order_days`, the set of days with an order."""
    months: dict[tuple[str, dt.date], list[tuple[dt.date, Mapping[str, Any]]]] = defaultdict(list)
    for (customer, day), states in days.items():
        months[customer, day.replace(day=1)].append((day, states))
    return {key: _month(key[1], of_month) for key, of_month in months.items()}


def _month(first: dt.date, days: list[tuple[dt.date, Mapping[str, Any]]]) -> dict[str, Any]:
    def entries(name: str) -> list[tuple[Any, ...]]:
        return [entry for _, states in days for entry in states[name]]

    earlier = [entry for entry in entries("returned") if entry[0] < first]
    return {
        **{name: sum(states[name] for _, states in days) for name in days[0][1] if name not in LISTS},
        "orders_by_store": _added_up(entries("orders_by_store"), keys=1),
        "by_category": _added_up(entries("by_category"), keys=2),
        "products": sorted({product for _, states in days for product in states["products"]}),
        "returned": _added_up(earlier, keys=3),
        "order_days": {day.day for day, states in days if states["orders"]},
    }


def _added_up(entries: Iterable[tuple[Any, ...]], keys: int) -> list[tuple[Any, ...]]:
    """Entries of the same `keys` first parts become one, the other parts added."""
    sums: dict[tuple[Any, ...], Counter[int]] = defaultdict(Counter)
    for entry in entries:
        for i, part in enumerate(entry[keys:]):
            sums[entry[:keys]][i] += part
    return [(*key, *(sums[key][i] for i in range(len(sums[key])))) for key in nothing_first(sums)]
