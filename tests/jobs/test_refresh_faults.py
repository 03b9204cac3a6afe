"""A refresh with late, corrected, cancelled and new lines, killed at any step and done again, ends as if undisturbed.

The tables are there already, so each step is the commit that reaches only what the second batch touches.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import Table
from segmentation.io import Warehouse
from segmentation.pipeline import run_features, run_ingest
from segmentation.tiles import TILES
from tests.jobs import kills
from tests.jobs.homes import write_files
from tests.published import published, row_hash, table
from tests.shop import line, open_shop, two_kinds

AS_OF = dt.date(2024, 5, 1)
STATE = ("stg_transactions", "stg_customers", "quarantine", *(t.name for t in TILES))
EVERY_STEP = (*STATE, "data_quality")
SHORT = "customer_month"  # between the tiles: days and months are new, prices are not


def second_batch() -> list[dict[str, str]]:
    """Of every kind of change, so that each table has something to change."""
    lines = two_kinds()
    return [
        line("n1", "c1", "2024-06-20", "7.00", product="p7"), line("n2", "new", "2024-06-21", "5.00"),
        line("late", "c2", "2024-01-15", "3.00", product="p8", category="tea"),
        lines[0] | {"amount": "1.11"},  # corrected
        lines[1] | {"sold_at": "2024-02-29 12:00:00", "category": "milk"},  # it was on another day, of other goods
        lines[2] | {"customer": "c1"},  # it was another's
        lines[3] | {"amount": "nothing"},  # refused now: its staged line goes
        line("back", "c4", "2024-06-01", "-2.00", quantity="-1", is_return="true"),
    ]  # fmt: skip


def start(folder: Path, warehouse: Path) -> subprocess.Popen[bytes]:
    return kills.start(
        "ingest", "--config", str(folder / "conf"), "--source", "shop", "--input", str(folder / "second"),
        "--warehouse", str(warehouse),
    )  # fmt: skip


def refresh(spark: SparkSession, folder: Path, warehouse: Path) -> None:
    run_ingest(open_shop(spark, folder / "conf", warehouse), str(folder / "second"))


@pytest.fixture(scope="module")
def batches(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, shop: Path, undisturbed: Path) -> Path:
    """conf/, second/ with sales, `before` as the first batch left the warehouse, and `after`, undisturbed."""
    folder = tmp_path_factory.mktemp("batches")
    shutil.copytree(shop / "conf", folder / "conf")
    shutil.copytree(undisturbed, folder / "before")
    shutil.copytree(undisturbed, folder / "after")
    write_files(folder / "second", second_batch(), c1=("Paris", "gold"))
    refresh(spark, folder, folder / "after")
    for name in STATE:
        assert row_hash(table(folder / "after", name)) != row_hash(table(folder / "before", name)), name
    return folder


def _kill(batches: Path, name: str, warehouse: Path) -> None:
    """SIGKILL to a job of its own as soon as it has committed to the table."""
    newest = max(int(p.stem) for p in kills.log(warehouse, name).glob("*.json"))
    kills.kill_behind(start(batches, warehouse), warehouse, name, newest + 1)


def _check(
    spark: SparkSession, batches: Path, name: str, warehouse: Path, end: Callable[[Path, str, Path], None] = _kill
) -> None:
    shutil.copytree(batches / "before", warehouse)
    end(batches, name, warehouse)
    assert len(table(warehouse, "runs")) == len(table(batches / "before", "runs")), "what was killed is published"
    refresh(spark, batches, warehouse)
    for t in STATE:
        assert row_hash(table(warehouse, t)) == row_hash(table(batches / "after", t)), f"{t} after a kill behind {name}"
    runs = table(warehouse, "runs").sort_values("publish_seq")
    undisturbed = table(batches / "after", "runs").sort_values("publish_seq")
    counts = ["run_key", "rows_in", "rows_out", "rows_quarantined"]
    assert runs[counts].to_numpy().tolist() == undisturbed[counts].to_numpy().tolist()
    received = runs["as_of"].iloc[-1]
    quality = [row_hash(published(w, "data_quality", received)) for w in (warehouse, batches / "after")]
    assert quality[0] == quality[1], f"data_quality after a kill behind {name}"


def test_a_refresh_that_ends_between_its_tiles_and_is_started_again_ends_as_undisturbed(
    spark: SparkSession, batches: Path, tmp_path: Path
) -> None:
    """In this process, which takes half the time of killing one; the kills are among the faults."""
    replace = Warehouse.replace

    def end(batches: Path, name: str, warehouse: Path) -> None:
        def last(self: Warehouse, table: Table, *arguments: Any) -> int:
            version = replace(self, table, *arguments)
            if table.name == name:
                raise KeyboardInterrupt
            return version

        with pytest.MonkeyPatch.context() as m:
            m.setattr(Warehouse, "replace", last)
            with pytest.raises(KeyboardInterrupt):
                refresh(spark, batches, warehouse)

    _check(spark, batches, SHORT, tmp_path / "warehouse", end)


@pytest.mark.faults
@pytest.mark.parametrize("name", EVERY_STEP)
def test_a_refresh_killed_behind_every_table_and_started_again_ends_as_undisturbed(
    spark: SparkSession, name: str, batches: Path, tmp_path: Path
) -> None:
    _check(spark, batches, name, tmp_path / "warehouse")


@pytest.mark.faults
def test_the_features_of_a_killed_and_repeated_refresh_are_those_of_an_undisturbed_one(
    spark: SparkSession, batches: Path, tmp_path: Path
) -> None:
    _check(spark, batches, "customer_day", tmp_path / "warehouse")
    before = row_hash(published(batches / "before", "customer_features", AS_OF))
    found = []
    for warehouse in (tmp_path / "warehouse", batches / "after"):
        run_features(open_shop(spark, batches / "conf", warehouse, restate=True), [AS_OF])
        found.append(row_hash(published(warehouse, "customer_features", AS_OF)))
    assert found[0] == found[1] != before
