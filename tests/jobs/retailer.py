"""A whole retailer, as `segmentation synthetic` writes it: every input there is, planted segments and faults."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation import cli
from segmentation.core.schemas import DIMENSIONS
from segmentation.pipeline import refresh_aggregates, run_month, run_months, run_reports
from tests.conftest import CONF
from tests.shop import configure, open_shop

NEWCOMERS = {
    "name": "newcomer",
    "when": "customer_lifetime_months < 12",
    "reason": "Has bought for less than a year, and not shown yet what kind of customer it is",
}
BEFORE, AS_OF = dt.date(2023, 12, 1), dt.date(2024, 1, 1)


def write(folder: Path) -> Path:
    """raw/, truth/ and conf/."""
    with pytest.MonkeyPatch.context() as m:
        m.setattr(sys, "argv", ["segmentation", "synthetic", "--out", str(folder), "--customers", "1200",
                                "--lines", "60000", "--seed", "7"])  # fmt: skip
        cli.main()
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    configure(folder / "conf", mapping, DIMENSIONS, few=False, k_min=2, k_max=8)
    population = folder / "conf" / "population.yml"
    exclusions = yaml.safe_load(population.read_text())["exclusions"]
    population.write_text(yaml.safe_dump({"exclusions": [*exclusions, NEWCOMERS]}, sort_keys=False))
    return folder


def one_month(spark: SparkSession, folder: Path) -> Path:
    """And the warehouse of AS_OF."""
    write(folder)
    run_month(open_shop(spark, folder / "conf", folder / "warehouse"), AS_OF, str(folder / "raw"))
    return folder


def two_months(spark: SparkSession, folder: Path) -> Path:
    """And that of BEFORE and AS_OF, with reports and the aggregates that everyone may see."""
    write(folder)
    context = open_shop(spark, folder / "conf", folder / "warehouse")
    for run in run_months(context, [BEFORE, AS_OF], str(folder / "raw")):
        run_reports(context, run)
    refresh_aggregates(context)
    return folder
