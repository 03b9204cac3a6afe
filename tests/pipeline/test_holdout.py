"""The step back in time: who would have been scored then, as they were then, and what they did from that day on."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.clustering.usefulness import OUTCOME
from segmentation.matrix import Preprocessor, Slot
from segmentation.pipeline import run_ingest
from segmentation.pipeline.features import run_features
from segmentation.pipeline.holdout import log_spend, read_holdout
from tests.published import published
from tests.shop import configure, line, open_shop, write_sales
from tests.tiles.data import days

START, AS_OF = dt.date(2024, 4, 1), dt.date(2024, 5, 1)
SLOTS = tuple(Slot(f, f, f) for f in ("orders_lifetime", "days_since_last_order", "net_revenue_90d"))
PART = Preprocessor("transactional", "orders_lifetime > 0", SLOTS, (), 3.0, 1)


def test_spend_begins_on_the_day_and_what_was_bought_before_it_and_taken_back_counts_nowhere(
    spark: SparkSession,
) -> None:
    def day(customer: str, date: str, net: str, **more: object) -> dict[str, object]:
        return {"customer_id": customer, "event_date": dt.date.fromisoformat(date), "net_amount": net, **more}

    tiles = days(
        spark,
        day("a", "2024-03-31", "100.00", orders=1), day("a", "2024-04-01", "9.00", orders=1),
        # Of 30.00 taken back 25.00 had been bought in March.
        day("b", "2024-04-02", "20.00", orders=1),
        day("b", "2024-04-20", "-30.00", returned_amount="30.00", by_category=[("fresh", "milk", -3000, 0, 0)],
            returned=[(dt.date(2024, 3, 5), "fresh", "milk", -2500, 2500, 0, 0, 0),
                      (dt.date(2024, 4, 2), "fresh", "milk", -500, 500, 0, 0, 0)]),
        day("c", "2024-04-03", "-4.00"), day("d", "2024-02-01", "50.00", orders=1),
    )  # fmt: skip
    found = {r["customer_id"]: r["y"] for r in log_spend(tiles, START, "y").collect()}
    assert found == {"a": math.log1p(9), "b": math.log1p(15), "c": 0.0}


@pytest.mark.long
def test_customers_as_they_were_then_without_a_look_at_what_came_after(spark: SparkSession, tmp_path: Path) -> None:
    """c0..c2 bought before and after, late only after, gone before; what back bought was all taken back by then.

    By 1 April `late` is not known, and `back` would not have been scored, whatever they did in April.
    """
    lines = [
        *(line(f"r{c}{m}", f"c{c}", f"2024-0{m}-0{c + 1}", f"{10 * c + 10}.00") for c in range(3) for m in (1, 3, 4)),
        line("l1", "late", "2024-04-01", "70.00"), line("g1", "gone", "2024-01-15", "5.00"),
        line("x1", "back", "2024-02-01", "8.00"), line("x3", "back", "2024-04-09", "80.00"),
        line("x2", "back", "2024-02-02", "-8.00", quantity="-1", is_return="true"),
    ]  # fmt: skip
    context = open_shop(spark, configure(tmp_path / "conf"), tmp_path / "warehouse")
    run_ingest(context, str(write_sales(tmp_path / "raw", lines)))
    then, now = run_features(context, [START, AS_OF])
    assert then["as_of"] == START
    found = read_holdout(context, AS_OF, 30, now, [PART])
    assert found is not None
    rows = {r["customer_id"]: r.asDict() for r in found.customers.collect()}
    found.customers.unpersist()
    assert {c: r[OUTCOME] for c, r in rows.items()} == {
        "c0": math.log1p(10), "c1": math.log1p(20), "c2": math.log1p(30), "gone": 0.0,
    }  # fmt: skip
    assert found.count == 4
    as_published = published(tmp_path / "warehouse", "customer_features", START).set_index("customer_id")
    for c, r in rows.items():
        for slot in SLOTS:
            assert r[slot.name] == as_published.loc[c, slot.name], (c, slot.name)
    # History has to reach as far back again, and 0 days ask for nothing.
    assert read_holdout(context, AS_OF, 0, now, [PART]) is None
    assert read_holdout(context, AS_OF, 61, now, [PART]) is None
