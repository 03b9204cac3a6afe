"""Every mart, reader, report and door over The Complete Journey; what that lacks, over the made-up retailer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import AGGREGATES
from segmentation.io import Warehouse
from segmentation.marts import load_marts
from segmentation.pipeline import Context, Steps
from segmentation.pipeline.marts import names_sql
from tests.browser import open_page
from tests.conftest import CONF
from tests.jobs.retailer import AS_OF, BEFORE
from tests.jobs.test_sql_server import ask, beeline, start
from tests.published import counted_by_others, folders, published
from tests.shop import open_shop

NEW_YEAR = dt.date(2018, 1, 1)
DEMO_LACKS = {
    "mart_channel_mix": "the source knows no channels",
    "mart_segment_migration": "one month has none before it",
    "mart_drift": "nor anything to have drifted from",
}


@dataclass(frozen=True)
class Open:
    """A warehouse, its configuration, and the newest date that is published there."""

    context: Context
    warehouse: Path
    as_of: dt.date
    lacks: frozenset[str] = frozenset()

    @property
    def customers(self) -> int:
        segments = published(self.warehouse, "segments", self.as_of)
        return int((segments["dimension"] == "unified").sum())


@pytest.fixture(scope="module")
def demo(spark: SparkSession, demo_warehouse: Path) -> Open:
    context = Context(Warehouse(spark, str(demo_warehouse)), CONF, "complete_journey", Steps())
    return Open(context, demo_warehouse, NEW_YEAR, frozenset(DEMO_LACKS))


@pytest.fixture(scope="module")
def made_up(spark: SparkSession, retailer_of_two_months: Path) -> Open:
    context = open_shop(spark, retailer_of_two_months / "conf", retailer_of_two_months / "warehouse")
    return Open(context, retailer_of_two_months / "warehouse", AS_OF)


@pytest.fixture(
    params=[pytest.param("demo", marks=pytest.mark.with_demo), pytest.param("made_up", marks=pytest.mark.long)]
)
def opened(request: pytest.FixtureRequest) -> Open:
    found: Open = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def named(opened: Open, spark: SparkSession, no_names: None) -> Open:
    """Its tables and marts are known to the session by name, as `make sql` knows them."""
    for statement in names_sql(opened.context):
        spark.sql(statement)
    return opened


def marts_of(opened: Open) -> list[str]:
    return [m.name for m in load_marts(CONF, [t.name for t in (*opened.context.tables, *AGGREGATES)])]


def test_every_mart_has_rows_and_what_the_source_lacks_is_known(named: Open, spark: SparkSession) -> None:
    found = {name: spark.table(f"segmentation.{name}").count() for name in marts_of(named)}
    assert {name for name, rows in found.items() if rows == 0} == named.lacks
    # Analysts find every customer once.
    newest = spark.sql(f"SELECT customer_id FROM segmentation.mart_customer_360 WHERE as_of = DATE'{named.as_of}'")
    assert newest.count() == newest.distinct().count() == named.customers
    # Everyone sees no segment of less than ten, and counts rounded to fives.
    of_unified = spark.sql(
        "SELECT customers FROM segmentation.mart_segment_overview WHERE dimension = 'unified'"
    ).collect()
    assert min(r["customers"] for r in of_unified) >= 10
    assert sum(r["customers"] for r in of_unified) == pytest.approx(named.customers, abs=2.5 * len(of_unified))


def test_readers_without_spark_read_every_table(opened: Open) -> None:
    for folder in folders(opened.warehouse):
        assert len(counted_by_others(folder)) == 1, folder.name


@pytest.fixture
def server(opened: Open, tmp_path: Path) -> Iterator[int]:
    yield from start(opened.warehouse, "analysts", tmp_path / "log", opened.context.config, opened.context.source_name)


@pytest.mark.long
def test_the_sql_server_serves_every_mart(opened: Open, server: int) -> None:
    for name in marts_of(opened):
        [(rows,)] = ask(server, f"SELECT count(*) FROM segmentation.{name}")
        assert (rows == 0) == (name in opened.lacks), name
    done = beeline(server, f"SELECT count(*) FROM mart_customer_360 WHERE as_of = DATE'{opened.as_of}'")
    assert str(opened.customers) in done.stdout.split(), done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("report", "figures", "said"),
    [
        ("cluster_analysis_report", "[data-spec]", f"What has changed since {BEFORE}"),
        ("drift_report", "figure svg", "Why segments grew and shrank"),
    ],
)
def test_the_reports_of_a_month_with_everything_are_drawn(made_up: Open, report: str, figures: str, said: str) -> None:
    [path] = (made_up.warehouse / "reports" / str(AS_OF)).rglob(f"{report}.html")
    assert path.stat().st_size < 5_000_000
    page = open_page(path, ask={"figures": f"[...document.querySelectorAll('{figures}')].map(p => p.dataset.state)"})
    assert page.errors == []
    assert page.requests == []
    assert len(page.answers["figures"]) > 0
    assert set(page.answers["figures"]) <= {"drawn", None}
    assert said in page.text
