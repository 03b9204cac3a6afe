"""The sample is a matter of the customers' ids alone."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.matrix import hash_sample

IDS = [f"c{i:03d}" for i in range(200)]


def customers(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(c, float(i)) for i, c in enumerate(IDS)], "customer_id string, x double")


def test_the_sample_is_the_k_smallest_hashes_in_order(spark: SparkSession) -> None:
    hashes = customers(spark).select(F.xxhash64("customer_id", F.lit(7)).alias("hash"), "customer_id").collect()
    expected = [customer for _, customer in sorted((r["hash"], r["customer_id"]) for r in hashes)]
    sample = hash_sample(customers(spark), 25, 7)
    assert sample["customer_id"].tolist() == expected[:25]
    assert sample["x"].tolist() == [float(IDS.index(c)) for c in expected[:25]]


def test_the_sample_does_not_depend_on_partitions_or_the_rows_order(spark: SparkSession) -> None:
    everyone = customers(spark)
    samples = [
        hash_sample(rows, 25, 7)
        for rows in (everyone.coalesce(1), everyone.repartition(7), everyone.orderBy(F.desc("x")).repartition(3, "x"))
    ]
    for other in samples[1:]:
        pd.testing.assert_frame_equal(other, samples[0])


def test_another_seed_draws_others(spark: SparkSession) -> None:
    one, other = (set(hash_sample(customers(spark), 25, seed)["customer_id"]) for seed in (7, 8))
    assert len(one) == len(other) == 25
    assert one != other


def test_fewer_customers_than_asked_for_are_all_there(spark: SparkSession) -> None:
    assert sorted(hash_sample(customers(spark), 1000, 7)["customer_id"]) == IDS


def test_decimals_come_as_float_and_null_as_missing(spark: SparkSession) -> None:
    rows = [("a", Decimal("12.30"), 3), ("b", None, None)]
    frame = spark.createDataFrame(rows, "customer_id string, money decimal(18,2), orders int")
    sample = hash_sample(frame, 10, 7).set_index("customer_id")
    assert str(sample["money"].dtype) == "float64"
    assert sample.loc["a"].tolist() == [12.3, 3.0]
    assert sample.loc["b"].isna().all()
