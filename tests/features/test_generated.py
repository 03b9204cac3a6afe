"""Every feature in every window, of generated histories, against its plain SQL over the same lines.

The twin knows no tiles, buckets or months: it reads the staged rows with another engine. Histories have days on the
edges of windows and the as-of dates leap days and ends of months; returns, nulls, zeros and overlapping attributes.
"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation.features import Registry, build_features
from tests.features.data import inputs
from tests.features.engines import differences, in_duckdb, of_rows, staged
from tests.features.generated import history

# A build costs seconds whatever its size. Shrinking a seed says nothing.
FEW = settings(
    max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
MANY = settings(FEW, max_examples=12)
SEEDS = st.integers(0, 2**32 - 1)
# Days that end a leap month, a common year, a long and a short month; and any other.
LEAP = st.sampled_from([dt.date(2016, 2, 29), dt.date(2016, 3, 1), dt.date(2017, 2, 28), dt.date(2017, 3, 1)])
AS_OFS = st.one_of(LEAP, st.sampled_from([dt.date(2017, 12, 31), dt.date(2018, 1, 31)]),
                   st.dates(dt.date(2016, 1, 1), dt.date(2018, 12, 31)))  # fmt: skip


def check(spark: SparkSession, everything: Registry, seed: int, as_of: dt.date) -> None:
    made = history(seed, as_of)
    rows = (made.lines, made.interactions, made.feedback, made.customers)
    found = of_rows(build_features(everything, inputs(spark, *rows), [as_of]).collect(), everything)
    of_lines = of_rows(build_features(everything, inputs(spark, *rows, as_lines=True), [as_of]).collect(), everything)
    assert of_lines == found, f"seed {seed}: tiles made on the way"
    spark.catalog.clearCache()
    tables = {name: rows.toArrow() for name, rows in staged(spark, made).items()}
    assert differences(found, in_duckdb(tables, everything, as_of)) == [], f"seed {seed}, as of {as_of}"
    orders = found["orders_lifetime"].values()
    assert max(orders) > 3, f"seed {seed}: a history without orders shows nothing"


@FEW
@given(SEEDS, LEAP)
def test_every_window_of_every_feature_is_what_its_plain_sql_says(
    spark: SparkSession, everything: Registry, seed: int, as_of: dt.date
) -> None:
    check(spark, everything, seed, as_of)


@pytest.mark.long
@MANY
@given(SEEDS, AS_OFS)
def test_so_it_is_at_any_date(spark: SparkSession, everything: Registry, seed: int, as_of: dt.date) -> None:
    check(spark, everything, seed, as_of)
