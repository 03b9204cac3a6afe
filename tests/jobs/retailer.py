"""A whole retailer, as `segmentation synthetic` writes it: every input there is, planted segments and faults."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation import cli
from segmentation.core.schemas import DIMENSIONS
from segmentation.pipeline import refresh_aggregates, run_month, run_reports
from tests.conftest import CONF
from tests.shop import configure, open_shop

AS_OF, NEXT = dt.date(2024, 1, 1), dt.date(2024, 2, 1)


def begin(spark: SparkSession, folder: Path) -> Path:
    """raw/ and truth/, conf/, and the warehouse of one month."""
    with pytest.MonkeyPatch.context() as m:
        m.setattr(sys, "argv", ["segmentation", "synthetic", "--out", str(folder), "--customers", "900",
                                "--lines", "60000", "--seed", "7"])  # fmt: skip
        cli.main()
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    config = configure(folder / "conf", mapping, DIMENSIONS, few=False, k_min=2, k_max=8)
    run_month(open_shop(spark, config, folder / "warehouse"), AS_OF, str(folder / "raw"))
    return folder


def a_month_later(spark: SparkSession, first: Path, folder: Path) -> Path:
    """A copy with the month after it, its reports, and the aggregates that everyone may see."""
    shutil.copytree(first, folder, dirs_exist_ok=True)
    context = open_shop(spark, folder / "conf", folder / "warehouse")
    run_reports(context, run_month(context, NEXT))
    refresh_aggregates(context)
    return folder
