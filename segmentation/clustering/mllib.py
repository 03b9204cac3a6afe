"""Spark MLlib's KMeans: an engine that fits, and the model that is published whichever engine fitted."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.mllib.common import _py2java
from pyspark.mllib.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession

from segmentation.clustering.lloyd import TOLERANCE
from segmentation.clustering.views import Array

FEATURES = "features"
PREDICTION = "cluster_id"


def fit_kmeans(vectors: DataFrame, k: int, seed: int, max_iterations: int) -> tuple[Array, int]:
    """Centroids (k', d) of `features` and the iterations they took; k' < k where there are fewer distinct points.

    MLlib adds up in the order in which tasks end: the last bits can differ from run to run.
    """
    kmeans = KMeans(
        k=k, seed=seed, maxIter=max_iterations, tol=TOLERANCE, featuresCol=FEATURES, predictionCol=PREDICTION
    )  # fmt: skip
    model = kmeans.fit(vectors)
    return np.array(model.clusterCenters(), dtype=np.float64), int(model.summary.numIter)


def adopt(spark: SparkSession, centroids: Array) -> KMeansModel:
    """A real `KMeansModel` of centroids (k, d) found elsewhere: scores `features`, saves, loads in plain PySpark.

    PySpark has no way in for centroids, so the model is built in the JVM. Its summary is empty.
    """
    jvm = spark._jvm
    assert jvm is not None
    vectors = _py2java(spark.sparkContext, [Vectors.dense(c) for c in centroids.tolist()])
    inner = jvm.org.apache.spark.mllib.clustering.KMeansModel(vectors)
    uid = f"KMeans_{sha256(np.ascontiguousarray(centroids).tobytes()).hexdigest()[:12]}"
    model = KMeansModel(jvm.org.apache.spark.ml.clustering.KMeansModel(uid, inner))
    # Left alone it would say that its k is 2.
    return model._set(k=len(centroids), featuresCol=FEATURES, predictionCol=PREDICTION)
