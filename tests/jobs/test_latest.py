"""`segments_latest` between months: whoever has new lines is scored again, and nobody else; whatever is killed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, OvertakenError
from segmentation.core.schemas import SEGMENTS_LATEST
from segmentation.features import build_features
from segmentation.pipeline import Context, run_fit, run_ingest, run_month, run_stream
from segmentation.pipeline import latest as module
from segmentation.pipeline.bundle import bundle_of, load_bundle
from segmentation.pipeline.features import read_inputs, run_features
from segmentation.pipeline.latest import follow
from segmentation.pipeline.month import score_rows
from tests.conftest import submit
from tests.jobs import kills
from tests.jobs.homes import WITH_HOMES, write_files
from tests.published import published, row_hash, table
from tests.shop import configure, line, open_shop

NEW = [
    line("n1", "c1", "2024-06-29", "900.00"),  # who bought little
    line("n2", "new", "2024-06-29", "7.00"),
    line("n3", "c3", "2024-02-02", "3.00"),  # late
    line("r5-1", "c5", "2024-02-13", "1.00", category="milk", product="p1"),  # corrected
    line("n4", "nobody", "2024-06-28", "8.00"),
    line("n5", "undone", "2024-06-28", "8.00"),
]
MORE = [
    line("m1", "c1", "2024-06-30", "2.00"),
    line("m2", "c8", "2024-06-30", "2.00"),
    line("n4", "c10", "2024-06-28", "8.00"),  # it was another's, and all that he had
    line("n5", "undone", "2024-06-28", "-8.00", is_return="true"),
]


def expected(context: Context) -> pd.DataFrame:
    """All customers scored as of each ingest's last day, from all features; of those whose lines differ it counts."""
    runs, warehouse = context.runs, Path(context.warehouse.root)
    month = runs.before("monthly", dt.date.max)
    assert month is not None
    rows = published(warehouse, "segments", month["as_of"])
    base = runs.get(runs.get(month["inputs"]["features"])["inputs"]["ingest"])
    ingests = [r for r in runs.of("ingest") if r["publish_seq"] >= base["publish_seq"]]
    models, before = load_bundle(context, month["inputs"]["bundle"]), None
    for ingest in ingests:
        folder = warehouse / "segmentation" / "stg_transactions"
        lines = DeltaTable(folder, version=ingest["output_versions"]["stg_transactions"]).to_pandas()
        if before is None:
            touched = set(lines.loc[lines["event_date"] >= month["as_of"], "customer_id"])
        else:
            same = lines.merge(before, how="outer", indicator=True)
            touched = set(same.loc[same["_merge"] != "both", "customer_id"])
        as_of = max(month["as_of"], lines["event_date"].max() + dt.timedelta(days=1))
        features = build_features(context.registry, read_inputs(context, ingest), [as_of])
        scored, _ = score_rows(context, features.drop("as_of"), models, month)
        now = scored.toPandas().assign(as_of=as_of, run_id="")
        spent = lines.groupby("customer_id")["net_amount"].sum()
        now = now[now["customer_id"].isin(spent[spent > 0].index)]  # who has paid nothing is excluded
        rows = pd.concat([rows[~rows["customer_id"].isin(touched)], now[now["customer_id"].isin(touched)]])
        before = lines
    return rows[table(warehouse, "segments_latest").columns]


def same(context: Context) -> None:
    """The table, read by another reader at the version that is published, is what all of it gives at once."""
    last = context.runs.latest("assign_stream")
    assert last is not None
    folder = Path(context.warehouse.root) / "segmentation" / "segments_latest"
    found = DeltaTable(folder, version=last["output_versions"]["segments_latest"]).to_pandas()
    assert not found.duplicated(["dimension", "customer_id"]).any()
    assert row_hash(found) == row_hash(expected(context))


def unified(warehouse: Path) -> pd.DataFrame:
    return table(warehouse, "segments_latest").query("dimension == 'unified'").set_index("customer_id")


def newest(context: Context) -> Row:
    month = context.runs.before("monthly", dt.date.max)
    assert month is not None
    return month


def promote_another(context: Context, bundle: str = "another") -> None:
    """What labels the next as-of date: until it is published, segments are those of the last one."""
    context.runs.promote(bundle, newest(context)["as_of"] + dt.timedelta(days=1), "a person", "to see")
    assert context.runs.champion(dt.date(2024, 6, 30)) == bundle


def test_who_has_new_lines_is_scored_again(spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    month = newest(context)
    promote_another(context)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    run_stream(context)
    rows = unified(warehouse)
    assert rows.loc["c1", "as_of"] == rows.loc["new", "as_of"] == dt.date(2024, 6, 30)
    of_month = published(warehouse, "segments", month["as_of"]).query("dimension == 'unified'").set_index("customer_id")
    assert "new" not in of_month.index
    assert rows.loc["c1", "distance"] != of_month.loc["c1", "distance"]
    steps = context.runs.of("assign_stream")
    assert {r["inputs"]["month"] for r in steps} == {month["run_id"]}
    assert {r["inputs"]["bundle"] for r in steps} == {month["inputs"]["bundle"]}
    assert steps[-1]["as_of"] == dt.date(2024, 6, 30)

    assert rows.loc["c7", "run_id"] == month["run_id"]  # who bought nothing since April is as the month says


@pytest.mark.long
def test_it_is_what_scoring_everybody_again_gives_whatever_is_promoted_for_the_next_month(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    promote_another(context)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    run_stream(context)
    same(context)
    steps = context.runs.of("assign_stream")
    assert {r["inputs"]["bundle"] for r in steps} == {newest(context)["inputs"]["bundle"]}
    shutil.rmtree(warehouse / "checkpoints")  # it only says when to look
    run_stream(context)
    assert context.runs.of("assign_stream") == steps  # nothing is new


@pytest.mark.long
def test_an_ingest_follows_another_until_the_next_publication(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    month = newest(context)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    run_stream(context)
    steps, rows = context.runs.of("assign_stream"), unified(warehouse)
    capsys.readouterr()
    # What an attempt that died has left is no part of what follows, whoever it was about.
    stray = context.warehouse.read(SEGMENTS_LATEST).where("customer_id = 'c2'").withColumn("segment_id", F.lit("stray"))
    context.warehouse.merge(SEGMENTS_LATEST, stray)
    run_ingest(context, str(write_files(tmp_path / "more", MORE)))
    run_ingest(context, str(write_files(tmp_path / "same", MORE[:1])))  # lines that are there already
    run_stream(context)
    same(context)
    gone = {"nobody", "undone"}
    assert gone <= set(rows.index)
    assert not gone & set(unified(warehouse).index)
    assert len(context.runs.of("assign_stream")) == len(steps) + 2
    said = capsys.readouterr().out
    assert "3 customers as of 2024-07-01, 2 in no segment" in said
    assert "nobody has new lines" in said

    run_month(open_shop(spark, shop / "conf", warehouse, restate=True), month["as_of"])
    assert follow(context) is not None
    same(context)
    assert follow(context) is None


@pytest.mark.long
def test_by_other_rules_all_of_it_is_done_again(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    run_stream(context)
    others = Path(shutil.copytree(shop / "conf", tmp_path / "conf"))
    (others / "stickiness.yml").write_text(yaml.safe_dump({"min_score": 0}))
    changed = open_shop(spark, others, warehouse)
    before = context.runs.of("assign_stream")
    run_stream(changed)  # though no ingest and no month is new
    assert len(context.runs.of("assign_stream")) == 2 * len(before)
    same(changed)
    assert follow(changed) is None


@pytest.mark.long
def test_of_two_that_follow_one_warehouse_the_one_that_was_overtaken_publishes_nothing(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    follow(context)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    before = context.runs.of("assign_stream")
    score = score_rows

    def interrupted(*arguments: Any) -> Any:
        context.warehouse.restore(SEGMENTS_LATEST, before[0]["output_versions"]["segments_latest"])
        other = context.warehouse.read(SEGMENTS_LATEST).where("customer_id <> 'c2'")
        context.warehouse.overwrite(SEGMENTS_LATEST, other)
        return score(*arguments)

    monkeypatch.setattr(module, "score_rows", interrupted)
    with pytest.raises(OvertakenError, match="stop one of them"):
        follow(context)
    assert context.runs.of("assign_stream") == before
    monkeypatch.undo()
    follow(context)
    same(context)


def test_without_anything_staged_it_says_what_comes_first(spark: SparkSession, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nothing is staged yet\. Run jobs/ingest\.py"):
        run_stream(open_shop(spark, shop / "conf", tmp_path / "warehouse"))


@pytest.mark.faults
@pytest.mark.parametrize("commit", [1, 2, 3])
def test_killed_between_a_commit_and_its_run_it_ends_as_if_nothing_had_happened(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path, commit: int
) -> None:
    """Behind the month's rows, behind lines staged with it, and behind a later ingest; then something is promoted."""
    context = open_shop(spark, shop / "conf", warehouse)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    options = ["--config", str(shop / "conf"), "--source", "shop", "--warehouse", str(warehouse)]
    kills.kill_behind(kills.start("assign_stream", *options), warehouse, "segments_latest", commit)
    promote_another(context)
    again = submit("assign_stream", *options, fast=True)
    assert again.returncode == 0, again.stdout + again.stderr
    same(context)


@pytest.mark.faults
def test_the_next_publication_begins_anew_with_its_own_models(
    spark: SparkSession, shop: Path, warehouse: Path, tmp_path: Path
) -> None:
    context = open_shop(spark, shop / "conf", warehouse)
    month = newest(context)
    later = month["as_of"] + dt.timedelta(days=31)
    other = open_shop(spark, configure(tmp_path / "conf", WITH_HOMES, seeds=[5]), warehouse)
    run_features(other, [later])
    bundle = bundle_of(run_fit(other, later))
    assert bundle != month["inputs"]["bundle"]
    promote_another(context, bundle)
    run_ingest(context, str(write_files(tmp_path / "new", NEW)))
    run_stream(context)
    same(context)
    run_month(context, later)
    run_stream(context)
    same(context)
    assert context.runs.of("assign_stream")[-1]["inputs"]["bundle"] == bundle
