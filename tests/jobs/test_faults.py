"""A job killed anywhere and started again publishes what an undisturbed run does."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from segmentation.tiles import TILES
from tests.jobs import kills
from tests.published import published, row_hash, table

AS_OF = dt.date(2024, 5, 1)
PUBLISHED = ("customer_features", "segments", "segment_profiles", "segment_differences", "k_sweep", "k_selection",
             "segment_models", "segment_lineage")  # fmt: skip
STATE = ("stg_transactions", "stg_customers", "quarantine", *(t.name for t in TILES))
# The table whose first commit after its creation is followed by the kill.
EVERY_STEP = ("stg_transactions", "stg_customers", "customer_day", "customer_month", "category_price",
              "data_quality", "customer_features", "k_sweep", "k_selection", "segment_models", "promotions",
              "segments", "segment_profiles", "segment_differences")  # fmt: skip


def start(folder: Path, warehouse: Path) -> subprocess.Popen[bytes]:
    return kills.start(
        "monthly", "--config", str(folder / "conf"), "--source", "shop", "--input", str(folder / "raw"),
        "--as-of", str(AS_OF), "--warehouse", str(warehouse),
    )  # fmt: skip


def _check(shop: Path, undisturbed: Path, name: str, warehouse: Path) -> None:
    kills.kill_behind(start(shop, warehouse), warehouse, name, 1)  # version 0 creates the table
    runs = table(warehouse, "runs")
    assert "monthly" not in set(runs["job"]) or name == "segment_differences"
    assert start(shop, warehouse).wait() == 0
    for t in PUBLISHED:
        expected, found = published(undisturbed, t, AS_OF), published(warehouse, t, AS_OF)
        assert row_hash(found) == row_hash(expected), f"{t} after a kill behind {name}"
    for t in STATE:
        assert row_hash(table(warehouse, t)) == row_hash(table(undisturbed, t)), f"{t} after {name}"


# Three minutes a table: in `make test` the kill of an ingest between its tiles (test_refresh_faults.py) stands for it.
@pytest.mark.faults
@pytest.mark.parametrize("name", EVERY_STEP)
def test_killed_behind_every_table_and_started_again_publishes_the_same(
    name: str, shop: Path, undisturbed: Path, tmp_path: Path
) -> None:
    _check(shop, undisturbed, name, tmp_path)
