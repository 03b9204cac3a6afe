"""Two ingests of different files: what is published last holds the lines of both, and of one that died nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from segmentation.pipeline import ingest, run_ingest
from segmentation.tiles import TILES
from tests.published import row_hash, table
from tests.shop import configure, line, open_shop, two_kinds, write_sales

BATCHES = {
    "first": two_kinds(6),
    "slow": [line("n1", "c1", "2024-06-20", "7.00"), line("r0-1", "c0", "2024-02-06", "1.00", category="milk")],
    "quick": [line("n2", "c2", "2024-06-21", "5.00"), line("r0-2", "c0", "2024-03-11", "2.00", product="p9")],
}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Beside the files of every batch."""
    for name, lines in BATCHES.items():
        write_sales(tmp_path / name, lines)
    return configure(tmp_path / "conf")


@pytest.mark.long
def test_an_ingest_that_is_overtaken_takes_in_what_the_other_published(
    spark: SparkSession, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_in(name: str, warehouse: str = "warehouse") -> Any:
        return run_ingest(open_shop(spark, conf, tmp_path / warehouse), str(tmp_path / name))

    take_in("first")
    shutil.copytree(tmp_path / "warehouse", tmp_path / "calm")
    refresh, seqs = ingest.refresh_tiles, []

    def refresh_and_let_the_other_publish(*of: Any) -> dict[str, int]:
        monkeypatch.setattr(ingest, "refresh_tiles", refresh)
        made = refresh(*of)
        seqs.append(take_in("quick")["publish_seq"])
        return made

    monkeypatch.setattr(ingest, "refresh_tiles", refresh_and_let_the_other_publish)
    last = take_in("slow")
    assert seqs == [2]
    assert last["publish_seq"] == 3

    for name in ("slow", "quick"):  # the same one after another
        take_in(name, "calm")
    for name in ("stg_transactions", *(t.name for t in TILES)):
        folder = tmp_path / "warehouse" / "segmentation" / name
        published = DeltaTable(str(folder), version=last["output_versions"][name]).to_pandas()
        assert row_hash(published) == row_hash(table(tmp_path / "calm", name)), name


def test_of_an_ingest_that_died_nothing_is_published_with_the_next_one(
    spark: SparkSession, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sales(tmp_path / "slow", [*BATCHES["slow"], line("n9", "c9", "2024-06-20", "nothing")])

    def take_in(name: str) -> Any:
        return run_ingest(open_shop(spark, conf, tmp_path / "warehouse"), str(tmp_path / name))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(ingest, "refresh_tiles", die)
        with pytest.raises(KeyboardInterrupt):
            take_in("slow")
    assert len(table(tmp_path / "warehouse", "stg_transactions")) == 2
    assert len(table(tmp_path / "warehouse", "quarantine")) == 1
    take_in("first")
    with monkeypatch.context() as m:
        m.setattr(ingest, "refresh_tiles", die)
        with pytest.raises(KeyboardInterrupt):
            take_in("slow")
    last = take_in("quick")

    lines, days = (
        DeltaTable(
            str(tmp_path / "warehouse" / "segmentation" / name), version=last["output_versions"][name]
        ).to_pandas()
        for name in ("stg_transactions", "customer_day")
    )
    assert set(lines["order_id"]) == {of["receipt"] for name in ("first", "quick") for of in BATCHES[name]}
    assert days["net_amount"].sum() == 100 * lines["net_amount"].sum()
    assert table(tmp_path / "warehouse", "quarantine").empty

    warehouse = open_shop(spark, conf, tmp_path / "warehouse").warehouse
    spark.sql(f"DELETE FROM delta.`{warehouse.path('stg_transactions')}` WHERE customer_id = 'c4'")
    assert take_in("slow")["publish_seq"] == last["publish_seq"] + 1
    assert "c4" not in set(table(tmp_path / "warehouse", "stg_transactions")["customer_id"])
    assert "c4" not in set(table(tmp_path / "warehouse", "customer_day")["customer_id"])
