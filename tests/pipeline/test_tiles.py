"""Tiles after new, late, corrected and removed lines are those of a warehouse that never knew anything else."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.io import Warehouse
from segmentation.io.runs import new_run
from segmentation.pipeline import Context, Steps
from segmentation.pipeline import tiles as refresh
from segmentation.tiles import TILES
from tests.conftest import CONF
from tests.published import row_hash, table
from tests.tiles.data import line, rows

SEED = 12
BEGIN = dt.date(2016, 1, 1)


def some_lines(chance: random.Random, first: int, count: int, since: dt.date, days: int) -> list[dict[str, Any]]:
    def change() -> dict[str, Any]:
        cents = Decimal(chance.randint(1, 9_999)) / 100
        return {
            "customer_id": f"c{chance.randint(0, 30)}", "event_date": since + dt.timedelta(days=chance.randrange(days)),
            "order_id": chance.choice("123"), "net_amount": cents, "product_id": f"p{chance.randint(0, 15)}",
            "category": chance.choice(["milk", "bread", None]), "store_id": chance.choice(["s1", "s2", None]),
            "department": chance.choice(["fresh", None]), "quantity": Decimal(chance.randint(1, 3)),
        }  # fmt: skip

    return [line(number, change()) for number in range(first, first + count)]


@dataclass
class Shop:
    """A warehouse with staged lines, and what its last refresh left."""

    warehouse: Warehouse
    last: dict[str, Any] | None = None

    def stage(self, lines: list[dict[str, Any]]) -> None:
        self.warehouse.merge(STG_TRANSACTIONS, rows(self.warehouse.spark, STG_TRANSACTIONS, *lines))

    def remove(self, condition: str) -> None:
        DeltaTable.forPath(self.warehouse.spark, self.warehouse.path(STG_TRANSACTIONS)).delete(condition)

    def refresh(self, code: str | None = None) -> dict[str, int]:
        context = Context(self.warehouse, CONF, "complete_journey", Steps())
        run = new_run("ingest", BEGIN, {}, {})
        version = self.warehouse.version(STG_TRANSACTIONS)
        versions = refresh.refresh_tiles(context, run, self.last, version)  # type: ignore[arg-type]
        outputs = {**versions, STG_TRANSACTIONS.name: version}
        self.last = {"code_version": code or run.code_version, "output_versions": outputs}
        return versions

    def hashes(self) -> dict[str, str]:
        root = Path(self.warehouse.root)
        return {t.name: row_hash(table(root, t.name)) for t in TILES}


def open_warehouse(spark: SparkSession, folder: Path) -> Shop:
    warehouse = Warehouse(spark, str(folder))
    warehouse.create([STG_TRANSACTIONS, *TILES])
    return Shop(warehouse)


def anew(spark: SparkSession, folder: Path, shop: Shop) -> dict[str, str]:
    """The tiles of a second warehouse that got the first one's lines in one go."""
    second = open_warehouse(spark, folder)
    second.warehouse.overwrite(STG_TRANSACTIONS, shop.warehouse.read(STG_TRANSACTIONS))
    second.refresh()
    return second.hashes()


def test_touched_tiles_are_what_making_all_anew_gives(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    shop = open_warehouse(spark, tmp_path / "shop")
    first = some_lines(chance, 0, 300, BEGIN, 120)
    shop.stage(first)
    shop.refresh()

    new = some_lines(chance, 1000, 60, BEGIN + dt.timedelta(days=120), 15)
    late = some_lines(chance, 2000, 5, BEGIN, 60)
    shop.stage([*new, *late])
    with monkeypatch.context() as m:  # killed when days and months are written, and products are not
        m.setattr(refresh, "changed_products", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shop.refresh()
    # More comes before it runs again.
    elsewhere = {"customer_id": "moved", "event_date": BEGIN + dt.timedelta(days=3), "product_id": "p99"}
    corrected = [row | {"net_amount": Decimal("0.01"), "category": "tea"} for row in first[:5]]
    moved = [row | elsewhere for row in first[5:8]]
    shop.stage([*corrected, *moved])
    gone = {row["transaction_id"] for row in first[8:14]}
    shop.remove(f"transaction_id IN ({', '.join(repr(t) for t in gone)})")
    capsys.readouterr()
    shop.refresh()
    said = capsys.readouterr().out
    assert shop.hashes() == anew(spark, tmp_path / "again", shop), f"seed {SEED}"

    changed = [*new, *late, *first[:14], *moved]
    days = len({(row["customer_id"], row["event_date"]) for row in changed})
    assert f"{days} touched of {len(table(Path(shop.warehouse.root), 'customer_day')):,} customer days" in said


def test_tiles_come_and_go_with_their_lines_and_stay_without_a_change(spark: SparkSession, tmp_path: Path) -> None:
    shop = open_warehouse(spark, tmp_path)
    shop.stage([line(1, {"product_id": "p", "category": "tea"}), line(2, {"customer_id": "c2", "product_id": "p"})])
    shop.refresh(code="an older one")
    shop.warehouse.overwrite(TILES[0], shop.warehouse.read(TILES[0]).limit(0))  # what that code may have left
    shop.refresh()
    assert sorted(table(tmp_path, "customer_day")["customer_id"]) == ["c1", "c2"]  # other code makes all anew
    versions = shop.refresh()
    assert shop.refresh() == versions
    shop.remove("customer_id = 'c1'")
    shop.refresh()
    for name in ("customer_day", "customer_month", "customer_product"):
        assert table(tmp_path, name)["customer_id"].tolist() == ["c2"], name
    assert table(tmp_path, "category_price").empty
