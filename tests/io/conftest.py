"""An empty warehouse for each test, in a folder whose name is no plain word."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.io import Warehouse


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    return Warehouse(spark, str(tmp_path / 'Anna\'s "big" shop'))
