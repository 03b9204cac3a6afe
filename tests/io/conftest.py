"""An empty warehouse for each test, in a folder whose name is no plain word."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import PROMOTIONS, RUNS
from segmentation.io import RunStore, Warehouse


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    return Warehouse(spark, str(tmp_path / 'Anna\'s "big" shop'))


@pytest.fixture
def store(warehouse: Warehouse) -> RunStore:
    warehouse.create([RUNS, PROMOTIONS])
    return RunStore(warehouse)
