"""Christmas is not drift: the same month of last year is a second reference."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.pipeline import Context, monitor, run_month, run_replay
from tests.published import published
from tests.shop import configure, line, open_shop, write_sales

SUMMER, CHRISTMAS = dt.date(2024, 8, 1), dt.date(2025, 1, 1)
KINDS = ((14, 8.0), (30, 60.0), (61, 25.0))
"""Days between orders, and what one costs."""
CUSTOMERS = 150


def sales() -> list[dict[str, str]]:
    """Three kinds of customers over two years and more, who all buy every fourth day of a December, and treats."""
    lines = []
    for c in range(CUSTOMERS):
        rng, (every, price) = np.random.default_rng([5, c]), KINDS[c % 3]
        days = np.cumsum(rng.integers(every // 2, every * 3 // 2, 140))
        dates = [dt.date(2022, 10, 1) + dt.timedelta(days=d) for d in days[days < 880].tolist()]
        for year in (2022, 2023, 2024):
            dates += [dt.date(year, 12, 1) + dt.timedelta(days=d) for d in range(int(rng.integers(4)), 31, 4)]
        for i, date in enumerate(dates):
            amount = f"{price * (2 if date.month == 12 else 1) * rng.lognormal(0, 0.2):.2f}"
            lines.append(
                line(f"r{c}-{i}", f"c{c}", str(date), amount, category=str(rng.choice(["bread", "milk", "tea"])))
            )
    return lines


@pytest.mark.long
def test_a_christmas_like_the_last_one_holds_and_would_not_without_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path / "conf", pinned_k={"transactional": 3, "behavioral": 3, "unified": 3})
    source = tmp_path / "conf" / "sources" / "shop.yml"
    guards = {"known_months": {f"{y}-{m}": "the season" for y in (2023, 2024, 2025) for m in ("01", "12")}}
    source.write_text(
        yaml.safe_dump(yaml.safe_load(source.read_text()) | {"received_on": dt.date(2025, 3, 1), "guards": guards})
    )
    # So strong a season would stop the month: no season makes data right, and this one is.
    limits = tmp_path / "conf" / "monitoring.yml"
    rules = yaml.safe_load(limits.read_text())
    for check in rules["checks"].values():
        check.pop("stop", None)
    limits.write_text(yaml.safe_dump(rules))

    def context() -> Context:
        return open_shop(spark, tmp_path / "conf", tmp_path / "warehouse")

    run_month(context(), SUMMER, str(write_sales(tmp_path / "raw", sales())))
    with monkeypatch.context() as m:
        m.setattr(monitor, "features_of_last_year", lambda *_: None)
        alone = run_month(context(), CHRISTMAS)
    assert alone["verdict"] == "refit"
    again = open_shop(spark, tmp_path / "conf", tmp_path / "warehouse", restate=True)
    restated = run_month(again, CHRISTMAS)
    drift = context().runs.get(restated["inputs"]["drift"])
    assert drift["verdict"] in ("stable", "rescored")
    assert restated["verdict"] == drift["verdict"]
    report = published(tmp_path / "warehouse", "drift_report", CHRISTMAS)
    seasonal = report[report["explanation"].str.contains("as in the same month of last year")]
    assert set(seasonal["verdict"]) == {"holds"}
    assert "refit" not in set(report["verdict"])
    assert (seasonal["value"] > seasonal["threshold"]).all()
    assert "members_shift" in set(seasonal["check"])
    # Nobody had made that month: its features were built for the occasion, and a replay finds them again.
    assert context().runs.get(drift["inputs"]["a_year_ago"])["as_of"] == dt.date(2024, 1, 1)
    assert run_replay(context(), CHRISTMAS)["drift_report"] == len(report)
