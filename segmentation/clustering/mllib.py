"""Spark MLlib's KMeans: the engine that fits, and the model that is published."""

from __future__ import annotations

import numpy as np
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame

from segmentation.clustering.shards import Array

TOLERANCE = 1e-3  # a centroid that moved less than a thousandth of a standard deviation stands still


def fit_kmeans(sharded: DataFrame, k: int, seed: int, max_iterations: int) -> tuple[KMeansModel, Array, int]:
    """The model, its centroids (k', d) and the iterations it took; k' < k where there are fewer distinct points.

    On one shard the result is the same to the bit; over several, MLlib adds up in the order of arrival.
    """
    kmeans = KMeans(
        k=k,
        seed=seed,
        maxIter=max_iterations,
        tol=TOLERANCE,
        featuresCol="features",
        predictionCol="cluster_id",
    )
    model = kmeans.fit(sharded)
    return model, np.array(model.clusterCenters(), dtype=np.float64), model.summary.numIter
