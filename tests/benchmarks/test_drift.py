"""The short form of `make bench-drift`: months without drift raise no alarm, and a large drift is seen and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.benchmarks import drift


@pytest.fixture(scope="module")
def of(spark: SparkSession, demo_warehouse: Path) -> drift.Study:
    return drift.study(demo_warehouse, "complete_journey")


def test_windows_watched_beside_the_fit_are_drawn_too(of: drift.Study) -> None:
    then = of.training(of.population)
    rows, _, _ = of.report(then, of.population)
    assert [r.subject for r in rows if r.check == "recent_psi"] == [f.name for f in of.recent]
    assert of.recent


def test_months_drawn_from_the_same_customers_raise_no_alarm(of: drift.Study) -> None:
    found = drift.run(of, "none", trainings=2, months=4, n=of.population.x.shape[1])
    assert (found.months, found.alarms) == (8, 0)
    assert 0.3 < found.upper < 0.32  # 1 − 0.05^(1/8)


@pytest.mark.parametrize("scenario", ["one feature up by 1 deviation", "amounts a hundredfold"])
def test_a_large_drift_is_seen_and_named(of: drift.Study, scenario: str) -> None:
    found = drift.run(of, scenario, trainings=1, months=3, n=of.population.x.shape[1])
    assert (found.alarms, found.named) == (3, 3)
