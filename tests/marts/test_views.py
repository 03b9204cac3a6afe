"""Each mart of conf/sql/marts over a few rows of the tables that it reads, its answer written out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import (
    AGGREGATES,
    DRIFT_CUBE,
    QUALITY_CUBE,
    SEGMENT_CUBE,
    SEGMENT_PROFILES,
    SEGMENTS,
    STG_CUSTOMERS,
    TABLES,
    Column,
    Table,
    published_table,
)
from segmentation.io.catalog import view_sql
from segmentation.marts import load_marts
from tests.conftest import CONF

MAY, JUNE, JULY = (dt.date(2024, m, 1) for m in (5, 6, 7))
KNOWN = [*(t.name for t in (*TABLES, *AGGREGATES)), "customer_features"]
FEATURES = published_table(
    "customer_features", "", (), tuple(Column(name, type_, "") for name, type_ in (
        ("customer_id", "string"), ("net_revenue_365d", "decimal(18,2)"), ("net_revenue_lifetime", "decimal(18,2)"),
        ("orders_365d", "bigint"), ("average_order_value_365d", "decimal(18,2)"), ("days_since_last_order", "double"),
    ))
)  # fmt: skip


def cube(as_of: dt.date, breakdown: str, segment_id: str, **others: Any) -> dict[str, Any]:
    row = {"as_of": as_of, "dimension": "unified", "breakdown": breakdown, "segment_id": segment_id,
           "segment_name": f"Name of {segment_id}", "part": "", "subpart": ""}  # fmt: skip
    return row | {k: Decimal(v) if k.startswith("revenue") else v for k, v in others.items()}


def member(as_of: dt.date, customer: str, segment_id: str, dimension: str = "unified", **others: Any) -> dict[str, Any]:
    return {"as_of": as_of, "dimension": dimension, "customer_id": customer, "segment_id": segment_id,
            "segment_name": f"Name of {segment_id}", **others}  # fmt: skip


ROWS: dict[Table, list[dict[str, Any]]] = {
    SEGMENT_CUBE: [
        cube(JUNE, "segment", "a", customers=60, revenue_365d=600),
        cube(JUNE, "segment", "no_data", customers=20, revenue_365d=0),
        cube(JULY, "segment", "a", customers=75, revenue_365d=900, average_order_value=Decimal(9),
             orders_per_customer_365d=1.5, median_days_since_last_order=4.0, discount_share_365d=0.1),
        cube(JULY, "segment", "rule-new", customers=25, revenue_365d=100),
        cube(JULY, "came_from", "a", part="a", part_name="Name of a", customers=45),
        cube(JULY, "came_from", "(gone)", part="no_data", part_name="No data", customers=15),
        cube(JULY, "place", "a", part="Rome", subpart="gold", customers=60, revenue_365d=800),
        cube(JULY, "place", "a", part="(other)", subpart="(other)", customers=15, revenue_365d=100),
        cube(JULY, "department", "a", part="fresh", revenue_365d=300),
        cube(JULY, "department", "a", part="fuel", revenue_365d=100),
        cube(JULY, "department", "rule-new", part="fuel", revenue_365d=400),
        cube(JULY, "channel", "a", part="online", value=0.25),
        cube(JULY, "channel", "a", part="store", value=0.75),
        cube(JULY, "feature", "a", part="visits_90d", part_name="Visits", value=6.0),
        cube(JULY, "feature", "rule-new", part="visits_90d", part_name="Visits", value=2.0),
    ],
    SEGMENT_PROFILES: [{"as_of": d, "dimension": "unified", "segment_id": "a"} for d in (MAY, JUNE, JULY)],
    SEGMENTS: [
        member(MAY, "c1", "a"), member(JUNE, "c1", "a"), member(JULY, "c1", "b", score=80.0, coverage=0.4,
                                                                top_features=[("visits_90d", 1.5)]),
        member(JULY, "c1", "t", "transactional"),
        member(MAY, "c2", "a"), member(JULY, "c2", "a", rule_applied="new"),
    ],
    FEATURES: [{"as_of": JULY, "customer_id": "c1", "net_revenue_365d": Decimal(12), "orders_365d": 3,
                "net_revenue_lifetime": Decimal(20), "average_order_value_365d": Decimal(4),
                "days_since_last_order": 2.0},
               {"as_of": MAY, "customer_id": "c2", "net_revenue_365d": Decimal(99)}],
    STG_CUSTOMERS: [
        {"customer_id": "c1", "valid_from": dt.date(1900, 1, 1), "valid_to": JULY, "city": "Rome", "age_band": "35-44"},
        {"customer_id": "c1", "valid_from": JULY, "city": "Oslo"},
    ],
    DRIFT_CUBE: [{"as_of": JULY, "dimension": "unified", "check": "segment_share", "subject": "a", "value": 0.12,
                  "threshold": 0.05, "verdict": "moved", "model_version": "m"},
                 {"as_of": JULY, "dimension": "unified", "check": "segment_share", "subject": "b", "value": 0.01,
                  "verdict": "holds", "model_version": "m"}],
    QUALITY_CUBE: [{"as_of": MAY, "source_table": "transactions", "check": "rows_read", "subject": "", "value": 7.0}],
}  # fmt: skip


@pytest.fixture(scope="module")
def marts(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The marts over small tables, all by their names in SQL."""
    folder = tmp_path_factory.mktemp("marts")
    spark.sql("DROP SCHEMA IF EXISTS segmentation CASCADE")
    spark.sql("CREATE SCHEMA segmentation")
    for table, rows in ROWS.items():
        filled = [tuple(row.get(name) for name in table.names) for row in rows]
        path = str(folder / table.name)
        spark.createDataFrame(filled, table.ddl).coalesce(1).write.parquet(path)
        spark.sql(f"CREATE TABLE segmentation.{table.name} USING parquet LOCATION '{path}'")
    for mart in load_marts(CONF, KNOWN):
        spark.sql(view_sql(f"segmentation.{mart.name}", mart.columns, mart.grain, mart.sql))
    yield spark
    spark.sql("DROP SCHEMA segmentation CASCADE")


def answer(spark: SparkSession, mart: str, columns: str, order: str) -> Sequence[tuple[Any, ...]]:
    return [tuple(r) for r in spark.sql(f"SELECT {columns} FROM segmentation.{mart} ORDER BY {order}").collect()]


def test_dim_customer_has_a_span_for_each_stay_in_a_segment(marts: SparkSession) -> None:
    columns = "customer_id, segment_id, valid_from, valid_to, is_current, as_of_dates"
    assert answer(marts, "dim_customer", columns, "1, 3") == [
        ("c1", "a", MAY, JULY, False, 2),
        ("c1", "b", JULY, None, True, 1),
        ("c2", "a", MAY, JUNE, False, 1),  # not scored in June
        ("c2", "a", JULY, None, True, 1),
    ]


def test_dim_segment_says_what_kind_it_is_and_whether_there_still_is_one(marts: SparkSession) -> None:
    columns = "segment_id, segment_name, kind, first_as_of, last_as_of, is_current"
    assert answer(marts, "dim_segment", columns, "1") == [
        ("a", "Name of a", "model", JUNE, JULY, True),
        ("no_data", "Name of no_data", "no_data", JUNE, JUNE, False),
        ("rule-new", "Name of rule-new", "rule", JULY, JULY, True),
    ]


def test_fact_segment_month_has_shares_of_the_dimension(marts: SparkSession) -> None:
    columns = "as_of, segment_id, customers, customer_share, revenue_365d, revenue_share_365d, average_order_value"
    assert answer(marts, "fact_segment_month", columns, "1, 2") == [
        (JUNE, "a", 60, 0.75, Decimal(600), 1.0, None),
        (JUNE, "no_data", 20, 0.25, Decimal(0), 0.0, None),
        (JULY, "a", 75, 0.75, Decimal(900), 0.9, Decimal(9)),
        (JULY, "rule-new", 25, 0.25, Decimal(100), 0.1, None),
    ]


def test_mart_segment_overview_is_of_the_newest_date(marts: SparkSession) -> None:
    columns = "as_of, segment_id, customer_share, revenue_share_365d, revenue_per_customer_365d, average_order_value"
    assert answer(marts, "mart_segment_overview", columns, "2") == [
        (JULY, "a", 0.75, 0.9, 12, Decimal(9)),
        (JULY, "rule-new", 0.25, 0.1, 4, None),
    ]


def test_mart_segment_trend_holds_each_date_against_the_one_before(marts: SparkSession) -> None:
    columns = "as_of, segment_id, customers, customers_before, customer_growth, revenue_growth"
    assert answer(marts, "mart_segment_trend", columns, "2, 1") == [
        (JUNE, "a", 60, None, None, None),
        (JULY, "a", 75, 60, 0.25, 0.5),
        (JUNE, "no_data", 20, None, None, None),
        (JULY, "rule-new", 25, None, None, None),
    ]


def test_mart_segment_migration_says_who_came_and_who_left(marts: SparkSession) -> None:
    columns = "from_segment_id, to_segment_id, customers, share_of_segment"
    assert answer(marts, "mart_segment_migration", columns, "1") == [
        ("a", "a", 45, 0.6),
        ("no_data", "(gone)", 15, None),
    ]


def test_mart_segment_by_city_and_tier(marts: SparkSession) -> None:
    columns = "segment_name, city, loyalty_tier, customers, share_of_segment, revenue_365d"
    assert answer(marts, "mart_segment_by_city_and_tier", columns, "2") == [
        ("Name of a", "(other)", "(other)", 15, 0.2, Decimal(100)),
        ("Name of a", "Rome", "gold", 60, 0.8, Decimal(800)),
    ]


def test_mart_category_affinity_is_the_segments_share_over_everyones(marts: SparkSession) -> None:
    columns = "segment_id, department, share_of_segment, share_of_everyone, affinity"
    assert answer(marts, "mart_category_affinity", columns, "1, 2") == [
        ("a", "fresh", 0.75, 0.375, 2.0),
        ("a", "fuel", 0.25, 0.625, 0.4),
        ("rule-new", "fuel", 1.0, 0.625, 1.6),
    ]


def test_mart_channel_mix(marts: SparkSession) -> None:
    found = answer(marts, "mart_channel_mix", "segment_id, channel, order_share", "2")
    assert found == [("a", "online", 0.25), ("a", "store", 0.75)]


def test_mart_behavior_holds_a_segments_mean_against_that_of_all(marts: SparkSession) -> None:
    columns = "segment_id, feature, description, mean, mean_of_segments, times_usual"
    assert answer(marts, "mart_behavior", columns, "1") == [
        ("a", "visits_90d", "Visits", 6.0, 5.0, 1.2),
        ("rule-new", "visits_90d", "Visits", 2.0, 5.0, 0.4),
    ]


def test_mart_drift_marks_what_has_moved(marts: SparkSession) -> None:
    assert answer(marts, "mart_drift", "subject, value, threshold, verdict, has_moved", "1") == [
        ("a", 0.12, 0.05, "moved", True),
        ("b", 0.01, None, "holds", False),
    ]


def test_mart_data_quality(marts: SparkSession) -> None:
    assert answer(marts, "mart_data_quality", "*", "1") == [(MAY, "transactions", "rows_read", "", 7.0)]


def test_mart_customer_360_has_a_row_for_each_customer_of_the_newest_date(marts: SparkSession) -> None:
    columns = (
        "customer_id, segment_id, score, rule_applied, transactional, cx_engagement, net_revenue_365d, city, age_band"
    )
    assert answer(marts, "mart_customer_360", columns, "1") == [
        ("c1", "b", 80.0, None, "Name of t", None, Decimal(12), "Rome", "35-44"),
        ("c2", "a", None, "new", None, None, None, None, None),
    ]


def test_every_column_has_its_comment(marts: SparkSession) -> None:
    for mart in load_marts(CONF, KNOWN):
        described = marts.sql(f"DESCRIBE segmentation.{mart.name}").collect()
        assert {r["col_name"]: r["comment"] for r in described} == dict(mart.columns)


HEADER = "-- grain: one row\n-- audience: everyone\n-- columns:\n--   as_of: The day\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "SELECT as_of, part FROM segmentation.segment_cube", "gives as_of, part; its comment explains as_of"),
        (HEADER + "SELECT as_of FROM segmentation.segmnt_cube", 'Did you mean "segment_cube"'),
        (HEADER + "SELECT as_of FROM segments", "Write segmentation.TABLE"),
        (HEADER + "SELECT as_of FROM segmentation.segments", "a mart for everyone reads segments"),
        (HEADER.replace("grain", "grian") + "SELECT 1 AS as_of", 'key "grian" is not known'),
        (HEADER + "SELECT FROM WHERE", "not a SELECT"),
        (HEADER + "DROP TABLE segmentation.segments", "expected one SELECT"),
        ("SELECT 1 AS as_of", "valid dictionary"),
        ("-- a: [\nSELECT 1 AS as_of", "first comment: not readable as plain YAML"),
        ("-- grain: na\u00efve\nSELECT 1 AS as_of", "not readable as UTF-8"),
        ("-- grain: 2017-02-30\nSELECT 1 AS as_of", "first comment: not readable as plain YAML: day"),
        ("-- grain: a row\n-- grain: a cell\nSELECT 1 AS as_of", 'key "grain" stands twice'),
    ],
)
def test_a_wrong_mart_is_refused_before_spark_starts(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "sql" / "marts"
    folder.mkdir(parents=True)
    (folder / "mart_x.sql").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"mart_x\.sql") as error:
        load_marts(tmp_path, KNOWN)
    assert said in str(error.value)


def test_a_mart_takes_no_tables_name(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "marts"
    folder.mkdir(parents=True)
    (folder / "segments.sql").write_text(HEADER + "SELECT as_of FROM segmentation.segment_cube")
    with pytest.raises(ConfigError, match=r"segmentation\.segments is a table"):
        load_marts(tmp_path, KNOWN)


def test_a_conf_without_marts_has_none(tmp_path: Path) -> None:
    assert load_marts(tmp_path, KNOWN) == []
