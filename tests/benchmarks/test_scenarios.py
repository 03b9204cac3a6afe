"""The short form of `make bench-scenarios`: every scenario has its case, and what a row says of its months."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.datasets.synthetic.scenarios import SCENARIOS
from tests.benchmarks.scenarios import CASES, HOLDS, MOVED, REFUSED, Case, Month, made, row


def test_every_scenario_of_the_generator_is_a_case_and_twenty_months_have_no_drift() -> None:
    assert {case.scenario for case in CASES} == set(SCENARIOS)
    assert sum(len(case.months) for case in CASES if case.scenario == "none") == 20


def test_a_row_counts_what_was_expected_and_whether_the_cause_is_named_first() -> None:
    months = [
        Month("2023-02-01", "stable", "nothing has moved"),
        Month("2023-03-01", "rescored", "transactional, net_revenue_90d: feature_psi 0.2; behavioral, orders_90d: …"),
        Month("2023-04-01", "refit", "behavioral, orders_90d: feature_psi 0.3; transactional, net_revenue_90d: …"),
    ]
    found = row(Case("slow_creep", (), MOVED, ("revenue",)), months)
    assert found == (
        "| slow_creep, seed 7 | 3 | refit 1, rescored 1, stable 1 | 2 of 3 | 1 of 2 "
        "| 2023-03-01: transactional, net_revenue_90d: feature_psi 0.2 |"
    )
    assert row(Case("none", (), HOLDS), months[:1]).endswith("| stable 1 | 1 of 1 | – | – |")


@pytest.mark.long
def test_files_with_a_currency_error_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    [month] = made(Case("currency_error", (), REFUSED), 300, tmp_path)
    assert month.verdict == "refused"
    assert "transactions: the median line of 2023-12 is" in month.reason
