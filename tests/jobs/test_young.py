"""A shop that begins with little history: its segments ask for nothing while it grows, and for a refit in the end."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.pipeline import run_months
from segmentation.pipeline.monitor import FILLING, OUTGROWN
from tests.conftest import CONF
from tests.jobs.kinds import JULY, PINNED, Shop, sales
from tests.published import published
from tests.shop import configure, write_sales

FIRST, JUNE = dt.date(2023, 9, 1), dt.date(2024, 6, 1)
"""Three months after the first order, and days before that is a year ago."""


@pytest.mark.long
def test_segments_of_three_months_ask_for_nothing_until_there_is_a_year_and_then_for_a_refit(
    spark: SparkSession, tmp_path: Path
) -> None:
    shop = Shop(spark, tmp_path)
    configure(tmp_path / "conf", pinned_k=PINNED)
    shop.set("sources/shop.yml", received_on=JULY)
    lines = [r for r in sales() if r["sold_at"] < str(JULY)]
    first, june, july = run_months(shop.context(), [FIRST, JUNE, JULY], str(write_sales(tmp_path / "raw", lines)))
    assert (first["verdict"], june["verdict"], july["verdict"]) == ("refit", "rescored", "refit")
    assert june["reason"].endswith(FILLING)
    assert f"; {OUTGROWN}. " in july["reason"]
    assert "takes over" in july["reason"]
    limits = yaml.safe_load((CONF / "monitoring.yml").read_text())["checks"]
    for as_of, excuse, gravest in ((JUNE, FILLING, "moved"), (JULY, OUTGROWN, "refit")):
        report = published(shop.warehouse, "drift_report", as_of)
        of_segments = report[report["check"].isin(["segment_share", "members_shift", "outside_share"])]
        limit = of_segments["check"].map(lambda c: limits[c]["refit"])
        far = of_segments[of_segments["value"] > limit.clip(lower=of_segments["threshold"])]
        assert set(far["verdict"]) == {gravest}
        assert far["explanation"].str.contains(excuse).all()
