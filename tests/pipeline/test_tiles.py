"""Tiles after new, late, corrected and removed lines are those of a warehouse that never knew anything else."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_TRANSACTIONS, Table
from segmentation.io import Warehouse
from segmentation.io.runs import new_run
from segmentation.pipeline import Context, Steps
from segmentation.pipeline import tiles as refresh
from segmentation.tiles import CUSTOMER_MONTH, TILES
from tests.conftest import CONF
from tests.published import row_hash, table
from tests.tiles.data import line, rows

Line = dict[str, Any]
SEED = 12
BEGIN = dt.date(2016, 1, 1)


def some_lines(chance: random.Random, first: int, count: int, since: dt.date, days: int) -> list[Line]:
    def change() -> Line:
        sign = chance.choice([1, 1, 1, -1])
        return {
            "customer_id": f"c{chance.randint(0, 30)}", "event_date": since + dt.timedelta(days=chance.randrange(days)),
            "order_id": chance.choice("123"), "net_amount": sign * Decimal(chance.randint(1, 9_999)) / 100,
            "category": chance.choice(["milk", "bread", None]), "store_id": chance.choice(["s1", "s2", None]),
            "department": chance.choice(["fresh", None]), "quantity": Decimal(sign * chance.randint(1, 3)),
            "product_id": f"p{chance.randint(0, 15)}", "is_return": sign < 0,
        }  # fmt: skip

    return [line(number, change()) for number in range(first, first + count)]


@dataclass
class Shop:
    """A warehouse with staged lines, what its last refresh left, and what has changed since."""

    warehouse: Warehouse
    last: dict[str, Any] | None = None
    lines: dict[str, Line] = field(default_factory=dict)
    changed: list[Line] = field(default_factory=list)

    def stage(self, lines: list[Line]) -> None:
        self.warehouse.merge(STG_TRANSACTIONS, rows(self.warehouse.spark, STG_TRANSACTIONS, *lines))
        for row in lines:
            old = self.lines.get(row["transaction_id"])
            self.changed += [row] if old is None else [old, row]
            self.lines[row["transaction_id"]] = row

    def remove(self, *transactions: str) -> None:
        named = ", ".join(repr(t) for t in transactions)
        table = DeltaTable.forPath(self.warehouse.spark, self.warehouse.path(STG_TRANSACTIONS))
        table.delete(f"transaction_id IN ({named})")
        self.changed += [self.lines.pop(t) for t in transactions]

    def touched(self) -> list[str]:
        """What the next refresh has to say: tiles that a change reaches, itself or through its purchase."""
        bought = [row for row in self.changed if not row["is_return"]]
        orders = {(row["customer_id"], row["order_id"]) for row in bought}
        first = min((row["event_date"] for row in bought), default=dt.date.max)  # no return is of a later purchase
        back = [
            row for row in self.lines.values()
            if row["is_return"] and row["event_date"] >= first and (row["customer_id"], row["order_id"]) in orders
        ]  # fmt: skip
        days = {(row["customer_id"], row["event_date"]) for row in [*self.changed, *back]}
        months = {(who, day.replace(day=1)) for who, day in days}
        prices = {(row["category"], row["event_date"]) for row in self.changed if row["category"]}
        return [f" {len(days)} touched of ", f" {len(months)} touched of ", f" {len(prices)} touched of "]

    def attempt(self, last: dict[str, Any] | None, version: int) -> dict[str, Any]:
        """Brings the tiles from what `last` published to a version of the lines; what is to be published then."""
        run = new_run("ingest", BEGIN, {}, {})
        context = Context(self.warehouse, CONF, "complete_journey", Steps())
        versions = refresh.refresh_tiles(context, run, last, version)  # type: ignore[arg-type]
        return {"code_version": run.code_version, "output_versions": {**versions, STG_TRANSACTIONS.name: version}}

    def refresh(self, code: str | None = None) -> dict[str, int]:
        self.last = self.attempt(self.last, self.warehouse.version(STG_TRANSACTIONS))
        self.last |= {"code_version": code} if code else {}
        self.changed = []
        return {t.name: self.last["output_versions"][t.name] for t in TILES}

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
    with monkeypatch.context() as m:  # killed when days are written, and months are not
        replace = Warehouse.replace

        def killed(self: Warehouse, of: Table, *rest: Any) -> int:
            return 1 // 0 if of is CUSTOMER_MONTH else replace(self, of, *rest)

        m.setattr(Warehouse, "replace", killed)
        with pytest.raises(ZeroDivisionError):
            shop.refresh()
    # More comes before it runs again.
    elsewhere = {"customer_id": "moved", "event_date": BEGIN + dt.timedelta(days=3), "product_id": "p99"}
    corrected = [row | {"net_amount": Decimal("0.01"), "category": "tea"} for row in first[:5]]
    moved = [row | elsewhere for row in first[5:8]]
    shop.stage([*corrected, *moved])
    shop.remove(*(row["transaction_id"] for row in first[8:14]))
    capsys.readouterr()
    touched = shop.touched()
    shop.refresh()
    said = capsys.readouterr().out
    assert shop.hashes() == anew(spark, tmp_path / "again", shop), f"seed {SEED}"

    whole = ("customer_day", "customer_month", "category_price")
    sizes = [len(table(tmp_path / "shop", name)) for name in whole]
    whats = ("customer days", "customer months", "categories and days")
    for begin, size, what in zip(touched, sizes, whats, strict=True):
        assert f"{begin}{size:,} {what}" in said


@pytest.mark.long
def test_an_older_attempt_that_ends_later_and_is_not_published_leaves_no_trace(
    spark: SparkSession, tmp_path: Path
) -> None:
    shop = open_warehouse(spark, tmp_path / "shop")
    shop.stage([line(1, {}), line(2, {"customer_id": "c2"})])
    shop.refresh()
    before = shop.last
    shop.stage([line(1, {"net_amount": "2.00"})])
    older = shop.warehouse.version(STG_TRANSACTIONS)
    shop.stage([line(1, {"net_amount": "3.00"})])
    shop.refresh()
    shop.attempt(before, older)
    shop.stage([line(3, {"customer_id": "c2"})])
    shop.refresh()
    assert shop.hashes() == anew(spark, tmp_path / "again", shop)


@pytest.mark.long
def test_a_batch_of_nothing_but_returns_reaches_their_days(spark: SparkSession, tmp_path: Path) -> None:
    shop = open_warehouse(spark, tmp_path / "shop")
    shop.stage([line(1, {"event_date": MARCH_3, "order_id": "a"})])
    shop.refresh()
    shop.stage([line(2, {"event_date": APRIL_1, "order_id": "a", "is_return": True, "net_amount": "-10.00"})])
    shop.refresh()
    assert shop.hashes() == anew(spark, tmp_path / "again", shop)


MARCH_3, APRIL_1, MAY_2, MAY_30, JUNE_14 = (dt.date(2017, *day) for day in ((3, 3), (4, 1), (5, 2), (5, 30), (6, 14)))


@pytest.mark.long
def test_a_return_follows_its_purchase_wherever_that_lies(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bought(number: int, who: str, day: dt.date) -> Line:
        return line(number, {"customer_id": who, "event_date": day, "order_id": "a"})

    def back(number: int, who: str) -> Line:
        return bought(number, who, JUNE_14) | {"is_return": True, "quantity": "-1", "net_amount": "-10.00"}

    def bought_on(name: str) -> dict[str, list[dt.date]]:
        of_june = table(tmp_path, name)
        of_june = of_june[of_june.iloc[:, 1] >= dt.date(2017, 6, 1)]
        return {
            who: [entry["bought_on"] for entry in entries]
            for who, entries in zip(of_june["customer_id"], of_june["returned"], strict=True)
        }

    shop = open_warehouse(spark, tmp_path)
    shop.stage([
        bought(1, "moved", MAY_30), back(2, "moved"), back(3, "late"), bought(4, "gone", MARCH_3), back(5, "gone"),
        bought(6, "returns", APRIL_1), bought(7, "stays", MAY_30), back(8, "stays"),
    ])  # fmt: skip
    shop.refresh()
    for name in ("customer_day", "customer_month"):
        assert bought_on(name) == {"moved": [MAY_30], "late": [], "gone": [MARCH_3], "stays": [MAY_30]}

    shop.stage([bought(1, "moved", MAY_2), bought(9, "late", MAY_30), back(10, "returns")])
    shop.remove("t4")
    capsys.readouterr()
    shop.refresh()
    for name in ("customer_day", "customer_month"):
        assert bought_on(name) == {
            "moved": [MAY_2], "late": [MAY_30], "gone": [], "returns": [APRIL_1], "stays": [MAY_30],
        }  # fmt: skip
    said = capsys.readouterr().out
    # moved: 2 and 30 May, 14 June; late: 30 May, 14 June; gone: 3 March, 14 June; returns: 14 June.
    # Afterwards gone has a day, the four others have two.
    assert " 8 touched of 9 customer days" in said
    assert " 7 touched of 9 customer months" in said


@pytest.mark.long
def test_tiles_come_and_go_with_their_lines_and_stay_without_a_change(spark: SparkSession, tmp_path: Path) -> None:
    shop = open_warehouse(spark, tmp_path)
    shop.stage([line(1, {"product_id": "p", "category": "tea"}), line(2, {"customer_id": "c2", "product_id": "p"})])
    shop.refresh(code="an older one")
    shop.warehouse.overwrite(TILES[0], shop.warehouse.read(TILES[0]).limit(0))  # what that code may have left
    shop.refresh()
    assert sorted(table(tmp_path, "customer_day")["customer_id"]) == ["c1", "c2"]  # other code makes all anew
    versions = shop.refresh()
    assert shop.refresh() == versions
    shop.remove("t1")
    shop.refresh()
    for name in ("customer_day", "customer_month"):
        assert table(tmp_path, name)["customer_id"].tolist() == ["c2"], name
    assert table(tmp_path, "category_price").empty
