"""The drift report inside the month: it holds, it stops before anything is published, it calls for new segments."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pyspark.sql import Row, SparkSession

from segmentation.core.errors import BadInputError, StopError
from segmentation.pipeline import Context, run_ingest, run_monitor, run_month
from tests.conftest import submit
from tests.published import published, table
from tests.shop import configure, line, open_shop, write_sales

JULY, AUGUST, SEPTEMBER = dt.date(2024, 7, 1), dt.date(2024, 8, 1), dt.date(2024, 9, 1)
KINDS = ((14, 8.0), (30, 60.0), (61, 25.0))
"""Days between orders, and what one costs."""
CUSTOMERS = 90
PINNED = {"transactional": 3, "behavioral": 3, "unified": 3}
CHECKS = {
    "feature_psi", "missing_share", "segment_share", "members_shift", "centroid_shift", "outside_share",
    "silhouette_loss",
}  # fmt: skip


def sales() -> list[dict[str, str]]:
    """Three kinds of customers who go on as they are, each by chance, from June 2023 to August 2024."""
    lines = []
    for c in range(CUSTOMERS):
        rng, (every, price) = np.random.default_rng([3, c]), KINDS[c % 3]
        days = np.cumsum(rng.integers(every // 2, every * 3 // 2, 60))
        for i, day in enumerate(days[days < 458].tolist()):
            date = dt.date(2023, 6, 1) + dt.timedelta(days=day)
            amount, category = (
                f"{price * rng.lognormal(0, 0.2):.2f}",
                str(rng.choice(["bread", "milk", "tea", "fruit"])),
            )
            lines.append(line(f"r{c}-{i}", f"c{c}", str(date), amount, category=category))
    return lines


class Shop:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.warehouse = spark, folder, folder / "warehouse"

    def context(self, **kwargs: bool) -> Context:
        return open_shop(self.spark, self.folder / "conf", self.warehouse, **kwargs)

    def set(self, file: str, **values: object) -> None:
        path = self.folder / "conf" / file
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))

    def runs(self, job: str, as_of: dt.date) -> list[Row]:
        runs = table(self.warehouse, "runs").sort_values("publish_seq")
        found: list[Row] = list(runs[(runs["job"] == job) & (runs["as_of"] == as_of)].itertuples())
        return found

    def shares(self, as_of: dt.date) -> pd.Series:
        """Of each unified segment, counted by another reader."""
        rows = published(self.warehouse, "segments", as_of)
        return rows[rows["dimension"] == "unified"].groupby("raw_segment_id").size() / CUSTOMERS


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A champion of July that has scored July; August goes on as before, and its last days came in cents."""
    found = Shop(spark, tmp_path_factory.mktemp("monitor"))
    configure(found.folder / "conf", pinned_k=PINNED)
    known = {"known_months": {"2024-08": "the guard at staging would refuse it"}}
    before = [r for r in sales() if r["sold_at"] < "2024-08-01"]
    after = [r | {"amount": f"{float(r['amount']) * 100:.2f}"} for r in sales() if r["sold_at"] >= "2024-08-01"]
    found.set("sources/shop.yml", received_on=AUGUST, guards=known)
    run_month(found.context(), JULY, str(write_sales(found.folder / "before", before)))
    found.set("sources/shop.yml", received_on=SEPTEMBER)
    run_ingest(found.context(), str(write_sales(found.folder / "after", after)))
    return found


def test_against_itself_nothing_has_moved_and_it_is_published_once(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    [scored] = shop.runs("monthly", JULY)
    assert scored.verdict == "refit"
    assert shop.runs("monitor_drift", JULY) == []  # fitted on these very customers
    run = run_monitor(shop.context(), JULY)
    assert run["verdict"] == "stable"
    assert "figures has moved by more than chance" in run["reason"]
    assert "verdict                 stable: none of" in capsys.readouterr().out
    report = published(shop.warehouse, "drift_report", JULY)
    assert set(report["check"]) == CHECKS
    assert set(report["verdict"]) <= {"holds", "too few"}
    assert report["value"].max() < 0.02
    assert run_monitor(shop.context(), JULY)["run_id"] == run["run_id"]


def test_a_month_like_those_before_is_published_with_its_verdict(shop: Shop) -> None:
    run = run_month(shop.context(), AUGUST)
    [drift] = shop.runs("monitor_drift", AUGUST)
    assert (run["verdict"], run["reason"]) == (drift.verdict, drift.reason)
    assert run["verdict"] in ("stable", "rescored")
    assert dict(run["inputs"])["drift"] == drift.run_id
    report = published(shop.warehouse, "drift_report", AUGUST)
    of_segments = report[(report["check"] == "segment_share") & (report["dimension"] == "unified")].set_index("subject")
    then, now = shop.shares(JULY), shop.shares(AUGUST)
    assert set(of_segments.index) == set(then.index)
    for segment, value in of_segments["value"].items():
        assert value == pytest.approx(abs(now.get(segment, 0.0) - then[segment]))
    # The job by itself finds what the month has published.
    assert run_monitor(shop.context(), AUGUST)["run_id"] == drift.run_id


def test_a_hundredfold_error_stops_the_month_and_names_the_money(shop: Shop) -> None:
    done = submit(
        "monthly", "--config", str(shop.folder / "conf"), "--source", "shop", "--as-of", str(SEPTEMBER),
        "--warehouse", str(shop.warehouse), fast=True,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert f"error: {SEPTEMBER} is not published: " in said
    assert "_365d: feature_psi" in said
    assert "raise `stop` in conf/monitoring.yml" in said
    with pytest.raises(StopError, match=f"{SEPTEMBER} is not published"):  # it is not measured again
        run_month(shop.context(), SEPTEMBER)
    assert shop.runs("monthly", SEPTEMBER) == []
    [drift] = shop.runs("monitor_drift", SEPTEMBER)
    assert drift.verdict == "stop"
    report = published(shop.warehouse, "drift_report", SEPTEMBER)
    stops = set(report.loc[report["verdict"] == "stop", "subject"])
    assert "average_order_value_365d" in stops
    assert not {s for s in stops if s.startswith("orders")}


def test_drift_that_is_accepted_calls_for_a_challenger_that_takes_over_from_the_next_date(shop: Shop) -> None:
    """The same month once nothing may stop it, with a gate that is closed and with one that is open."""
    checks = yaml.safe_load((shop.folder / "conf" / "monitoring.yml").read_text())["checks"]
    shop.set("monitoring.yml", checks={c: {k: v for k, v in at.items() if k != "stop"} for c, at in checks.items()})
    shop.set("promotion.yml", min_share=0.4)
    champion = published(shop.warehouse, "segments", AUGUST)["model_version"].dropna().unique().tolist()
    refused = run_month(shop.context(), SEPTEMBER)
    assert refused["verdict"] == "rescored"
    assert "The gate refused" in refused["reason"]
    assert "smallest segment" in refused["reason"]
    scores = published(shop.warehouse, "segments", SEPTEMBER)
    assert scores["model_version"].dropna().unique().tolist() == champion
    theirs = published(shop.warehouse, "segments_challenger", SEPTEMBER)
    [challenger] = theirs["model_version"].dropna().unique()
    assert [challenger] != champion
    assert len(theirs) == len(scores)
    assert challenger in refused["reason"]
    assert challenger not in set(table(shop.warehouse, "promotions")["model_version"])

    shop.set("promotion.yml", max_silhouette_loss=2.0, min_stability=0.0, min_share=0.0)
    passed = run_month(shop.context(restate=True), SEPTEMBER)
    assert passed["verdict"] == "refit"
    assert "takes over" in passed["reason"]
    assert published(shop.warehouse, "segments", SEPTEMBER)["model_version"].dropna().unique().tolist() == champion
    promotions = table(shop.warehouse, "promotions").sort_values("seq")
    assert promotions["effective_from_as_of"].tolist()[-1] == SEPTEMBER + dt.timedelta(days=1)
    assert promotions["model_version"].tolist()[-1] in passed["reason"]
    # A run that died before the promotion makes up for it: started again, it finds both done.
    assert run_month(shop.context(), SEPTEMBER)["run_id"] == passed["run_id"]
    assert len(table(shop.warehouse, "promotions")) == len(promotions)


def test_a_month_that_is_not_there_is_asked_for(shop: Shop) -> None:
    with pytest.raises(BadInputError, match=r"2024-10-01 has no features or no models\. Run jobs/monthly\.py --as-of"):
        run_monitor(shop.context(), dt.date(2024, 10, 1))
