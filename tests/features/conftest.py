"""The features of the small history, built once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from segmentation.features import Registry, build_features, load_registry
from tests.features.data import AS_OF, CUSTOMERS, EVERYTHING, FEEDBACK, INTERACTIONS, LINES, inputs

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture(scope="session")
def everything() -> Registry:
    """conf/features for a source that lacks nothing."""
    return load_registry(CONF, EVERYTHING)


@pytest.fixture(scope="session")
def history(spark: SparkSession, everything: Registry) -> dict[str, Row]:
    """Customer → features as of AS_OF."""
    given = inputs(spark, LINES, INTERACTIONS, FEEDBACK, CUSTOMERS)
    rows = build_features(everything, given, [AS_OF]).collect()
    found = {row["customer_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found
