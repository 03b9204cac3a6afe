"""Points made up for a test, as vectors of customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.views import View
from segmentation.matrix import Preprocessor, Slot

CENTRES = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])


def blobs(seed: int, sizes: tuple[int, ...] = (30, 20, 10)) -> tuple[Any, list[int]]:
    """Three groups ten apart whose members scatter by 1, in shuffled order, and the group of each; exact in float32."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(range(len(sizes)), sizes))
    x = CENTRES[truth] + rng.normal(0, 1, (len(truth), 3))
    return x.astype(np.float32).astype(float), truth.tolist()


def frame(spark: SparkSession, x: Any) -> DataFrame:
    """Row i is customer c<i>, with its point as `features` and as columns x0, x1, …"""
    rows = [(f"c{i:04d}", [float(v) for v in point]) for i, point in enumerate(np.atleast_2d(x))]
    d = len(rows[0][1])
    return spark.createDataFrame(rows, "customer_id string, x array<double>").select(
        "customer_id", array_to_vector("x").alias("features"), *(F.col("x")[i].alias(f"x{i}") for i in range(d))
    )


def width(vectors: DataFrame) -> int:
    return len(vectors.columns) - 2


def as_they_are(dimension: str, columns: range, has_data: str = "true", variance: float = 1.0) -> Preprocessor:
    """A preprocessor that takes columns x<i> as they are."""
    slots = tuple(Slot(f"x{i}", f"x{i}", f"`x{i}`") for i in columns)
    return Preprocessor(dimension, has_data, slots, (), variance, 0)


@contextmanager
def packed(vectors: DataFrame, customers: int) -> Iterator[Blocks]:
    """Blocks with one view of everything."""
    d = width(vectors)
    columns = [F.col(f"x{i}") for i in range(d)]
    blocks = pack(vectors, columns, [], [View("all", tuple(range(d)))], customers)
    try:
        yield blocks
    finally:
        blocks.release()


@contextmanager
def setting(spark: SparkSession, key: str, value: str) -> Iterator[None]:
    before = spark.conf.get(key)
    spark.conf.set(key, value)
    try:
        yield
    finally:
        spark.conf.set(key, before)
