"""An empty warehouse for each test, in a folder whose name is no plain word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.io import Warehouse
from segmentation.io.delta import STORE, VIEWS


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    return Warehouse(spark, str(tmp_path / 'Anna\'s "big" shop'))


@pytest.fixture
def no_names(spark: SparkSession) -> Iterator[None]:
    """The session knows no table of any warehouse, before and after."""
    for _ in range(2):
        for schema in (VIEWS, STORE):
            spark.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        yield
