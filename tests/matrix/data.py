"""Features made up for a test, and what a preprocessor makes of a few rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from segmentation.features import Feature
from segmentation.features.feature import Block
from segmentation.matrix import Preprocessor, fit_preprocessor


def feature(name: str, unit: str = "ratio", **block: Any) -> Feature:
    """A feature that takes part in the fit; `block` are keys of its entry in conf/features."""
    declared = Block(description=name, value=name, unit=unit, fit=True, **block)
    return Feature(name, name, "transactional", None, declared, name, frozenset())


def fit(features: Sequence[Feature], max_correlation: float = 0.9, **columns: Sequence[Any]) -> Preprocessor:
    """Fits on a sample of these columns; has_data is true for everybody."""
    return fit_preprocessor("transactional", "true", features, pd.DataFrame(columns), max_correlation)


def vectors(spark: SparkSession, p: Preprocessor, schema: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """What the stages make of the rows, in their order: (n, d)."""
    frame = spark.createDataFrame([(i, *row) for i, row in enumerate(rows)], f"row int, {schema}")
    scored = p.stages().transform(frame).orderBy("row").collect()
    return np.array([r["features"].toArray() for r in scored])
