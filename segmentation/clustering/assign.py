"""Every customer's nearest centroid, how clearly it is the nearest, and what decided it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.views import Array

ASSIGNED = (
    "customer_id string, cluster_id int, distance double, margin double, score double, "
    "top_features array<struct<feature:string,z:double>>"
)
TOP = 3


def assign_nearest(vectors: DataFrame, centroids: Array, names: list[str]) -> DataFrame:
    """One row per customer: cluster, distance to its centroid, margin to the next, score 0..100, top features.

    vectors: customer_id and `features`; centroids: (k, d); names: the d slots. Ties go to the lower cluster.
    With one centroid margin is null and score 100. A row's result depends on that row alone.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                x = batch.column(1).flatten().to_numpy(zero_copy_only=False).reshape(batch.num_rows, -1)
                yield _assigned(batch.column(0), x, centroids, names)

    arrays = vectors.select("customer_id", vector_to_array(F.col("features")).alias("x"))
    return arrays.mapInArrow(run, ASSIGNED)


def nearest(x: Array, centroids: Array) -> tuple[np.ndarray, Array]:
    """Each row's nearest centroid and all squared distances (n, k).

    No matrix product: a row's result must not depend on its neighbours.
    """
    squared = np.stack([((x - c) ** 2).sum(axis=1) for c in centroids], axis=1)
    return squared.argmin(axis=1), squared


def explain(x: Array, own: Array, other: Array) -> Array:
    """How much each slot pulls a row to its own centroid and away from the other: (x−other)² − (x−own)², (n, d).

    The row's sum is the difference of the two squared distances.
    """
    return (x - other) ** 2 - (x - own) ** 2


def _assigned(ids: pa.Array, x: Array, centroids: Array, names: list[str]) -> pa.RecordBatch:
    own, squared = nearest(x, centroids)
    rows = np.arange(len(x))
    distance = np.sqrt(squared[rows, own])
    if len(centroids) > 1:
        others = squared.copy()
        others[rows, own] = np.inf
        second = others.argmin(axis=1)
        next_distance = np.sqrt(squared[rows, second])
        margin = next_distance - distance
        with np.errstate(invalid="ignore"):
            score = np.where(next_distance > 0, 100 * margin / next_distance, 0.0)
        margins = pa.array(margin, pa.float64())
        pull = explain(x, centroids[own], centroids[second])
    else:
        margins, score = pa.nulls(len(x), pa.float64()), np.full(len(x), 100.0)
        pull = np.abs(x)
    top = np.argsort(-pull, axis=1, kind="stable")[:, :TOP]
    struct = pa.struct([("feature", pa.string()), ("z", pa.float64())])
    features = [[{"feature": names[j], "z": float(x[i, j])} for j in top[i]] for i in rows]
    return pa.RecordBatch.from_pydict(
        {
            "customer_id": ids.cast(pa.string()), "cluster_id": pa.array(own, pa.int32()),
            "distance": pa.array(distance, pa.float64()), "margin": margins, "score": pa.array(score, pa.float64()),
            "top_features": pa.array(features, pa.list_(struct)),
        }
    )  # fmt: skip
