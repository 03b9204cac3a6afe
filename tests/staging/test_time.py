"""Instants become local days, and a time without a zone is what the store's clock showed."""

from __future__ import annotations

import datetime as dt

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.schemas import STG_INTERACTIONS
from tests.staging.data import COLUMNS, part, shop, stage, table, verdicts

# In New York clocks went from 02:00 EST (UTC−5) to 03:00 EDT (UTC−4) on 12 March 2017, and back at 02:00 EDT on
# 5 November. Instant → (local day, local hour).
INSTANTS = (
    ("2017-03-12T04:59:59Z", "2017-03-11", 23),
    ("2017-03-12T05:00:00Z", "2017-03-12", 0),
    ("2017-03-12T06:59:59Z", "2017-03-12", 1),
    ("2017-03-12T07:00:00Z", "2017-03-12", 3),
    ("2017-03-13T03:59:59Z", "2017-03-12", 23),
    ("2017-03-13T04:00:00Z", "2017-03-13", 0),
    ("2017-11-05T03:59:59Z", "2017-11-04", 23),
    ("2017-11-05T04:00:00Z", "2017-11-05", 0),
    ("2017-11-05T05:30:00Z", "2017-11-05", 1),
    ("2017-11-05T06:30:00Z", "2017-11-05", 1),
    ("2017-11-06T04:59:59Z", "2017-11-05", 23),
    ("2017-11-06T05:00:00Z", "2017-11-06", 0),
)
# What a clock in New York showed → the instant.
WALL_CLOCK = (
    ("2017-03-11 23:59:59", "2017-03-12T04:59:59Z"),
    ("2017-03-12 00:00:00", "2017-03-12T05:00:00Z"),
    ("2017-03-12 01:59:59", "2017-03-12T06:59:59Z"),
    ("2017-03-12 02:30:00", "2017-03-12T07:30:00Z"),  # a clock that skipped shows 03:30
    ("2017-03-12 03:00:00", "2017-03-12T07:00:00Z"),
    ("2017-11-05 00:00:00", "2017-11-05T04:00:00Z"),
    ("2017-11-05 01:30:00", "2017-11-05T05:30:00Z"),  # shown twice; the first
    ("2017-11-05 02:00:00", "2017-11-05T07:00:00Z"),
    ("2017-11-05 23:59:59", "2017-11-06T04:59:59Z"),
    ("2017-12-31 23:59:59", "2018-01-01T04:59:59Z"),
)


def receipts(spark: SparkSession, times: list[str], cast: str) -> DataFrame:
    """One receipt per time, named by it; `at` as the type a file may have."""
    raw = table(spark, "receipt string, customer string, net string", *((t, "c1", "1.00") for t in times))
    return raw.withColumn("at", F.col("receipt").cast(cast))


def staged(spark: SparkSession, times: list[str], cast: str) -> DataFrame:
    """receipt, instant, local day and hour of what was accepted."""
    mapping = {c: COLUMNS[c] for c in ("transaction_id", "customer_id", "transaction_ts")} | {"net_amount": "net"}
    source = shop(transactions=[part(mapping)])
    cleaned = stage(source, receipts(spark, times, cast))
    return cleaned.accepted.select("transaction_id", "transaction_ts", "event_date", "local_hour").orderBy(
        "transaction_id"
    )


@pytest.mark.parametrize("cast", ["timestamp", "string"])
def test_an_instant_falls_on_the_day_of_the_stores_time_zone(spark: SparkSession, cast: str) -> None:
    expected = table(spark, "at string, day string, local_hour int", *sorted(INSTANTS))
    assert_df_equality(
        staged(spark, [at for at, _, _ in INSTANTS], cast),
        expected.select(
            F.col("at").alias("transaction_id"),
            F.col("at").cast("timestamp").alias("transaction_ts"),
            F.col("day").cast("date").alias("event_date"),
            "local_hour",
        ),
        ignore_nullable=True,
    )


@pytest.mark.parametrize("cast", ["timestamp_ntz", "string"])
def test_a_time_without_a_zone_is_what_the_stores_clock_showed(spark: SparkSession, cast: str) -> None:
    expected = table(spark, "shown string, at string", *WALL_CLOCK)
    skipped = F.col("shown") == "2017-03-12 02:30:00"
    assert_df_equality(
        staged(spark, [shown for shown, _ in WALL_CLOCK], cast),
        expected.select(
            F.col("shown").alias("transaction_id"),
            F.col("at").cast("timestamp").alias("transaction_ts"),
            F.substring("shown", 1, 10).cast("date").alias("event_date"),
            F.when(skipped, 3).otherwise(F.substring("shown", 12, 2).cast("int")).alias("local_hour"),
        ),
        ignore_nullable=True,
    )


def test_text_with_a_zone_of_its_own_is_an_instant(spark: SparkSession) -> None:
    times = (
        ("2017-06-01 23:00:00-04:00", "2017-06-02T03:00:00Z", "2017-06-01", 23),
        ("2017-06-01T12:00:00.250 Europe/Berlin", "2017-06-01T10:00:00.250Z", "2017-06-01", 6),
        ("2017-06-02 01:00:00 UTC", "2017-06-02T01:00:00Z", "2017-06-01", 21),
    )
    expected = table(spark, "id string, at string, day string, hour int", *times)
    assert_df_equality(
        staged(spark, [row[0] for row in times], "string"),
        expected.select(
            F.col("id").alias("transaction_id"),
            F.col("at").cast("timestamp").alias("transaction_ts"),
            F.col("day").cast("date").alias("event_date"),
            F.col("hour").alias("local_hour"),
        ),
        ignore_nullable=True,
    )


def test_a_day_without_a_time_starts_at_local_midnight(spark: SparkSession) -> None:
    assert [tuple(r)[2:] for r in staged(spark, ["2017-06-01"], "string").collect()] == [(dt.date(2017, 6, 1), 0)]


def test_a_date_is_the_day_that_it_says_in_every_time_zone(spark: SparkSession) -> None:
    assert [tuple(r)[2:] for r in staged(spark, ["2017-06-01"], "date").collect()] == [(dt.date(2017, 6, 1), 0)]


def test_a_time_without_a_day_is_refused_instead_of_read_as_today(spark: SparkSession) -> None:
    mapping = {"transaction_id": "receipt", "customer_id": "customer", "transaction_ts": "at", "net_amount": "net"}
    raw = receipts(spark, ["10:30:00", "10:30:00Z", "T10:30:00Z"], "string")
    expected = "transaction_ts is {}; expected something that reads as timestamp"
    assert [tuple(r) for r in verdicts(stage(shop(transactions=[part(mapping)]), raw)).collect()] == [
        (t, "wrong_type", expected.format(t)) for t in ("10:30:00", "10:30:00Z", "T10:30:00Z")
    ]


def test_an_interaction_falls_on_its_local_day_too(spark: SparkSession) -> None:
    mapping = {
        "interaction_id": "id",
        "customer_id": "'c'",
        "interaction_type": "'visit'",
        "interaction_ts": "CAST(id AS TIMESTAMP)",
    }
    raw = table(spark, "id string", ("2017-11-06T04:59:59Z",), ("2017-11-06T05:00:00Z",))
    found = stage(shop(interactions=[part(mapping)]), raw, STG_INTERACTIONS).accepted
    assert_df_equality(
        found.select("interaction_id", F.col("event_date").cast("string")).orderBy("interaction_id"),
        table(
            spark,
            "interaction_id string, event_date string",
            ("2017-11-06T04:59:59Z", "2017-11-05"),
            ("2017-11-06T05:00:00Z", "2017-11-06"),
        ),
        ignore_nullable=True,
    )
