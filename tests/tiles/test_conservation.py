"""Whatever the lines: tiles hold their sums, no more and no less, under any partitioning."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.tiles import SUMS, daily_tiles
from tests.oracles.tiles import expected_days
from tests.tiles.data import line, rows


def amounts(low: int, high: int, places: int = 2) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda whole: Decimal(whole).scaleb(-places))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, values, st.none())


CHANGES = st.fixed_dictionaries({
    "customer_id": st.sampled_from("abc"),
    "event_date": st.sampled_from([dt.date(2017, 11, d) for d in (17, 18, 19)] + [dt.date(2018, 1, 1)]),
    "order_id": st.sampled_from("123"),
    "local_hour": maybe(st.integers(0, 23)),
    "quantity": maybe(amounts(0, 5_000, 3)),
    "unit_price": st.none(),
    "unit_of_measure": st.sampled_from(["item", "item", "kg"]),
    "net_amount": amounts(0, 10**17 // 2),
    "discount_amount": maybe(amounts(0, 500)),
    "coupon_amount": maybe(amounts(0, 500)),
    "cost_amount": maybe(amounts(0, 10_000)),
    "category": maybe(st.sampled_from(["milk", "bread"])),
    "department": maybe(st.sampled_from(["fresh", "bakery"])),
    "is_private_label": maybe(st.booleans()),
    "channel": maybe(st.sampled_from(["online", "store"])),
    "store_id": maybe(st.sampled_from(["s1", "s2"])),
    "payment_method": maybe(st.sampled_from(["card", "cash"])),
    "is_return": st.sampled_from([False, False, True]),
})  # fmt: skip
SIGNED = ("quantity", "net_amount", "discount_amount", "coupon_amount", "cost_amount")


def taken_back(change: dict[str, Any]) -> dict[str, Any]:
    """A return has the signs turned."""
    turned = {name: change[name] if change[name] is None else -change[name] for name in SIGNED}
    return change | turned if change["is_return"] else change


# Not shrunk: the failing day is named anyway, and shrinking takes minutes of Spark.
@settings(
    max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
@given(st.lists(CHANGES.map(taken_back), min_size=40, max_size=80), st.sampled_from([1, 3, 7]))
def test_sums_of_tiles_are_sums_of_lines(spark: SparkSession, changes: list[dict[str, Any]], partitions: int) -> None:
    written = [line(i, change) for i, change in enumerate(changes)]
    found = daily_tiles(rows(spark, STG_TRANSACTIONS, *written).repartition(partitions)).collect()
    expected = expected_days(written)

    assert len(found) == len(expected)
    for row in found:
        states = {s.name: row[s.name] for s in SUMS}
        parts = row["by_category"] and {(c[0], c[1]): tuple(c[2:]) for c in row["by_category"]}
        states |= {"orders_by_store": row["orders_by_store"], "by_category": parts}
        assert states == expected[row["customer_id"], row["event_date"]]
        keys = [(c["department"] or "", c["category"] or "") for c in row["by_category"] or []]
        assert keys == sorted(keys)  # two runs write the same bytes

    for name in ("net_amount", "cost_amount"):
        assert sum(row[name] for row in found) == sum((w[name] or 0) for w in written)
    known = [w["net_amount"] for w in written if w["category"] or w["department"]]
    assert sum(c["net_amount"] for row in found for c in row["by_category"] or []) == sum(known)
