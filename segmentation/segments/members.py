"""Who belongs where: the model's word for every customer of a dimension, and `no_data` for the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering import assign_nearest
from segmentation.clustering.views import Array
from segmentation.core.schemas import NO_DATA, SEGMENTS, UNIFIED
from segmentation.matrix import Preprocessor

KEYS = ("as_of", "run_id")


@dataclass(frozen=True)
class Model:
    """What scoring one dimension needs; `centroids` has one row per cluster_id."""

    preprocessor: Preprocessor
    stages: PipelineModel
    centroids: Array
    segment_ids: tuple[str, ...]
    segment_names: tuple[str, ...]
    version: str

    @property
    def dimension(self) -> str:
        """The dimension it segments."""
        return self.preprocessor.dimension


def segment_ids(dimension: str, trained_as_of: dt.date, revenue_per_customer: Sequence[float]) -> tuple[str, ...]:
    """The identity of each cluster of a first fit: dimension, birthday, and rank by lifetime revenue a customer.

    >>> segment_ids("transactional", dt.date(2018, 1, 1), [10.0, 30.0])
    ('transactional-20180101-2', 'transactional-20180101-1')
    """
    order = sorted(range(len(revenue_per_customer)), key=lambda c: (-revenue_per_customer[c], c))
    return tuple(f"{dimension}-{trained_as_of:%Y%m%d}-{order.index(c) + 1}" for c in range(len(order)))


def segment_rows(dimension: str, model: Model | None, features: DataFrame, has_data: Sequence[str]) -> DataFrame:
    """One row per customer of `features`: the columns of `segments` but as_of and run_id, before rules.

    Without a model (the source has nothing for the dimension) everybody is in no_data. `has_data` are the SQL
    conditions of the five dimensions; the unified coverage is the share of them that hold.
    """
    held = [F.coalesce(F.expr(c), F.lit(False)).cast("int") for c in has_data]
    share = sum(held[1:], held[0]) / F.lit(float(len(held)))
    everyone = features.select("customer_id", share.alias("share"))
    if model is None:
        assigned = features.where("false").select(
            "customer_id", *(F.lit(None).cast(SEGMENTS.column(c).type).alias(c) for c in _MODELLED)
        )
        ids = names = F.lit(None).cast("string")
    else:
        members = features.where(F.expr(model.preprocessor.has_data))
        vectors = model.stages.transform(members)
        assigned = assign_nearest(vectors, model.centroids, list(model.preprocessor.names))
        ids = F.get(F.array(*map(F.lit, model.segment_ids)), F.col("cluster_id"))
        names = F.get(F.array(*map(F.lit, model.segment_names)), F.col("cluster_id"))
    return (
        everyone.join(assigned, on="customer_id", how="left")
        .withColumn("dimension", F.lit(dimension))
        .withColumn("segment_id", F.coalesce(ids, F.lit(NO_DATA)))
        .withColumn("segment_name", F.coalesce(names, F.lit("No data")))
        .withColumn("raw_segment_id", F.col("segment_id"))
        .withColumn(
            "coverage",
            F.col("share") if dimension == UNIFIED else F.col("cluster_id").isNotNull().cast("double"),
        )
        .withColumn("rule_applied", F.lit(None).cast("string"))
        .withColumn("rules_met", F.lit(None).cast("array<string>"))
        .withColumn("model_version", F.lit(model.version if model else None).cast("string"))
        .select(*(c for c in SEGMENTS.names if c not in KEYS))
    )


_MODELLED = ("cluster_id", "distance", "margin", "score", "top_features")
