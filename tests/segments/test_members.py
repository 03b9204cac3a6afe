"""Who belongs where, and who has no data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from segmentation.core.schemas import SEGMENTS, UNIFIED
from segmentation.matrix import Preprocessor, Slot
from segmentation.segments import Model, segment_ids, segment_rows

CONDITIONS = ["orders > 0", "orders > 0", "orders > 5", "nps IS NOT NULL", "false"]


def features(spark: SparkSession) -> DataFrame:
    rows = [("a", 1, 7.0), ("b", 11, None), ("c", 0, 7.0), ("d", None, None)]
    return spark.createDataFrame(rows, "customer_id string, orders int, nps double")


def contract() -> dict[str, str]:
    """The columns of `segments` that a room fills, with their types."""
    return {
        f.name: f.dataType.simpleString() for f in StructType.fromDDL(SEGMENTS.ddl) if f.name not in ("as_of", "run_id")
    }


def model(dimension: str, has_data: str, centroids: Sequence[float] = (0.0, 10.0)) -> Model:
    """Vector: the orders. Segment t-2 is the cluster at 0, t-1 the one at 10."""
    slot = Slot("orders", "orders", "CAST(coalesce(orders, 0) AS DOUBLE)")
    p = Preprocessor(dimension, has_data, (slot,), (), 1.0, 4)
    ids, names = ("t-2", "t-1")[: len(centroids)], ("Few", "Many")[: len(centroids)]
    return Model(p, p.stages(), np.array(centroids)[:, None], ids, names, "v1")


def by_customer(rows: DataFrame) -> dict[str, dict[str, Any]]:
    found = {r["customer_id"]: r.asDict() for r in rows.collect()}
    assert len(found) == rows.count()
    return found


def test_members_get_the_models_word_and_the_others_no_data(spark: SparkSession) -> None:
    """c has no orders, of d they are unknown: neither is in a segment, though both would be nearest to 0."""
    rows = segment_rows("transactional", model("transactional", "orders > 0"), features(spark), CONDITIONS)
    found = by_customer(rows)
    assert list(dict(rows.dtypes).items()) == list(contract().items())
    common = {"dimension": "transactional", "rule_applied": None, "rules_met": None, "model_version": "v1"}
    assert found["a"] == {
        **common, "customer_id": "a", "segment_id": "t-2", "segment_name": "Few", "raw_segment_id": "t-2",
        "cluster_id": 0, "distance": 1.0, "margin": 8.0, "score": pytest.approx(100 * 8 / 9),
        "top_features": [("orders", 1.0)], "coverage": 1.0,
    }  # fmt: skip
    assert (found["b"]["segment_id"], found["b"]["cluster_id"], found["b"]["distance"]) == ("t-1", 1, 1.0)
    for customer in "cd":
        assert found[customer] == {
            **common, "customer_id": customer, "segment_id": "no_data", "segment_name": "No data",
            "raw_segment_id": "no_data", "cluster_id": None, "distance": None, "margin": None, "score": None,
            "top_features": None, "coverage": 0.0,
        }  # fmt: skip


def test_unified_coverage_is_the_share_of_the_five_dimensions_with_data(spark: SparkSession) -> None:
    """a: orders twice and nps; b: orders twice and many orders; c: nps; d: nothing, where unknown counts as none."""
    found = by_customer(segment_rows(UNIFIED, model(UNIFIED, "true"), features(spark), CONDITIONS))
    assert {c: found[c]["coverage"] for c in "abcd"} == {"a": 0.6, "b": 0.6, "c": 0.2, "d": 0.0}
    assert {c: found[c]["segment_id"] for c in "abcd"} == {"a": "t-2", "b": "t-1", "c": "t-2", "d": "t-2"}


def test_without_a_model_everybody_is_in_no_data(spark: SparkSession) -> None:
    rows = segment_rows("demographics", None, features(spark), CONDITIONS)
    assert list(dict(rows.dtypes).items()) == list(contract().items())
    found = by_customer(rows)
    assert {(r["segment_id"], r["cluster_id"], r["coverage"], r["model_version"]) for r in found.values()} == {
        ("no_data", None, 0.0, None)
    }
    assert sorted(found) == ["a", "b", "c", "d"]


def test_one_centroid_is_one_segment_for_all_with_data(spark: SparkSession) -> None:
    only = model("transactional", "orders > 0", [0.0])
    found = by_customer(segment_rows("transactional", only, features(spark), CONDITIONS))
    assert {c: (found[c]["segment_id"], found[c]["margin"], found[c]["score"]) for c in "abc"} == {
        "a": ("t-2", None, 100.0), "b": ("t-2", None, 100.0), "c": ("no_data", None, None),
    }  # fmt: skip


def test_an_identity_is_the_rank_by_revenue_and_ties_keep_the_clusters_order() -> None:
    ids = segment_ids("behavioral", dt.date(2018, 1, 1), [5.0, 20.0, 5.0, -3.0])
    assert ids == (
        "behavioral-20180101-2", "behavioral-20180101-1", "behavioral-20180101-3", "behavioral-20180101-4",
    )  # fmt: skip
