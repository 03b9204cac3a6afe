"""What a customer buys and where: categories, departments, prices against the category's usual, stores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.customers import Floats, Ints, ranked, whole
from segmentation.core.periods import Window, day_number
from segmentation.features.past import Past
from segmentation.features.spans import Keyed, Measure, keyed

PRICE_WINDOW = Window(365)
Prices = Mapping[int, Mapping[str, float]]
"""The day number of an as-of date → category → the median price of an item."""


def affinity(past: Past, prices: Prices) -> dict[str, Measure]:
    """Categories: how many, how concentrated, and what their items cost against the usual; orders by store."""
    entries = past.entries("by_category")
    categories = entries.by(entries.field("category"))

    def summed(name: str) -> Measure:
        return categories.spans.summed(whole(entries.field(name))[categories.order])

    net, items, item_amount = summed("net_amount"), summed("items"), summed("item_amount")
    returned = _of_purchases_before(past, categories)

    @cache
    def positive(first: int, end: int) -> Ints:
        return np.maximum(net(first, end) - returned(first, end), 0)

    def breadth(first: int, end: int) -> Floats:
        return categories.over_keys(np.add, positive(first, end) > 0)

    def concentration(first: int, end: int) -> Floats:
        amounts = positive(first, end)
        squares = categories.over_keys(np.add, amounts.astype(np.float64) ** 2)
        total = categories.over_keys(np.add, amounts)
        result = np.full(len(total), np.nan)
        np.divide(squares, total * total, out=result, where=total > 0)
        return result

    @cache
    def usual(end: int) -> Floats:
        of = prices.get(end, {})
        return np.array([of.get(name, np.nan) for name in categories.names])[categories.keys]

    def paid(first: int, end: int) -> Floats:
        return categories.over_keys(np.add, np.where(np.isnan(usual(end)), 0, item_amount(first, end))) / 100

    def expected(first: int, end: int) -> Floats:
        return categories.over_keys(np.add, np.nan_to_num(usual(end)) * items(first, end)) / 1000

    return {"categories": breadth, "category_hhi": concentration, "item_amount": paid, "expected_item_amount": expected}


def _of_purchases_before(past: Past, categories: Keyed) -> Measure:
    """For each customer's category the revenue in a window that was taken back of purchases before the window."""
    codes, names = ranked(past.returned.field("category"))
    places = np.append(np.searchsorted(categories.names, names), -1)
    back = keyed(past.returned.spans, places[codes], categories.names)
    net = whole(past.returned.field("net_amount"))[back.order]
    before = back.spans.summed_of_before(net, past.bought_on[back.order])
    at = categories.positions(back)

    def summed(first: int, end: int) -> Ints:
        found = np.zeros(len(categories.owners), dtype=np.int64)
        found[at] = before(first, end)
        return found

    return summed


def stores(past: Past) -> dict[str, Measure]:
    """Orders whose store is known, and those in the store visited most."""
    entries = past.entries("orders_by_store")
    by_store = entries.by(entries.field("key"))
    orders = whole(entries.field("value"))
    in_store = by_store.spans.summed(orders[by_store.order])
    return {
        "known_store_orders": entries.spans.summed(orders),
        "top_store_orders": lambda first, end: by_store.over_keys(np.maximum, in_store(first, end)),
    }


def departments(past: Past, names: Iterable[str]) -> dict[str, Measure]:
    """Revenue by department, for the departments that features speak of."""
    entries = past.entries("by_category")
    back = past.returned
    net, net_back = (whole(e.field("net_amount")) for e in (entries, back))

    def summed(name: str) -> Measure:
        is_it, is_back = (
            pc.fill_null(pc.equal(e.field("department"), name), False).to_numpy(zero_copy_only=False)
            for e in (entries, back)
        )
        total = entries.spans.summed(net * is_it)
        before = back.spans.summed_of_before(net_back * is_back, past.bought_on)
        return lambda first, end: (total(first, end) - before(first, end)) / 100

    return {f"net_by_department__{name}": summed(name) for name in names}


def category_prices(prices: DataFrame, as_ofs: Sequence[dt.date]) -> Prices:
    """For each as-of date, the exact median unit price of each category's lines in the last 365 days, per item.

    Every line counts once, whatever its quantity.
    """
    cuts = F.array(*(F.struct(F.lit(d).alias("end"), F.lit(PRICE_WINDOW.start(d)).alias("first")) for d in as_ofs))
    inside = (F.col("event_date") >= F.col("cut.first")) & (F.col("event_date") < F.col("cut.end"))
    rows = (
        prices.withColumn("cut", F.explode(cuts)).where(inside)
        # Few prices are left after this, and the percentile is exact at any number of them.
        .groupBy("cut.end", "category", "unit_price").agg(F.sum("lines").alias("lines"))
        .groupBy("end", "category")
        .agg(F.expr("percentile(cast(unit_price AS double), 0.5, lines)").alias("median"))
    )  # fmt: skip
    found: dict[int, dict[str, float]] = {day_number(day): {} for day in as_ofs}
    for row in rows.collect():
        found[day_number(row["end"])][row["category"]] = row["median"]
    return found
