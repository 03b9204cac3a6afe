"""One commit publishes; of a race there is one winner; the champion follows from the promotions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from segmentation.core.schemas import ALERTS, PROMOTIONS, RUNS, Table
from segmentation.io import RunStore, Warehouse
from segmentation.io.runs import Run, new_run
from tests.io.data import AS_OF, EARLIER, at_once, attempt


def rows(warehouse: Warehouse) -> list[tuple[int, str]]:
    return [(r["publish_seq"], r["run_id"]) for r in warehouse.read(RUNS).orderBy("publish_seq").collect()]


def publishing(spark: SparkSession, warehouse: Warehouse, runs: list[Run]) -> list[Callable[[], Row]]:
    """Each as a job of its own would do it: with its own warehouse object."""
    return [lambda run=run: RunStore(Warehouse(spark, warehouse.root)).publish(run) for run in runs]  # type: ignore[misc]


def test_a_key_is_made_of_job_as_of_config_and_inputs_and_never_of_the_attempt() -> None:
    one = new_run("monthly", AS_OF, {"k": 3}, {"features": "f-1", "bundle": "b-1"})
    again = new_run("monthly", AS_OF, {"k": 3}, {"bundle": "b-1", "features": "f-1"})
    assert again.run_key == one.run_key
    assert again.run_id != one.run_id
    assert one.run_id.startswith(f"{one.run_key}-")
    others = [
        new_run("fit_segments", AS_OF, {"k": 3}, one.inputs),
        new_run("monthly", EARLIER, {"k": 3}, one.inputs),
        new_run("monthly", AS_OF, {"k": 4}, one.inputs),
        new_run("monthly", AS_OF, {"k": 3}, {"features": "f-2", "bundle": "b-1"}),
    ]
    assert len({one.run_key, *(o.run_key for o in others)}) == 5


def test_before_anything_is_published_there_is_nothing(warehouse: Warehouse, store: RunStore) -> None:
    assert store.published("0123") is None
    assert store.latest("monthly") is None
    with pytest.raises(LookupError, match="run r-1 was never published"):
        store.get("r-1")
    nowhere = RunStore(Warehouse(warehouse.spark, f"{warehouse.root}/none"))
    assert (nowhere.published("0123"), nowhere.latest("monthly")) == (None, None)


def test_a_published_row_says_what_the_run_was(store: RunStore) -> None:
    before = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    run = new_run("monthly", AS_OF, {"k": 3}, {"features": "f-1"}).finish(
        input_versions={"customer_features": 4}, output_versions={"segments": 2}, rows_in=7, rows_out=42,
        rows_quarantined=1, verdict="rescored", reason="as it was promoted", notes=["nps is off"],
    )  # fmt: skip
    row = store.publish(run).asDict()
    assert store.get(run.run_id).asDict() == row
    times = {name: row.pop(name) for name in ("started_at", "finished_at")}
    assert row == {
        "run_id": run.run_id, "run_key": run.run_key, "publish_seq": 1, "job": "monthly", "as_of": AS_OF,
        "status": "published", "config_hash": run.config_hash, "code_version": run.code_version,
        "inputs": {"features": "f-1"}, "input_versions": {"customer_features": 4}, "output_versions": {"segments": 2},
        "rows_in": 7, "rows_out": 42, "rows_quarantined": 1, "verdict": "rescored", "reason": "as it was promoted",
        "notes": ["nps is off"],
    }  # fmt: skip
    assert before <= times["started_at"] <= times["finished_at"]


def test_three_attempts_at_one_key_at_once_leave_one_row_and_all_report_the_winner(
    warehouse: Warehouse, store: RunStore, spark: SparkSession
) -> None:
    runs = [attempt(k_sweep=1) for _ in range(3)]
    assert len({r.run_key for r in runs}) == 1
    assert len({r.run_id for r in runs}) == 3
    reported = {row["run_id"] for row in at_once(publishing(spark, warehouse, runs))}
    ((seq, winner),) = rows(warehouse)
    assert seq == 1
    assert reported == {winner}
    assert winner in {r.run_id for r in runs}
    # A fourth, later: nothing is written, and it learns who won.
    assert store.publish(attempt(k_sweep=1))["run_id"] == winner
    assert rows(warehouse) == [(1, winner)]


@pytest.mark.long
def test_two_keys_at_once_are_both_published_under_numbers_of_their_own(
    warehouse: Warehouse, store: RunStore, spark: SparkSession
) -> None:
    runs = [attempt(config={"k": k}) for k in (1, 2)]
    reported = at_once(publishing(spark, warehouse, runs))
    assert [row["run_id"] for row in reported] == [r.run_id for r in runs]
    assert sorted(row["publish_seq"] for row in reported) == [1, 2]
    assert {run_id for _, run_id in rows(warehouse)} == {r.run_id for r in runs}


def test_of_two_months_at_once_that_were_made_of_different_things_one_is_published(
    warehouse: Warehouse, store: RunStore, spark: SparkSession
) -> None:
    """As of another date, of another job, or where it is restated, the second is published all the same."""
    runs = [attempt("monthly", config={"k": 1}), attempt("monthly", config={"k": 2})]
    stores = [RunStore(Warehouse(spark, warehouse.root)) for _ in runs]
    both = at_once([lambda s=s, r=r: s.publish(r, alone=True) for s, r in zip(stores, runs, strict=True)])  # type: ignore[misc]
    [winner] = {row["run_id"] for row in both}
    assert [run_id for _, run_id in rows(warehouse)] == [winner]
    loser = next(r for r in runs if r.run_id != winner)
    assert store.publish(new_run("monthly", EARLIER, {}, {}), alone=True)["as_of"] == EARLIER
    assert store.publish(new_run("fit_segments", AS_OF, {}, {}), alone=True)["job"] == "fit_segments"
    assert store.publish(loser, restate=True, alone=True)["run_id"] == loser.run_id
    assert len(rows(warehouse)) == 4


def test_what_was_replaced_by_something_else_is_not_shown_for_the_same_again(store: RunStore) -> None:
    first, other = attempt("monthly", config={"k": 1}), attempt("monthly", config={"k": 2})
    assert store.shown_for(first) is None
    store.publish(first)
    again = store.shown_for(attempt("monthly", config={"k": 1}))
    assert again is not None
    assert again["run_id"] == first.run_id
    store.publish(other)
    assert store.published(first.run_key) is not None
    assert store.shown_for(first) is None


def test_restate_publishes_the_key_again_under_a_higher_number(warehouse: Warehouse, store: RunStore) -> None:
    first, other, again = attempt(), attempt(as_of=EARLIER), attempt()
    for run in (first, other):
        store.publish(run)
    assert store.publish(again, restate=True)["publish_seq"] == 3
    assert rows(warehouse) == [(1, first.run_id), (2, other.run_id), (3, again.run_id)]
    # The same attempt restated once more is the same row.
    assert store.publish(again, restate=True)["publish_seq"] == 3
    assert len(rows(warehouse)) == 3
    found = store.published(first.run_key)
    assert found is not None
    assert found["run_id"] == again.run_id


def test_the_latest_run_is_that_of_the_job_and_date(store: RunStore) -> None:
    january, december, fit = attempt("monthly"), attempt("monthly", EARLIER), attempt("fit_segments")
    for run in (january, december, fit):
        store.publish(run)

    def latest(*of: object) -> str | None:
        row = store.latest(*of)  # type: ignore[arg-type]
        return None if row is None else row["run_id"]

    assert latest("monthly") == december.run_id  # the last published, whatever its date
    assert latest("monthly", AS_OF) == january.run_id
    assert latest("fit_segments", AS_OF) == fit.run_id
    assert latest("fit_segments", EARLIER) is None


def test_the_champion_of_a_date_is_the_last_promotion_in_effect_by_then(warehouse: Warehouse, store: RunStore) -> None:
    days = [dt.date(2018, month, 1) for month in (1, 2, 3, 4)]
    assert store.champion(days[3]) is None
    store.promote("b-1", days[1], "anna", "first")
    assert [store.champion(d) for d in days] == [None, "b-1", "b-1", "b-1"]
    store.promote("b-2", days[3], "anna", "better")
    assert [store.champion(d) for d in days] == [None, "b-1", "b-1", "b-2"]
    # From a day before b-2's: it labels until b-2 takes over.
    store.promote("b-3", days[2], "anna", "in between")
    assert [store.champion(d) for d in days] == [None, "b-1", "b-3", "b-2"]
    # Of two from the same day, the one promoted later.
    store.promote("b-4", days[3], "anna", "best")
    assert [store.champion(d) for d in days] == [None, "b-1", "b-3", "b-4"]
    # A repeat, even with other words, changes nothing.
    version = warehouse.read(PROMOTIONS).count()
    store.promote("b-1", days[1], "bert", "again")
    assert warehouse.read(PROMOTIONS).count() == version == 4
    found = warehouse.read(PROMOTIONS).orderBy("seq").collect()
    assert [(r["seq"], r["model_version"], r["by"], r["reason"]) for r in found] == [
        (1, "b-1", "anna", "first"), (2, "b-2", "anna", "better"),
        (3, "b-3", "anna", "in between"), (4, "b-4", "anna", "best"),
    ]  # fmt: skip


def test_two_promotions_at_once_both_stand_in_an_order(warehouse: Warehouse, store: RunStore) -> None:
    at_once([
        lambda b=b: RunStore(Warehouse(warehouse.spark, warehouse.root)).promote(b, AS_OF, "anna", "-")  # type: ignore[misc]
        for b in ("b-1", "b-2")
    ])  # fmt: skip
    found = warehouse.read(PROMOTIONS).orderBy("seq").collect()
    assert [r["seq"] for r in found] == [1, 2]
    assert store.champion(AS_OF) == found[1]["model_version"]


def test_what_is_known_after_a_publication_is_what_is_stored(
    warehouse: Warehouse, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without reading it again, unless another job has published in between."""
    asked: list[str] = []
    read = Warehouse.read

    def counted(self: Warehouse, table: Table | str, version: int | None = None) -> DataFrame:
        asked.append(str(getattr(table, "name", table)))
        return read(self, table, version)

    monkeypatch.setattr(Warehouse, "read", counted)
    store.publish(attempt("monthly"))
    store.publish(attempt("ingest"))
    assert asked == ["runs"]  # before the first
    assert store.latest("ingest") == read(warehouse, RUNS).where("publish_seq = 2").first()
    RunStore(Warehouse(warehouse.spark, warehouse.root)).publish(attempt("fit_segments"))
    store.publish(attempt("build_features"))
    assert [(r["publish_seq"], r["job"]) for job in ("fit_segments", "build_features") for r in store.of(job)] == [
        (3, "fit_segments"), (4, "build_features"),
    ]  # fmt: skip
    stored = read(warehouse, RUNS).orderBy("publish_seq").collect()
    assert sorted(warehouse.rows(RUNS), key=lambda r: r["publish_seq"]) == stored


def test_of_a_table_that_others_write_too_all_is_known(warehouse: Warehouse) -> None:
    """Where nothing about a commit of theirs keeps ours back, and where a part of ours was there already."""
    warehouse.create([ALERTS])

    def insert(by: Warehouse, *channels: str) -> None:
        told = {"run_id": "r", "as_of": AS_OF, "text": "-", "told_at": dt.datetime(2024, 5, 1)}
        by.insert_missing(ALERTS, by.frame(ALERTS, [told | {"channel": c} for c in channels]))

    def known() -> list[str]:
        return sorted(r["channel"] for r in warehouse.rows(ALERTS))

    assert known() == []
    insert(warehouse, "a")
    insert(Warehouse(warehouse.spark, warehouse.root), "b")
    insert(warehouse, "c")
    assert known() == ["a", "b", "c"]
    insert(warehouse, "c", "d")
    assert known() == ["a", "b", "c", "d"]
