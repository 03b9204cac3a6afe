"""The cube of two months against a slow twin over the shop's own rows, read without Spark; and when it is made anew."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from segmentation import cli
from segmentation.cli import making
from segmentation.privacy import OTHER
from tests.jobs.homes import JUNE, MAY, Shop
from tests.published import counted_by_others, folders, published


def cents(column: pd.Series) -> list[int]:
    return [round(float(x) * 100) for x in column]


def test_places_and_departments_are_those_of_the_lines(two_months: Shop) -> None:
    lines = two_months.spent(MAY)
    expected = lines.groupby(["segment_id", "city", "tier"]).agg({"customer": "nunique", "amount": "sum"})
    found = two_months.cube("place")
    found = found[found["as_of"] == MAY].set_index(["segment_id", "part", "subpart"]).sort_index()
    assert list(found.index) == list(expected.index)
    assert list(found["customers"]) == list(expected["customer"])
    assert cents(found["revenue_365d"]) == list(expected["amount"])
    found = two_months.cube("department")
    found = found[found["as_of"] == MAY]
    spent = dict(zip(zip(found["segment_id"], found["part"], strict=True), cents(found["revenue_365d"]), strict=True))
    assert spent == lines.groupby(["segment_id", "category"])["amount"].sum().to_dict()
    assert {(r.part, r.value) for r in two_months.cube("channel").itertuples()} == {("store", 1.0)}


def test_what_is_joined_adds_up_to_the_segment_all_the_same(two_months: Shop) -> None:
    """In June some cells hold a single customer."""
    lines = two_months.spent(JUNE)
    assert lines.groupby(["segment_id", "city", "tier"])["customer"].nunique().min() == 1
    found = two_months.cube("place")
    found = found[found["as_of"] == JUNE]
    assert OTHER in set(found["subpart"])
    assert found["customers"].min() >= 2
    whole = lines.groupby("segment_id").agg({"customer": "nunique", "amount": "sum"})
    by_segment = found.groupby("segment_id")
    assert by_segment["customers"].sum().to_dict() == whole["customer"].to_dict()
    assert by_segment["revenue_365d"].sum().astype(float).round(2).to_dict() == (whole["amount"] / 100).to_dict()


def test_segments_and_moves_are_those_of_the_published_tables(two_months: Shop) -> None:
    profiles = published(two_months.warehouse, "segment_profiles", JUNE)
    profiles = profiles[profiles["dimension"] == "unified"].set_index("segment_id")
    found = two_months.cube("segment")
    found = found[found["as_of"] == JUNE].set_index("segment_id")
    columns = ["segment_name", "customers", "revenue_365d", "revenue_lifetime", "average_order_value"]
    pd.testing.assert_frame_equal(found[columns].sort_index(), profiles[columns].sort_index(), check_dtype=False)
    flows = published(two_months.warehouse, "segment_migration", JUNE)
    flows = flows[(flows["dimension"] == "unified") & (flows["customers"] > 1)]
    moved = two_months.cube("came_from")
    assert {(r.part, r.segment_id, r.customers) for r in moved.itertuples()} <= {
        (r.from_segment_id, r.to_segment_id, r.customers) for r in flows.itertuples()
    }
    assert len(moved)


def test_means_of_features_are_those_of_the_members_of_whom_they_are_known(two_months: Shop) -> None:
    features = published(two_months.warehouse, "customer_features", JUNE).set_index("customer_id")
    members = published(two_months.warehouse, "segments", JUNE)
    members = members[members["dimension"] == "unified"].set_index("customer_id")["segment_id"]
    found = two_months.cube("feature")
    found = found[found["as_of"] == JUNE]
    for name in ("net_revenue_90d", "days_since_last_order"):
        known = features[name].dropna().astype(float)
        expected = known.groupby(members.reindex(known.index)).mean()
        got = found[found["part"] == name].set_index("segment_id")["value"]
        pd.testing.assert_series_equal(got.sort_index(), expected, check_names=False, rtol=0.005)  # three digits


@pytest.mark.long
def test_what_is_up_to_date_stays_and_what_is_not_is_made_anew(two_months: Shop) -> None:
    def versions() -> list[int]:
        return [
            DeltaTable(two_months.warehouse / "aggregates" / t).version()
            for t in ("segment_cube", "drift_cube", "quality_cube")
        ]

    before = versions()
    assert two_months.refresh() == {"segment_cube": 0, "drift_cube": 0, "quality_cube": 0}
    assert versions() == before
    two_months.disclose(min_customers=15, round_to=10)
    try:
        assert two_months.refresh() == {"segment_cube": 2, "drift_cube": 1, "quality_cube": 1}
        assert versions() == [v + 1 for v in before]
        places = two_months.cube("place")
        assert set(places["part"]) == {"(other)"}  # ten customers a city and segment
        assert set(two_months.cube("segment")["customers"]) <= {10, 20, 30, 40}
    finally:
        two_months.disclose(min_customers=2, round_to=1)
        two_months.refresh()


@pytest.mark.long
def test_where_the_tiles_of_then_are_not_kept_segments_and_moves_are_left(
    two_months: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are kept for 400 days, and other rules must hold for older months too."""
    days, away = two_months.warehouse / "segmentation" / "customer_day", tmp_path / "away"
    shutil.move(days, away)
    shutil.copytree(away, days, ignore=shutil.ignore_patterns("*.parquet"))
    two_months.disclose(min_customers=3, round_to=1)
    try:
        assert two_months.refresh()["segment_cube"] == 2
        assert set(two_months.all_cubes()["breakdown"]) == {"segment", "came_from"}
        assert f"of {MAY} segments and moves alone" in capsys.readouterr().out
    finally:
        shutil.rmtree(days)
        shutil.move(away, days)
        two_months.disclose(min_customers=2, round_to=1)
        two_months.refresh()
    assert "place" in set(two_months.all_cubes()["breakdown"])


def test_readers_without_spark_see_the_same(two_months: Shop) -> None:
    """Of aggregates and of the tables beside them: no feature of Delta's that locks a reader out."""
    for folder in folders(two_months.warehouse):
        rows = DeltaTable(folder).to_pyarrow_table().num_rows
        assert counted_by_others(folder) == {rows}, folder.name


def test_the_names_for_everyone_lead_to_the_aggregates_alone(
    two_months: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "_start_as_jobs_do", lambda: None)

    def written(audience: str, views: int) -> str:
        monkeypatch.setattr(sys, "argv", ["segmentation", "catalog", "--warehouse", str(two_months.warehouse),
                            "--source", "shop", "--config", str(two_months.folder / "conf"), "--audience", audience,
                            "--out", str(tmp_path / audience)])  # fmt: skip
        cli.main()
        assert f"Names of {views} tables and marts" in capsys.readouterr().out
        return (tmp_path / audience).read_text()

    everyone, analysts = written("everyone", 14), written("analysts", 46)
    assert f"{two_months.warehouse}/segmentation/" not in everyone
    assert f"{two_months.warehouse}/aggregates/segment_cube" in everyone
    assert "mart_segment_overview" in everyone
    assert "customer_360" not in everyone
    assert "segmentation.mart_customer_360" in analysts
    assert f"{two_months.warehouse}/segmentation/segments" in analysts
