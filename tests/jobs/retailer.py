"""A whole retailer, as `segmentation synthetic` writes it: every input there is, planted segments and faults."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation import cli
from segmentation.core.schemas import DIMENSIONS
from segmentation.pipeline import run_month
from tests.conftest import CONF
from tests.shop import configure, open_shop

AS_OF = dt.date(2024, 1, 1)


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
