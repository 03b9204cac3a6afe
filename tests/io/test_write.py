"""What a repeat changes (nothing), and what another run's write can touch (nothing)."""

from __future__ import annotations

import datetime as dt
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import delta.exceptions
import pytest
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import OvertakenError
from segmentation.core.schemas import K_SWEEP, SEGMENT_PROFILES, STG_CUSTOMERS, STG_PRODUCTS
from segmentation.io import Warehouse
from segmentation.io.commits import ATTEMPTS
from segmentation.io.housekeeping import compact, vacuum
from segmentation.tiles import CATEGORY_PRICE
from tests.io.data import AS_OF, EARLIER, at_once, found_ks, found_products, products, sweep


def changed_rows(warehouse: Warehouse, table: Any) -> dict[str, int]:
    """Rows that the last commit, an append or a merge, inserted and updated."""
    log = DeltaTable.forPath(warehouse.spark, warehouse.path(table)).history(1).first()
    assert log is not None
    metrics = log["operationMetrics"]
    inserted = metrics["numTargetRowsInserted" if log["operation"] == "MERGE" else "numOutputRows"]
    return {"inserted": int(inserted), "updated": int(metrics.get("numTargetRowsUpdated", 0))}


def test_merge_inserts_updates_and_done_twice_changes_nothing(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    assert warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk"), ("p2", None), ("p3", "tea"))) == 1
    assert changed_rows(warehouse, STG_PRODUCTS) == {"inserted": 3, "updated": 0}
    more = products(spark, ("p1", "milk"), ("p2", None), ("p3", "green tea"), ("p4", "oats"))
    assert warehouse.merge(STG_PRODUCTS, more) == 2
    assert changed_rows(warehouse, STG_PRODUCTS) == {"inserted": 1, "updated": 1}
    expected = {"p1": "milk", "p2": None, "p3": "green tea", "p4": "oats"}
    assert found_products(warehouse.read(STG_PRODUCTS)) == expected
    warehouse.merge(STG_PRODUCTS, more)
    assert changed_rows(warehouse, STG_PRODUCTS) == {"inserted": 0, "updated": 0}
    assert found_products(warehouse.read(STG_PRODUCTS)) == expected


def test_the_first_rows_are_appended_and_later_ones_merged(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    for _ in range(2):
        warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    history = DeltaTable.forPath(spark, warehouse.path(STG_PRODUCTS)).history().collect()
    assert [commit["operation"] for commit in history] == ["MERGE", "WRITE", "CREATE TABLE"]


def test_rows_that_came_with_the_table_itself_are_merged(warehouse: Warehouse, spark: SparkSession) -> None:
    """A warehouse that was moved by hand: version 0 of a table has its rows."""
    products(spark, ("p1", "milk"), ("p2", "oats")).write.format("delta").save(warehouse.path(STG_PRODUCTS))
    warehouse.create([STG_PRODUCTS])
    assert warehouse.version(STG_PRODUCTS) == 0
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "tea")))
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "tea", "p2": "oats"}


def test_housekeeping_leaves_the_first_commit_to_the_first_rows(warehouse: Warehouse) -> None:
    warehouse.create([STG_PRODUCTS])
    compact(warehouse, STG_PRODUCTS)
    vacuum(warehouse, STG_PRODUCTS)
    assert warehouse.version(STG_PRODUCTS) == 0


def test_whoever_takes_a_table_for_empty_that_is_not_any_more_merges(
    warehouse: Warehouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.create([STG_PRODUCTS])
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk"), ("p2", "oats"), ("p3", "rye")))
    with monkeypatch.context() as m:
        m.setattr(Warehouse, "version", lambda self, table: 0)
        gone = products(spark, ("p3", None)).select("product_id")
        assert warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "tea"), ("p4", "jam")), gone) == 2
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "tea", "p2": "oats", "p4": "jam"}


def test_of_two_first_rows_at_once_none_is_lost_and_none_stands_twice(
    warehouse: Warehouse, spark: SparkSession, tmp_path: Path
) -> None:
    """Both find the table empty; the second commits while the first one's transaction is under way."""
    warehouse.create([STG_PRODUCTS])
    begun, go_on = tmp_path / "begun", tmp_path / "go on"

    def slowly(value: str) -> str:
        begun.touch()
        for _ in range(1200):
            if go_on.exists():
                return value
            time.sleep(0.05)
        raise TimeoutError

    rows = products(spark, ("p1", "milk"), ("p2", "oats")).coalesce(1)
    rows = rows.withColumn("category", F.udf(slowly)("category"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(warehouse.merge, STG_PRODUCTS, rows)
        while not (begun.exists() or first.done()):
            time.sleep(0.05)
        session = spark.newSession()
        try:
            second = Warehouse(session, warehouse.root).merge(
                STG_PRODUCTS, products(session, ("p1", "tea"), ("p3", "rye"))
            )
        finally:
            go_on.touch()
        assert (second, first.result()) == (1, 2)
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "milk", "p2": "oats", "p3": "rye"}


def test_a_value_that_became_null_is_a_change(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", None)))
    assert changed_rows(warehouse, STG_PRODUCTS) == {"inserted": 0, "updated": 1}
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": None}


def test_the_whole_key_must_match(warehouse: Warehouse, spark: SparkSession) -> None:
    """Two periods of one customer are two rows."""
    warehouse.create([STG_CUSTOMERS])
    blank = [None] * (len(STG_CUSTOMERS.names) - 3)
    rows = [("c1", EARLIER, AS_OF, *blank), ("c1", AS_OF, None, *blank)]
    for row in rows:
        warehouse.merge(STG_CUSTOMERS, spark.createDataFrame([row], STG_CUSTOMERS.ddl))
    found = warehouse.read(STG_CUSTOMERS).orderBy("valid_from").collect()
    assert [(r["customer_id"], r["valid_from"], r["valid_to"]) for r in found] == [r[:3] for r in rows]


def test_insert_missing_leaves_what_is_there(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    warehouse.insert_missing(STG_PRODUCTS, products(spark, ("p1", "milk")))
    version = warehouse.insert_missing(STG_PRODUCTS, products(spark, ("p1", "other"), ("p2", "tea")))
    assert version == 2
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "milk", "p2": "tea"}


def test_overwrite_replaces_and_a_pinned_read_still_sees_the_old_rows(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    warehouse.create([STG_PRODUCTS])
    first = warehouse.overwrite(STG_PRODUCTS, products(spark, ("p1", "milk"), ("p2", "tea")))
    second = warehouse.overwrite(STG_PRODUCTS, products(spark, ("p3", "oats")))
    assert (first, second) == (1, 2)
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p3": "oats"}
    assert found_products(warehouse.read(STG_PRODUCTS, first)) == {"p1": "milk", "p2": "tea"}
    assert found_products(warehouse.read(STG_PRODUCTS, 0)) == {}


def test_an_attempt_writes_its_own_partition_and_others_are_untouched(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    warehouse.create([K_SWEEP])
    warehouse.write_attempt(K_SWEEP, sweep(spark, "r1", 2, 3), AS_OF, "r1")
    warehouse.write_attempt(K_SWEEP, sweep(spark, "it's", 7), AS_OF, "it's")
    warehouse.write_attempt(K_SWEEP, sweep(spark, "r1", 9, as_of=EARLIER), EARLIER, "r1")
    version = warehouse.write_attempt(K_SWEEP, sweep(spark, "r2", 2, 4), AS_OF, "r2")
    assert version == 4
    assert found_ks(warehouse.read(K_SWEEP)) == [
        (EARLIER, "r1", 9), (AS_OF, "it's", 7), (AS_OF, "r1", 2), (AS_OF, "r1", 3), (AS_OF, "r2", 2), (AS_OF, "r2", 4),
    ]  # fmt: skip
    assert found_ks(warehouse.read_run(K_SWEEP, AS_OF, "r1")) == [(AS_OF, "r1", 2), (AS_OF, "r1", 3)]
    assert found_ks(warehouse.read_run(K_SWEEP, AS_OF, "it's")) == [(AS_OF, "it's", 7)]
    assert found_ks(warehouse.read(K_SWEEP, 1)) == [(AS_OF, "r1", 2), (AS_OF, "r1", 3)]


def test_rows_of_another_run_are_refused(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])
    with pytest.raises(PySparkException, match="k_sweep: a row of another attempt: r2"):
        warehouse.write_attempt(K_SWEEP, sweep(spark, "r2", 2), AS_OF, "r1")
    assert warehouse.version(K_SWEEP) == 0


def test_columns_are_put_into_the_contracts_order_by_name(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])
    rows = sweep(spark, "r1", 5).select(*reversed(K_SWEEP.names))
    warehouse.write_attempt(K_SWEEP, rows, AS_OF, "r1")
    assert warehouse.read(K_SWEEP).collect() == sweep(spark, "r1", 5).collect()


def test_attempts_written_at_once_are_all_there(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])

    def write(k: int) -> int:
        return Warehouse(spark, warehouse.root).write_attempt(K_SWEEP, sweep(spark, f"r{k}", k), AS_OF, f"r{k}")

    at_once([lambda k=k: write(k) for k in (2, 3)])  # type: ignore[misc]
    assert found_ks(warehouse.read(K_SWEEP)) == [(AS_OF, "r2", 2), (AS_OF, "r3", 3)]


def test_read_run_opens_the_files_of_one_partition(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([K_SWEEP])
    for run_id, as_of in (("r1", AS_OF), ("r2", AS_OF), ("r1", EARLIER)):
        warehouse.write_attempt(K_SWEEP, sweep(spark, run_id, 2, as_of=as_of), as_of, run_id)
    rows = warehouse.read_run(K_SWEEP, AS_OF, "r1")
    assert len(warehouse.read(K_SWEEP).inputFiles()) == 3
    (file,) = rows.inputFiles()
    assert "/as_of=2018-01-01/run_id=r1/" in file
    scans = rows._jdf.queryExecution().executedPlan().collectLeaves()
    partition = scans.head().partitionFilters().mkString(" ")  # the plan's text would be cut off
    assert "= 2018-01-01)" in partition
    assert "= r1)" in partition


@pytest.mark.parametrize("name", sorted(delta.exceptions.__all__))
def test_a_commit_that_lost_is_tried_again(warehouse: Warehouse, name: str) -> None:
    lost = getattr(delta.exceptions.captured, name)
    warehouse.create([STG_PRODUCTS])
    tries = []

    def commit() -> None:
        tries.append(1)
        if len(tries) < ATTEMPTS:
            raise lost("another writer was first", "", None)

    assert warehouse.committed(STG_PRODUCTS, commit) == 0
    assert len(tries) == ATTEMPTS


def test_a_commit_that_always_loses_ends_with_deltas_error(warehouse: Warehouse) -> None:
    tries = []

    def commit() -> None:
        tries.append(1)
        raise delta.exceptions.captured.ConcurrentAppendException("another writer was first", "", None)

    with pytest.raises(delta.exceptions.ConcurrentAppendException, match="another writer was first"):
        warehouse.committed(STG_PRODUCTS, commit)
    assert len(tries) == ATTEMPTS


def test_the_version_is_that_of_the_own_commit_whatever_others_do(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS, K_SWEEP])
    path = warehouse.path(STG_PRODUCTS)

    def append_and_let_another_append() -> None:
        for session in (spark, spark.newSession()):
            products(session, ("p1", "milk")).write.format("delta").mode("append").save(path)

    assert warehouse.committed(STG_PRODUCTS, append_and_let_another_append) == 1
    assert warehouse.version(STG_PRODUCTS) == 2
    for k in (2, 3, 4, 5):
        warehouse.write_attempt(K_SWEEP, sweep(spark, f"r{k}", k), AS_OF, f"r{k}")
    assert warehouse.committed(STG_PRODUCTS, lambda: None) == 2


@pytest.mark.long
def test_a_version_of_a_month_ago_can_be_read_and_restored(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    old = warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "tea")))
    long_ago = time.time() - 40 * 24 * 3600
    for i, file in enumerate(sorted((Path(warehouse.path(STG_PRODUCTS)) / "_delta_log").glob("*.json"))):
        os.utime(file, (long_ago + i, long_ago + i))
    assert found_products(warehouse.read(STG_PRODUCTS, old)) == {"p1": "milk"}
    assert warehouse.restore(STG_PRODUCTS, old) == 3
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "milk"}


def test_housekeeping_is_no_reason_to_restore(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([STG_PRODUCTS])
    for name in ("p1", "p2"):
        version = warehouse.merge(STG_PRODUCTS, products(spark, (name, "milk")))
    DeltaTable.forPath(spark, warehouse.path(STG_PRODUCTS)).optimize().executeCompaction()
    assert warehouse.version(STG_PRODUCTS) == version + 1
    assert warehouse.restore(STG_PRODUCTS, version) == version + 1
    assert warehouse.version(STG_PRODUCTS) == version + 1


def test_whoever_finds_another_commit_behind_the_version_it_is_for_is_overtaken(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    warehouse.create([STG_PRODUCTS])
    base = warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    compact(warehouse, STG_PRODUCTS)
    mine = warehouse.merge(STG_PRODUCTS, products(spark, ("p2", "oats")), base=base)  # housekeeping is nobody's
    mine = warehouse.merge(STG_PRODUCTS, products(spark, ("p2", "oats")), base=mine)  # nothing to change
    warehouse.merge(STG_PRODUCTS, products(spark, ("p3", "tea")))
    for ours in (("p4", "salt"), ("p3", "tea")):  # and where the other has done what was to be done
        with pytest.raises(OvertakenError, match="stg_products was written by another job"):
            warehouse.merge(STG_PRODUCTS, products(spark, ours), base=mine)
    assert found_products(warehouse.read(STG_PRODUCTS, warehouse.restore(STG_PRODUCTS, mine))) == {
        "p1": "milk", "p2": "oats",
    }  # fmt: skip


def test_what_is_committed_while_it_looks_hides_no_earlier_commit(
    warehouse: Warehouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.create([STG_PRODUCTS])
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    base = warehouse.merge(STG_PRODUCTS, products(spark, ("p2", "milk")))
    before = warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "tea")))
    compact(warehouse, STG_PRODUCTS)
    monkeypatch.setattr(Warehouse, "version", lambda *_: before)  # as it was before housekeeping came in between
    assert warehouse.operations(STG_PRODUCTS, base) == ["MERGE"]


def test_columns_that_came_since_are_there_after_a_restore(warehouse: Warehouse, spark: SparkSession) -> None:
    old = replace(STG_PRODUCTS, columns=STG_PRODUCTS.columns[:-1])
    warehouse.create([old])
    version = warehouse.merge(old, products(spark, ("p1", "milk")))
    warehouse.create([STG_PRODUCTS])
    assert warehouse.restore(STG_PRODUCTS, version) == version + 1  # a new column is no other row
    warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "tea")))
    warehouse.restore(STG_PRODUCTS, version)
    assert warehouse.read(STG_PRODUCTS).columns == list(STG_PRODUCTS.names)
    assert found_products(warehouse.read(STG_PRODUCTS)) == {"p1": "milk"}


def prices(spark: SparkSession, *rows: tuple[str, str, int]) -> DataFrame:
    """category_price rows: category, day in 2017 and lines."""
    days = [(c, dt.date.fromisoformat(f"2017-{day}"), n) for c, day, n in rows]
    return spark.createDataFrame(
        [(c, day, day.replace(day=1), Decimal(1), n) for c, day, n in days], CATEGORY_PRICE.ddl
    )


def found_prices(warehouse: Warehouse) -> list[tuple[str, str, int]]:
    rows = warehouse.read(CATEGORY_PRICE).collect()
    return sorted((r["category"], f"{r['event_date']:%m-%d}", r["lines"]) for r in rows)


MARCH, APRIL = dt.date(2017, 3, 1), dt.date(2017, 4, 1)


def test_replace_makes_rows_of_keys_anew_and_leaves_all_others(warehouse: Warehouse, spark: SparkSession) -> None:
    warehouse.create([CATEGORY_PRICE])
    warehouse.overwrite(
        CATEGORY_PRICE,
        prices(spark, ("milk", "03-01", 1), ("milk", "03-02", 2), ("tea", "03-02", 3), ("tea", "04-01", 4)),
    )
    april = [f for f in warehouse.read(CATEGORY_PRICE).inputFiles() if "month=2017-04-01" in f]
    keys = prices(spark, ("milk", "03-01", 0), ("milk", "03-02", 0)).select("category", "event_date")
    warehouse.replace(CATEGORY_PRICE, prices(spark, ("milk", "03-02", 9)), keys, [MARCH])
    assert found_prices(warehouse) == [("milk", "03-02", 9), ("tea", "03-02", 3), ("tea", "04-01", 4)]
    assert [f for f in warehouse.read(CATEGORY_PRICE).inputFiles() if "month=2017-04-01" in f] == april
    with pytest.raises(AnalysisException, match="2017-03-01"):
        warehouse.replace(CATEGORY_PRICE, prices(spark, ("tea", "04-01", 9)), keys, [MARCH])


def test_replace_keeps_what_another_committed_in_the_meantime(
    warehouse: Warehouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.create([CATEGORY_PRICE])
    warehouse.overwrite(CATEGORY_PRICE, prices(spark, ("milk", "03-01", 1)))
    read = Warehouse.read

    def read_and_let_another_append(self: Warehouse, *of: Any) -> DataFrame:
        monkeypatch.setattr(Warehouse, "read", read)
        rows = read(self, *of)
        others = prices(spark.newSession(), ("tea", "03-02", 3))
        others.write.format("delta").mode("append").save(self.path(CATEGORY_PRICE))
        return rows

    monkeypatch.setattr(Warehouse, "read", read_and_let_another_append)
    keys = prices(spark, ("milk", "03-01", 0)).select("category", "event_date")
    warehouse.replace(CATEGORY_PRICE, prices(spark, ("milk", "03-01", 9)), keys, [MARCH, APRIL])
    assert found_prices(warehouse) == [("milk", "03-01", 9), ("tea", "03-02", 3)]


def test_what_a_run_wrote_is_known_as_it_is_stored(warehouse: Warehouse, spark: SparkSession) -> None:
    """In the table's types, apart from what another run wrote, and only once it is written."""
    profile = dict.fromkeys(SEGMENT_PROFILES.names) | {
        "as_of": AS_OF, "dimension": "unified", "segment_id": "unified-1", "segment_name": "Mixed", "customers": 3,
        "customer_share": 1.0, "revenue_lifetime": Decimal("12.5"), "revenue_365d": Decimal(7),
        "orders_per_customer_365d": 1.0, "feature_means": {"orders": 2.0, "age": 1.5}, "feature_z": {},
        "top_differentiators": [("orders", 0.5, "higher")], "coverage": 1.0,
    }  # fmt: skip
    warehouse.create([SEGMENT_PROFILES])
    for run_id in ("r1", "r2"):
        warehouse.write_rows(SEGMENT_PROFILES, [profile | {"run_id": run_id}], AS_OF, run_id)
    with pytest.raises(PySparkException, match="segment_profiles: a row of another attempt: r4"):
        warehouse.write_rows(SEGMENT_PROFILES, [profile | {"run_id": "r4"}], AS_OF, "r3")
    reader = Warehouse(spark, warehouse.root)
    for run_id in ("r1", "r2", "r3"):
        known, stored = (w.rows_of_run(SEGMENT_PROFILES, AS_OF, run_id) for w in (warehouse, reader))
        assert known == stored
        assert [r["run_id"] for r in stored] == ([] if run_id == "r3" else [run_id])
