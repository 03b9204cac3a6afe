"""Who belongs where, and who has no data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS, SEGMENTS, UNIFIED
from segmentation.matrix import Preprocessor, Slot, unify
from segmentation.segments import Model, Rules, segment_ids, segment_rows
from segmentation.segments.rules import Rule
from tests.clustering.data import setting
from tests.clustering.test_measure import BATCH

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
    return Model(p, np.array(centroids)[:, None], ids, names, "v1")


def unified() -> Model:
    """The orders at half their size, 0 without any. Segment u-2 is the cluster at 0, u-1 the one at 5."""
    p = unify(UNIFIED, [model("transactional", "orders > 0").preprocessor], {"transactional": 0.25})
    return Model(p, np.array([[0.0], [5.0]]), ("u-2", "u-1"), ("Few", "Many"), "v1")


def by_customer(rows: DataFrame) -> dict[str, dict[str, Any]]:
    found = {r["customer_id"]: r.asDict() for r in rows.collect()}
    assert len(found) == rows.count()
    return found


def both() -> dict[str, Model]:
    return {"transactional": model("transactional", "orders > 0"), UNIFIED: unified()}


def rows_of(spark: SparkSession, m: Model) -> DataFrame:
    """What segment_rows says in the model's dimension."""
    models = {m.dimension: m} if m.dimension != UNIFIED else both() | {UNIFIED: m}
    return segment_rows(models, features(spark), CONDITIONS).where(F.col("dimension") == m.dimension)


def test_members_get_the_models_word_and_the_others_no_data(spark: SparkSession) -> None:
    """c has no orders, of d they are unknown: neither is in a segment, though both would be nearest to 0."""
    rows = rows_of(spark, model("transactional", "orders > 0"))
    found = by_customer(rows)
    assert list(dict(rows.dtypes).items()) == list(contract().items())
    common = {"dimension": "transactional", "rule_applied": None, "rules_met": None, "model_version": "v1"}
    assert found["a"] == {
        **common, "customer_id": "a", "segment_id": "t-2", "segment_name": "Few", "raw_segment_id": "t-2",
        "cluster_id": 0, "distance": 1.0, "held_distance": None, "margin": 8.0, "score": pytest.approx(100 * 8 / 9),
        "top_features": [("orders", 1.0)], "coverage": 1.0,
    }  # fmt: skip
    assert (found["b"]["segment_id"], found["b"]["cluster_id"], found["b"]["distance"]) == ("t-1", 1, 1.0)
    for customer in "cd":
        assert found[customer] == {
            **common, "customer_id": customer, "segment_id": "no_data", "segment_name": "No data",
            "raw_segment_id": "no_data", "cluster_id": None, "distance": None, "held_distance": None, "margin": None,
            "score": None, "top_features": None, "coverage": 0.0,
        }  # fmt: skip


def test_unified_coverage_is_the_share_of_the_five_dimensions_with_data(spark: SparkSession) -> None:
    """a: orders twice and nps; b: orders twice and many orders; c: nps; d: nothing, where unknown counts as none."""
    found = by_customer(rows_of(spark, unified()))
    assert {c: found[c]["coverage"] for c in "abcd"} == {"a": 0.6, "b": 0.6, "c": 0.2, "d": 0.0}
    # Where there are no orders the block counts 0.
    assert {c: found[c]["segment_id"] for c in "abcd"} == {"a": "u-2", "b": "u-1", "c": "u-2", "d": "u-2"}
    assert {c: found[c]["distance"] for c in "abcd"} == {"a": 0.5, "b": 0.5, "c": 0.0, "d": 0.0}
    assert found["b"]["top_features"] == [("transactional.orders", 5.5)]
    # c and d are where both blocks' centroids are the same to them but one.
    assert {c: len(found[c]["top_features"]) for c in "acd"} == {"a": 1, "c": 1, "d": 1}


def test_without_a_model_everybody_is_in_no_data(spark: SparkSession) -> None:
    rows = segment_rows({}, features(spark), CONDITIONS).where("dimension = 'demographics'")
    assert list(dict(rows.dtypes).items()) == list(contract().items())
    found = by_customer(rows)
    assert {(r["segment_id"], r["cluster_id"], r["coverage"], r["model_version"]) for r in found.values()} == {
        ("no_data", None, 0.0, None)
    }
    assert sorted(found) == ["a", "b", "c", "d"]


def test_one_centroid_is_one_segment_for_all_with_data(spark: SparkSession) -> None:
    only = model("transactional", "orders > 0", [0.0])
    found = by_customer(rows_of(spark, only))
    assert {c: (found[c]["segment_id"], found[c]["margin"], found[c]["score"]) for c in "abc"} == {
        "a": ("t-2", None, 100.0), "b": ("t-2", None, 100.0), "c": ("no_data", None, None),
    }  # fmt: skip


def test_an_identity_is_the_rank_by_revenue_and_ties_keep_the_clusters_order() -> None:
    ids = segment_ids("behavioral", dt.date(2018, 1, 1), [5.0, 20.0, 5.0, -3.0])
    assert ids == (
        "behavioral-20180101-2", "behavioral-20180101-1", "behavioral-20180101-3", "behavioral-20180101-4",
    )  # fmt: skip


def test_all_dimensions_come_out_and_a_row_alone_gets_what_it_gets_among_others(
    spark: SparkSession,
) -> None:
    models = both()
    together = segment_rows(models, features(spark), CONDITIONS, RULES).orderBy("dimension", "customer_id").collect()
    assert [(r["dimension"], r["customer_id"]) for r in together] == [
        (d, c) for d in sorted(ALL_DIMENSIONS) for c in "abcd"
    ]
    with setting(spark, BATCH, "1"):
        alone = segment_rows(models, features(spark), CONDITIONS, RULES).orderBy("dimension", "customer_id").collect()
    assert alone == together


def test_spark_mls_own_pipeline_says_the_same(spark: SparkSession) -> None:
    for m in (model("transactional", "orders > 0"), unified()):
        members = features(spark).where(m.preprocessor.has_data)
        theirs = {r["customer_id"]: r["cluster_id"] for r in m.pipeline(spark).transform(members).collect()}
        ours = {c: r["cluster_id"] for c, r in by_customer(rows_of(spark, m)).items() if r["cluster_id"] is not None}
        assert ours == theirs
        assert len(set(ours.values())) == 2
    assert len(model("transactional", "true", [0.0]).pipeline(spark).stages) == 2  # nothing to predict


RULES = Rules(
    rules=[
        Rule(name="never_bought", segment_name="Never bought", when="orders = 0", reason="-"),
        Rule(name="satisfied", segment_name="Satisfied", when="nps > 6", reason="-"),
    ]
)


def test_in_the_unified_dimension_the_first_rule_wins_and_the_models_word_is_kept(spark: SparkSession) -> None:
    """a is satisfied; c never bought, and is satisfied too; of d nothing is known, and null matches nothing."""
    models = both()
    found = segment_rows(models, features(spark), CONDITIONS, RULES)
    ruled = by_customer(found.where(F.col("dimension") == UNIFIED))
    columns = ("segment_id", "segment_name", "raw_segment_id", "rule_applied", "rules_met")
    assert {c: tuple(ruled[c][name] for name in columns) for c in "abcd"} == {
        "a": ("rule-satisfied", "Satisfied", "u-2", "satisfied", ["satisfied"]),
        "b": ("u-1", "Many", "u-1", None, None),
        "c": ("rule-never_bought", "Never bought", "u-2", "never_bought", ["never_bought", "satisfied"]),
        "d": ("u-2", "Few", "u-2", None, None),
    }  # fmt: skip
    others = found.where(F.col("dimension") != UNIFIED)
    assert others.where("rule_applied IS NOT NULL OR rules_met IS NOT NULL").count() == 0
    plain = segment_rows(models, features(spark), CONDITIONS).where(F.col("dimension") != UNIFIED)
    assert sorted(others.collect()) == sorted(plain.collect())


BEFORE = "customer_id string, dimension string, segment_id string, raw_segment_id string, rule_applied string"


def test_who_is_not_clearly_elsewhere_stays_where_the_month_before_had_him(spark: SparkSession) -> None:
    """Clusters at 0 (t-2) and 10 (t-1). 5.2 is nearer to t-1 by (5.2 − 4.8)/5.2 = 7.7 %, 9 by 88.9 %."""
    customers = spark.createDataFrame(
        [(c, x, None) for c, x in (("near", 5.2), ("far", 9.0), ("twice", 5.2), ("ruled", 5.2), ("gone", 5.2),
                                   ("new", 5.2), ("home", 0.0), ("quiet", 0.0))],
        "customer_id string, orders double, nps double",
    )  # fmt: skip
    then = [
        ("near", "t-2", "t-2", None), ("far", "t-2", "t-2", None), ("twice", "t-2", "t-1", None),
        ("ruled", "rule-x", "t-2", "x"), ("gone", "t-9", "t-9", None), ("home", "t-2", "t-2", None),
        ("quiet", "t-1", "t-1", None),
    ]  # fmt: skip
    before = spark.createDataFrame([(c, "transactional", *rest) for c, *rest in then], BEFORE)
    m = {"transactional": model("transactional", "orders > 0")}
    rows = segment_rows(m, customers, CONDITIONS, before=before, min_score=8)
    found = by_customer(rows.where("dimension = 'transactional'"))
    assert {c: (r["segment_id"], r["segment_name"], r["raw_segment_id"]) for c, r in found.items()} == {
        "near": ("t-2", "Few", "t-1"), "far": ("t-1", "Many", "t-1"), "twice": ("t-1", "Many", "t-1"),
        "ruled": ("t-2", "Few", "t-1"), "gone": ("t-1", "Many", "t-1"), "new": ("t-1", "Many", "t-1"),
        "home": ("no_data", "No data", "no_data"), "quiet": ("no_data", "No data", "no_data"),
    }  # fmt: skip
    away = {c: r["held_distance"] for c, r in found.items() if r["held_distance"] is not None}
    assert away == {"near": pytest.approx(5.2), "ruled": pytest.approx(5.2)}
    # The model's own figures are about the nearest centroid, whoever stays.
    assert (found["near"]["cluster_id"], found["near"]["distance"]) == (1, pytest.approx(4.8))
    less = by_customer(
        segment_rows(m, customers, CONDITIONS, before=before, min_score=7).where(
            "customer_id = 'near' AND dimension = 'transactional'"
        )
    )
    assert less["near"]["segment_id"] == "t-1"


def test_each_dimension_is_held_by_its_own_segments_of_the_month_before(spark: SparkSession) -> None:
    """Two dimensions and the unified layer at the same place, 5.2 of 0..10, or half of it: who was where differs."""
    customers = spark.createDataFrame([(c, 5.2, None) for c in "abcd"], "customer_id string, orders double, nps double")
    m = both() | {"psychographic": replace(model("psychographic", "orders > 0"), segment_ids=("p-2", "p-1"))}
    held = {  # t-2, p-2 and u-2 are the farther ones, by less than it takes to leave
        "a": ("t-2", "p-1", "u-1"), "b": ("t-1", "p-2", "u-1"),
        "c": ("t-1", "p-1", "u-2"), "d": ("t-2", "p-2", "rule-x"),
    }  # fmt: skip
    before = spark.createDataFrame(
        [
            (c, d, s, "u-2" if s == "rule-x" else s, "x" if s == "rule-x" else None)
            for c, of in held.items()
            for d, s in zip(("transactional", "psychographic", UNIFIED), of, strict=True)
        ]
        + [("a", "behavioral", "b-2", "b-2", None)],
        BEFORE,
    )
    rows = segment_rows(m, customers, CONDITIONS, before=before, min_score=8).collect()
    found = {(r["customer_id"], r["dimension"]): r["segment_id"] for r in rows}
    said = {c: tuple(found[c, d] for d in ("transactional", "psychographic", UNIFIED)) for c in "abcd"}
    assert said == held | {"d": ("t-2", "p-2", "u-2")}
    assert {found[c, "behavioral"] for c in "abcd"} == {"no_data"}
    nobody = segment_rows({}, customers, CONDITIONS, before=before, min_score=8)
    assert {r["segment_id"] for r in nobody.collect()} == {"no_data"}


def test_nobody_at_all_gives_no_rows(spark: SparkSession) -> None:
    models = both()
    rows = segment_rows(models, features(spark).where("false"), CONDITIONS, RULES)
    assert rows.count() == 0
    nobody = segment_rows(models, features(spark).where("orders IS NULL"), CONDITIONS, RULES)
    assert {r["dimension"]: r["segment_id"] for r in nobody.collect()} == dict.fromkeys(DIMENSIONS, "no_data") | {
        UNIFIED: "u-2"
    }
