"""Whatever the lines: tiles hold what they add up to, no more and no less, in any batches and partitions."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.customers import HASH, whole_customers
from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.tiles import CUSTOMER_MONTH, daily_tiles, kernel, monthly_tiles
from segmentation.tiles.build import contributions
from tests.oracles.months import expected_months
from tests.oracles.tiles import Tiles, expected_days
from tests.tiles.data import line, rows, states

SEED = 20
CUSTOMERS = "abc"
DAYS = [dt.date(2017, 11, d) for d in (17, 18, 19, 30)] + [
    dt.date(1969, 12, 1), dt.date(1970, 1, 1), dt.date(2017, 12, 1), dt.date(2018, 1, 1),
]  # fmt: skip
SIGNED = ("quantity", "net_amount", "discount_amount", "coupon_amount", "cost_amount")


def some_lines(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Lines of few customers, days and orders. What may be null is, one time in three; returns have turned signs."""

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.67 else None

    def amount(high: int, places: int = 2) -> Decimal:
        return Decimal(chance.randint(0, high)).scaleb(-places)

    def change() -> dict[str, Any]:
        found = {
            "customer_id": chance.choice(CUSTOMERS),
            "event_date": chance.choice(DAYS),
            "order_id": chance.choice("123"),
            "local_hour": maybe(chance.randint(0, 23)),
            "quantity": maybe(amount(5_000, 3) * chance.randint(0, 1)),
            "unit_price": None,
            "unit_of_measure": chance.choice(["item", "item", "kg"]),
            "net_amount": amount(chance.choice([500, 10**17 // 2])),
            "discount_amount": maybe(amount(500) * chance.randint(0, 1)),
            "coupon_amount": maybe(amount(500) * chance.randint(0, 1)),
            "cost_amount": maybe(amount(10_000)),
            "product_id": maybe(chance.choice(["p1", "p2", "p3"])),
            "category": maybe(chance.choice(["milk", "bread"])),
            "department": maybe(chance.choice(["fresh", "bakery"])),
            "is_private_label": maybe(chance.random() < 0.5),
            "channel": maybe(chance.choice(["online", "store"])),
            "store_id": maybe(chance.choice(["s1", "s2"])),
            "payment_method": maybe(chance.choice(["card", "cash"])),
            "is_return": chance.random() < 0.4,
        }
        turned = {name: found[name] if found[name] is None else -found[name] for name in SIGNED}
        return found | turned if found["is_return"] else found

    return [line(i, change()) for i in range(count)]


LINES = some_lines(random.Random(SEED), 250)
TILES = {"day": expected_days(LINES), "month": expected_months(expected_days(LINES))}


@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize(("grain", "make"), [("day", daily_tiles), ("month", monthly_tiles)])
def test_tiles_hold_what_lines_add_up_to(spark: SparkSession, grain: str, make: Any, partitions: int) -> None:
    given: DataFrame = rows(spark, STG_TRANSACTIONS, *LINES).repartition(partitions)
    found = states(row.asDict(recursive=True) for row in make(given).collect())
    assert found == TILES[grain], f"seed {SEED}"

    for name in ("net_amount", "cost_amount"):
        cents = sum(line[name] or 0 for line in LINES) * 100
        assert sum(tile[name] for tile in found.values()) == cents
    known = sum(line["net_amount"] for line in LINES if line["category"] or line["department"])
    assert sum(net for tile in found.values() for _, _, net, _, _ in tile["by_category"]) == known * 100


@pytest.fixture(scope="module")
def contributed(spark: SparkSession) -> pa.Table:
    """What the kernel is given of LINES, in their order."""
    numbered = [line | {"order_id": str(i)} for i, line in enumerate(LINES)]
    table = contributions(rows(spark, STG_TRANSACTIONS, *numbered)).toArrow()
    table = table.take(pa.array(sorted(range(len(LINES)), key=lambda i: int(table["order_id"][i].as_py()))))
    orders = pa.array([line["order_id"] for line in LINES], pa.string())
    return table.set_column(table.schema.get_field_index("order_id"), "order_id", orders)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    chosen=st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=60),
    hashes=st.lists(st.integers(-1, 1), min_size=len(CUSTOMERS), max_size=len(CUSTOMERS)),
    batch=st.integers(1, 20),
    gathered_to=st.integers(1, 70),
)
def test_batches_of_any_size_and_customers_of_one_hash_change_nothing(
    contributed: pa.Table, chosen: list[int], hashes: list[int], batch: int, gathered_to: int
) -> None:
    hash_of = dict(zip(CUSTOMERS, hashes, strict=True))
    chosen = sorted(chosen, key=lambda i: hash_of[LINES[i]["customer_id"]])
    hashed = pa.array([hash_of[LINES[i]["customer_id"]] for i in chosen], pa.int64())
    table = contributed.take(pa.array(chosen)).set_column(0, HASH, hashed)
    with pytest.MonkeyPatch.context() as m:
        m.setattr(kernel, "whole_customers", partial(whole_customers, rows=gathered_to))
        days, months = (_made(table.to_batches(batch), grain) for grain in ("day", "month"))
        both = _rows(table.to_batches(batch), "day", "month")
    expected = expected_days(LINES[i] for i in chosen)
    assert days == expected
    assert months == expected_months(expected)
    assert states(row for row in both if "event_date" in row) == days
    assert states(row for row in both if "event_date" not in row) == months


def _made(batches: list[pa.RecordBatch], grain: kernel.Grain) -> Tiles:
    return states(_rows(batches, grain))


def _rows(batches: list[pa.RecordBatch], *grains: kernel.Grain) -> list[dict[str, Any]]:
    """Without what only a tile of the other grain has."""
    made = kernel.make_tiles(iter(batches), grains, ["event_date", *CUSTOMER_MONTH.names])
    rows = (row for batch in made for row in batch.to_pylist())
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_a_partition_without_lines_has_no_tiles(contributed: pa.Table) -> None:
    assert _made([], "day") == {}
    assert _made(contributed.slice(0, 0).to_batches(), "month") == {}
    assert _made([contributed.to_batches()[0].slice(0, 0)], "month") == {}
