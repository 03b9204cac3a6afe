"""The drift report: of the month of training itself, and of one with amounts that are a hundred times too large."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.core.errors import BadInputError
from segmentation.pipeline import run_monitor, run_month
from tests.conftest import submit
from tests.published import published, table
from tests.shop import configure, line, open_shop, write_sales

JULY, SEPTEMBER = dt.date(2024, 7, 1), dt.date(2024, 9, 1)
KINDS = ((14, 8.0), (30, 60.0), (61, 25.0))
"""Days between orders, and what one costs."""
PINNED = {"transactional": 3, "behavioral": 3, "unified": 3}


def sales(customers: int = 60) -> list[dict[str, str]]:
    """Three kinds of customers who go on as they are, from June 2023 to August 2024."""
    lines = []
    for c in range(customers):
        every, price = KINDS[c % 3]
        for i, day in enumerate(range(c % every, 458, every)):
            date = dt.date(2023, 6, 1) + dt.timedelta(days=day)
            amount = f"{price + c % 5 + i % 4 / 2:.2f}"
            lines.append(line(f"r{c}-{i}", f"c{c}", str(date), amount, category="bread" if i % 3 else "milk"))
    return lines


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion of July that has scored July, and September: August's amounts came in cents."""
    folder = tmp_path_factory.mktemp("monitor")
    configure(folder / "conf", pinned_k=PINNED)
    source = folder / "conf" / "sources" / "shop.yml"
    before = [r for r in sales() if r["sold_at"] < "2024-08-01"]
    after = [r | {"amount": f"{float(r['amount']) * 100:.2f}"} for r in sales() if r["sold_at"] >= "2024-08-01"]
    for as_of, rows, received in ((JULY, before, dt.date(2024, 8, 1)), (SEPTEMBER, after, SEPTEMBER)):
        known = {"known_months": {"2024-08": "the guard at staging would refuse it"}}
        source.write_text(
            yaml.safe_dump(yaml.safe_load(source.read_text()) | {"received_on": received, "guards": known})
        )
        context = open_shop(spark, folder / "conf", folder / "warehouse")
        run_month(context, as_of, str(write_sales(folder / str(as_of), rows)))
    return folder


def shares(warehouse: Path, as_of: dt.date) -> pd.Series:
    """Of each unified segment, counted by another reader."""
    rows = published(warehouse, "segments", as_of)
    return rows[rows["dimension"] == "unified"].groupby("raw_segment_id").size() / 60


def test_against_itself_nothing_has_moved_and_it_is_published_once(
    shop: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    context = open_shop(spark, shop / "conf", shop / "warehouse")
    run = run_monitor(context, JULY)
    assert run["verdict"] == "stable"
    assert "figures has moved by more than chance" in run["reason"]
    assert "verdict                 stable: none of" in capsys.readouterr().out
    report = published(shop / "warehouse", "drift_report", JULY)
    assert set(report["check"]) == {
        "feature_psi", "missing_share", "segment_share", "members_shift", "centroid_shift", "outside_share",
        "silhouette_loss",
    }  # fmt: skip
    assert set(report["verdict"]) <= {"holds", "too few"}
    assert report["value"].max() < 0.02
    assert run_monitor(context, JULY)["run_id"] == run["run_id"]


def test_a_hundredfold_error_stops_and_names_the_money(shop: Path) -> None:
    done = submit(
        "monitor_drift", "--config", str(shop / "conf"), "--source", "shop", "--as-of", str(SEPTEMBER),
        "--warehouse", str(shop / "warehouse"), fast=True,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout + done.stderr
    assert "verdict                 stop: " in done.stdout
    report = published(shop / "warehouse", "drift_report", SEPTEMBER)
    stops = set(report.loc[report["verdict"] == "stop", "subject"])
    assert "average_order_value_365d" in stops
    assert not {s for s in stops if s.startswith("orders")}
    of_segments = report[(report["check"] == "segment_share") & (report["dimension"] == "unified")].set_index("subject")
    then, now = (shares(shop / "warehouse", as_of) for as_of in (JULY, SEPTEMBER))
    assert set(of_segments.index) == set(then.index)
    for segment, value in of_segments["value"].items():
        assert value == pytest.approx(abs(now.get(segment, 0.0) - then[segment]))
    runs = table(shop / "warehouse", "runs")
    assert runs.loc[(runs["job"] == "monitor_drift") & (runs["as_of"] == SEPTEMBER), "verdict"].tolist() == ["stop"]


def test_a_month_that_is_not_scored_is_asked_for(shop: Path, spark: SparkSession) -> None:
    context = open_shop(spark, shop / "conf", shop / "warehouse")
    with pytest.raises(BadInputError, match=r"2024-10-01 is not scored\. Run jobs/monthly\.py --as-of 2024-10-01"):
        run_monitor(context, dt.date(2024, 10, 1))
