"""Generated files of two batches, staged and refreshed, against twins of staging and of every feature.

The second batch has late, corrected, cancelled, returned and repeated lines. Times lie around the shop's
daylight-saving changes and the leap day, as instants and as its clock showed them.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession

from segmentation.pipeline import run_features, run_ingest
from tests.conftest import submit
from tests.features.engines import differences, in_duckdb, of_rows
from tests.published import published, row_hash, table
from tests.shop import configure, line, open_shop, write_sales

pytestmark = pytest.mark.long
BERLIN = ZoneInfo("Europe/Berlin")
AS_OFS = (dt.date(2024, 2, 29), dt.date(2024, 4, 1), dt.date(2024, 5, 1))
# Clocks went from 02:00 to 03:00 on 31 March 2024, and back from 03:00 on 29 October 2023.
NIGHTS = (dt.datetime(2024, 3, 31, tzinfo=dt.UTC), dt.datetime(2023, 10, 29, tzinfo=dt.UTC),
          dt.datetime(2024, 2, 29, tzinfo=dt.UTC), dt.datetime(2024, 5, 1, tzinfo=dt.UTC))  # fmt: skip
Line = dict[str, str]


def some_line(chance: random.Random, receipt: str) -> Line:
    near = chance.choice(NIGHTS) + dt.timedelta(minutes=30 * chance.randint(-60, 60))
    far = dt.datetime(2024, 6, 1, tzinfo=dt.UTC) - dt.timedelta(minutes=chance.randint(0, 900_000))
    instant = chance.choice((near, far))
    # As a clock shows it, a time of an autumn night may be one of two; as an instant it is not.
    shown = (
        f"{instant:%Y-%m-%dT%H:%M:%SZ}" if chance.random() < 0.5 else f"{instant.astimezone(BERLIN):%Y-%m-%d %H:%M:%S}"
    )
    back = chance.random() < 0.15
    return line(
        receipt, f"c{chance.randint(0, 7)}", "", f"{'-' if back else ''}{chance.randint(1, 9_999) / 100:.2f}",
        sold_at=shown, product=f"p{chance.randint(0, 6)}", category=chance.choice(["bread", "milk", "tea"]),
        quantity="-1" if back else str(chance.randint(1, 4)), discount="0" if back else chance.choice(["0", "0.50"]),
        channel=chance.choice(["store", "online"]), is_return=str(back).lower(),
    )  # fmt: skip


def batches(seed: int) -> tuple[list[Line], list[Line]]:
    chance = random.Random(seed)
    first = [some_line(chance, f"r{i}") for i in range(150)]
    late = [some_line(chance, f"s{i}") for i in range(40)]
    corrected = [some_line(chance, row["receipt"]) for row in first[:10]]
    cancelled = [row | {"amount": "nothing"} for row in first[10:16]]
    again = [*first[16:20], *first[16:20], late[0]]
    return first, [*late, *corrected, *cancelled, *again]


def expected_lines(*batches: list[Line]) -> set[tuple[str, str, dt.date, int, str]]:
    """Receipt, customer, local day and hour, amount: a receipt's last reading counts; a refused one takes it back."""
    staged: dict[str, Line] = {}
    for row in (row for batch in batches for row in batch):
        staged[row["receipt"]] = row
    good = [row for row in staged.values() if row["amount"] != "nothing"]
    return {(r["receipt"], r["customer"], *local(r["sold_at"]), r["amount"]) for r in good}


def local(shown: str) -> tuple[dt.date, int]:
    at = dt.datetime.fromisoformat(shown)
    at = at.astimezone(BERLIN) if at.tzinfo else at
    return at.date(), at.hour


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_staged_and_every_feature_is_what_the_twins_find(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    config, warehouse = configure(tmp_path / "conf", few=False), tmp_path / "warehouse"
    first, second = batches(seed)
    for name, lines in (("first", first), ("second", second)):
        write_sales(tmp_path / name, lines)
        run_ingest(open_shop(spark, config, warehouse), str(tmp_path / name))
    staged = table(warehouse, "stg_transactions")
    names = ["transaction_id", "customer_id", "event_date", "local_hour", "net_amount"]
    found = {(*row[:4], str(row[4])) for row in staged[names].itertuples(index=False)}
    assert found == expected_lines(first, second), f"seed {seed}"
    assert len(staged) == len(found)

    context = open_shop(spark, config, warehouse)
    inputs = ("stg_transactions", "stg_customers", "stg_interactions", "stg_feedback")
    tables = {n: DeltaTable(warehouse / "segmentation" / n).to_pyarrow_table() for n in inputs}
    for as_of, run in zip(AS_OFS, run_features(context, AS_OFS), strict=True):
        rows = context.warehouse.read_run(context.registry.table, as_of, run["run_id"]).collect()
        values = of_rows([Row(**row.asDict()) for row in rows], context.registry)
        assert differences(values, in_duckdb(tables, context.registry, as_of)) == [], f"seed {seed}, as of {as_of}"


def test_a_machine_in_another_time_zone_publishes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configure(tmp_path / "conf")
    write_sales(tmp_path / "raw", [row for batch in batches(4) for row in batch])
    found = []
    for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
        monkeypatch.setenv("TZ", zone)
        monkeypatch.setenv("JDK_JAVA_OPTIONS", f"-Duser.timezone={zone}")
        shop = ["--config", str(config), "--source", "shop", "--warehouse", str(tmp_path / zone.replace("/", "-"))]
        for job in (["ingest", "--input", str(tmp_path / "raw")], ["build_features", "--as-of", "2024-04-01"]):
            done = submit(*job, *shop, fast=True)
            assert done.returncode == 0, done.stdout + done.stderr
        found.append(row_hash(published(tmp_path / zone.replace("/", "-"), "customer_features", dt.date(2024, 4, 1))))
    assert found == [found[0]] * 3
