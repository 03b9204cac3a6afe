"""What a month is held against a second time: the features of the same month of last year, where there can be any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from segmentation.core.schemas import RUNS, SEGMENTS, STG_TRANSACTIONS
from segmentation.io.runs import new_run
from segmentation.pipeline import Context, season
from tests.shop import configure, open_shop

JANUARY, MAY, LAST_MAY = dt.date(2024, 1, 1), dt.date(2024, 5, 1), dt.date(2023, 5, 1)


@pytest.fixture
def context(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    with monkeypatch.context() as m:
        m.setattr(Context, "tables", property(lambda _: [RUNS, STG_TRANSACTIONS]))
        found = open_shop(spark, configure(tmp_path / "conf"), tmp_path / "warehouse")
        found.create_tables()
        m.setattr(season, "run_features", lambda _, as_ofs, follow: [build(found, as_of) for as_of in as_ofs if follow])
        m.setattr(season, "staged", staged)
        yield found


def build(context: Context, as_of: dt.date) -> Row:
    """The features of a date, as the steps of a month publish them, once."""
    run = new_run("build_features", as_of, {}, {})
    return context.runs.publish(run.finish(output_versions={context.registry.table.name: 1}))


def score(context: Context, as_of: dt.date) -> Row:
    """A month; returns the run of its features."""
    features = build(context, as_of)
    run = new_run("monthly", as_of, {}, {"features": features["run_id"]})
    context.runs.publish(run.finish(output_versions={SEGMENTS.name: 1}))
    return features


def staged(context: Context) -> dict[str, dict[str, int]]:
    """What the last ingest that was published has left."""
    return {"output_versions": {STG_TRANSACTIONS.name: context.warehouse.version(STG_TRANSACTIONS)}}


def stage(context: Context, first: dt.date) -> None:
    warehouse = context.warehouse
    row = dict.fromkeys(STG_TRANSACTIONS.names) | {"event_date": first, "customer_id": "c", "transaction_id": "t"}
    columns = [name for name, value in row.items() if value is not None]
    values = ", ".join(f"'{row[name]}'" for name in columns)
    path = warehouse.path(STG_TRANSACTIONS)
    warehouse.spark.sql(f"INSERT INTO delta.`{path}` ({', '.join(columns)}) VALUES ({values})")


def test_the_features_of_last_year_are_built_once_where_a_year_of_lines_lies_before_them(context: Context) -> None:
    assert season.features_of_last_year(context, MAY, JANUARY) is None  # nothing is staged
    stage(context, LAST_MAY - dt.timedelta(days=357))
    assert season.features_of_last_year(context, MAY, JANUARY) is None
    stage(context, LAST_MAY - dt.timedelta(days=358))  # closed on the first days of a year
    assert season.features_of_last_year(context, MAY, LAST_MAY) is None  # the very customers of training
    found = season.features_of_last_year(context, MAY, JANUARY)
    assert found is not None
    assert found["as_of"] == LAST_MAY
    assert season.features_of_last_year(context, MAY, JANUARY) == found
    assert len(context.runs.of("build_features")) == 1


def test_a_month_that_was_scored_about_that_day_is_taken_and_none_since_the_training(context: Context) -> None:
    stage(context, dt.date(2020, 1, 1))
    near, nearer = (score(context, LAST_MAY + dt.timedelta(days=d)) for d in (-6, 5))
    built = build(context, LAST_MAY)  # of a month that was stopped, it may be
    assert season.features_of_last_year(context, MAY, JANUARY) == nearer
    assert season.features_of_last_year(context, MAY, LAST_MAY + dt.timedelta(days=1)) == near
    assert season.features_of_last_year(context, MAY, LAST_MAY - dt.timedelta(days=6)) is None
    assert season.features_of_last_year(context, dt.date(2024, 5, 20), JANUARY) != built


def test_of_a_leap_day_the_last_of_february_is_the_day_of_last_year(context: Context) -> None:
    stage(context, dt.date(2020, 1, 1))
    found = season.features_of_last_year(context, dt.date(2024, 2, 29), JANUARY)
    assert found is not None
    assert found["as_of"] == dt.date(2023, 2, 28)
