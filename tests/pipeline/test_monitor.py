"""Which earlier months say what share of customers usually changes segment."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from segmentation.core.schemas import RUNS, SEGMENT_MIGRATION
from segmentation.io.runs import Run, new_run
from segmentation.pipeline import Context
from segmentation.pipeline.monitor import Month, _migration
from tests.shop import configure, open_shop

NOTHING: Any = None


class Shop:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.context: Context = open_shop(spark, configure(folder / "conf"), folder / "warehouse")
        self.context.create_tables()
        self.published: dict[dt.date, Row] = {}

    def attempt(self, as_of: dt.date, bundle: str, previous: Row | None, changed: int) -> Run:
        """A month in which of 100 returning customers so many changed, besides those who came and left."""
        run = new_run("monthly", as_of, {}, {"bundle": bundle} | ({"previous": previous["run_id"]} if previous else {}))
        flows = {("s", "s"): 100 - changed, ("s", "t"): changed, ("(new)", "t"): 50, ("t", "(gone)"): 30}
        since = previous["as_of"] if previous else None
        rows = [
            dict.fromkeys(SEGMENT_MIGRATION.names) | {"as_of": as_of, "run_id": run.run_id, "previous_as_of": since,
            "dimension": "unified", "from_segment_id": one, "to_segment_id": other, "customers": n}
            for (one, other), n in flows.items() if previous
        ]  # fmt: skip
        warehouse = self.context.warehouse
        warehouse.write_attempt(SEGMENT_MIGRATION, warehouse.frame(SEGMENT_MIGRATION, rows), as_of, run.run_id)
        return run

    def publish(self, as_of: dt.date, bundle: str, previous: Row | None, changed: int) -> Row:
        run = self.attempt(as_of, bundle, previous, changed)
        return self.context.runs.publish(run.finish(output_versions={SEGMENT_MIGRATION.name: 1}), restate=True)


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(Context, "tables", property(lambda context: [RUNS, SEGMENT_MIGRATION]))
    return Shop(spark, tmp_path)


def test_months_of_the_same_models_and_length_as_they_are_shown_are_what_is_usual(shop: Shop) -> None:
    """One month by other models, the refit's first, one replaced, and one after two months do not count."""
    days = [dt.date(2024, m, 1) for m in range(1, 10)]
    old = shop.publish(days[0], "A", None, 0)
    old = shop.publish(days[1], "A", old, 90)
    refit = shop.publish(days[2], "B", old, 80)
    wrong = shop.publish(days[3], "B", refit, 70)
    right = shop.publish(days[3], "B", refit, 10)
    assert wrong["run_id"] != right["run_id"]
    usual = shop.publish(days[4], "B", right, 20)
    late = shop.publish(days[6], "B", usual, 60)
    now = shop.attempt(days[7], "B", late, 45)
    [found] = _migration(shop.context, Month(days[7], NOTHING, "B", NOTHING, late, now.run_id), None)
    assert found.value == pytest.approx(0.45 - 0.15)
    assert found.words == "45.0% of the returning customers changed segment, 15.0% in the 2 months before"
    for bundle, previous in (("A", None), ("B", old)):
        assert _migration(shop.context, Month(days[2], NOTHING, bundle, NOTHING, previous, refit["run_id"]), None) == []
    month = Month(days[4], NOTHING, "B", NOTHING, right, usual["run_id"])
    for recorded, before in ((usual, "10.0% in the month before"), (right, "70.0% in the month before")):
        [found] = _migration(shop.context, month, recorded)
        assert found.words == f"20.0% of the returning customers changed segment, {before}"
