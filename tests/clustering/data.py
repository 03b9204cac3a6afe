"""Points made up for a test, as vectors of customers."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession

CENTRES = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])


def blobs(seed: int, sizes: tuple[int, ...] = (30, 20, 10)) -> tuple[Any, list[int]]:
    """Three groups ten apart whose members scatter by 1, in shuffled order, and the group of each."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(range(len(sizes)), sizes))
    return CENTRES[truth] + rng.normal(0, 1, (len(truth), 3)), truth.tolist()


def frame(spark: SparkSession, x: Any) -> DataFrame:
    """Row i is customer c<i>, with its point as `features`."""
    rows = [(f"c{i:04d}", [float(v) for v in point]) for i, point in enumerate(np.atleast_2d(x))]
    return spark.createDataFrame(rows, "customer_id string, x array<double>").select(
        "customer_id", array_to_vector("x").alias("features")
    )
