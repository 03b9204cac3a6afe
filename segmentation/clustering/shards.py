"""Vectors in a fixed order: logical shards by hash of the customer, sorted within, whatever the cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SHARD_SIZE = 4096
Array = npt.NDArray[np.float64]


def shard_vectors(vectors: DataFrame, customers: int) -> DataFrame:
    """Columns shard, customer_id, features (vector) and x (array), persisted; one shard is never split.

    A shard holds about 4,096 customers, so what a task keeps in memory does not grow with the data.
    """
    shards = max(1, math.ceil(customers / SHARD_SIZE))
    return (
        vectors.select(
            F.pmod(F.xxhash64("customer_id"), F.lit(shards)).cast("int").alias("shard"),
            "customer_id", "features", vector_to_array(F.col("features")).alias("x"),
        )
        .repartition(shards, "shard").sortWithinPartitions("shard", "customer_id").persist()
    )  # fmt: skip


def per_shard(sharded: DataFrame, statistics: Callable[[Array], list[Array]]) -> list[list[Array]]:
    """`statistics` of every shard's matrix (n, d), by ascending shard: merged in this order, repeatable to the bit."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, x in _matrices(batches):
            parts = statistics(x)
            yield pa.RecordBatch.from_pydict(
                {
                    "shard": pa.array([shard], pa.int32()),
                    "shapes": pa.array([[list(p.shape) for p in parts]], pa.list_(pa.list_(pa.int64()))),
                    "values": pa.array([np.concatenate([p.ravel() for p in parts])], pa.list_(pa.float64())),
                }
            )

    schema = "shard int, shapes array<array<bigint>>, values array<double>"
    rows = sharded.select("shard", "x").mapInArrow(run, schema).collect()
    return [_unpack(row) for row in sorted(rows, key=lambda r: int(r["shard"]))]


def _matrices(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, Array]]:
    """Whole shards out of Arrow batches that end anywhere."""
    current, pieces = -1, list[Array]()
    for batch in batches:
        shards = batch.column(0).to_numpy(zero_copy_only=False)
        values = batch.column(1)
        x = values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), -1) if len(values) else None
        for shard in dict.fromkeys(shards.tolist()):
            if shard != current and pieces:
                yield current, np.concatenate(pieces)
                pieces = []
            current = shard
            if x is not None:
                pieces.append(x[shards == shard])
    if pieces:
        yield current, np.concatenate(pieces)


def _unpack(row: Any) -> list[Array]:
    values, parts, at = np.asarray(row["values"], dtype=np.float64), list[Array](), 0
    for shape in row["shapes"]:
        size = math.prod(shape)
        parts.append(values[at : at + size].reshape(shape))
        at += size
    return parts
