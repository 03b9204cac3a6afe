"""Housekeeping takes what no view shows, after as long as conf/maintenance.yml says, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from pyspark.sql import Row, SparkSession

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import POPULATION, RUNS, STG_PRODUCTS, TABLES
from segmentation.io import runs
from segmentation.io.housekeeping import Part, compact
from segmentation.io.runs import Run, new_run
from segmentation.pipeline import Context, run_maintain
from segmentation.pipeline.maintain import EVERY_FIT, MaintenanceRules, _superfluous
from tests.conftest import submit
from tests.published import table
from tests.shop import configure, open_shop

JULY, AUGUST = dt.date(2024, 7, 1), dt.date(2024, 8, 1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


class Shop:
    """A warehouse whose runs are made by hand: it is about which rows stay, not about what is in them."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.folder = folder
        configure(folder / "conf")
        self.context: Context = open_shop(spark, folder / "conf", folder / "warehouse")
        self.context.create_tables()

    def attempt(self, as_of: dt.date, features: bool = False, **inputs: str) -> Run:
        run = new_run("monthly", as_of, {}, inputs)
        warehouse, tables = self.context.warehouse, self.context.registry.table
        row = dict.fromkeys(POPULATION.names) | {"as_of": as_of, "run_id": run.run_id, "exclusion": "scored"}
        warehouse.write_attempt(POPULATION, warehouse.frame(POPULATION, [row]), as_of, run.run_id)
        if features:
            empty = dict.fromkeys(tables.names) | {"as_of": as_of, "run_id": run.run_id, "customer_id": "c"}
            warehouse.write_attempt(tables, warehouse.frame(tables, [empty]), as_of, run.run_id)
        return run

    def publish(self, run: Run, *names: str) -> str:
        versions = dict.fromkeys((POPULATION.name, *names), 1)
        self.context.runs.publish(run.finish(output_versions=versions), restate=True)
        return run.run_id

    def kept(self, name: str = POPULATION.name) -> set[str]:
        return set(table(self.folder / "warehouse", name)["run_id"])

    def maintain(self, later: dt.timedelta, dry_run: bool = False) -> set[str]:
        """What went of `population`, as if so much time had passed."""
        return set(run_maintain(self.context, dt.datetime.now(dt.UTC) + later, dry_run)[POPULATION.name])


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """With few tables of each kind: each takes some seconds."""
    few = property(lambda context: [RUNS, POPULATION, STG_PRODUCTS, context.registry.table])
    monkeypatch.setattr(Context, "tables", few)
    return Shop(spark, tmp_path)


def test_dead_attempts_go_after_two_days_and_superseded_runs_after_thirty(shop: Shop) -> None:
    first = shop.publish(shop.attempt(JULY))
    second = shop.publish(shop.attempt(JULY))
    compared = shop.publish(shop.attempt(AUGUST, features=False, previous=first))
    third = shop.publish(shop.attempt(JULY))
    dead = shop.attempt(AUGUST).run_id
    assert shop.maintain(47 * HOUR) == set()
    assert shop.maintain(49 * HOUR, dry_run=True) == {dead}
    assert shop.kept() == {first, second, third, compared, dead}
    # The first was replaced too, but August was compared with it.
    assert shop.maintain(31 * DAY) == {dead, second}
    assert shop.kept() == {first, third, compared}


@pytest.mark.long
def test_a_replaced_run_is_as_old_as_the_one_in_its_place(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that has begun before the restatement may still read it."""
    started = dt.datetime.now(dt.UTC)
    with monkeypatch.context() as m:
        m.setattr(runs, "_utc_now", lambda: started - 60 * DAY)
        old = shop.publish(shop.attempt(JULY))
    shop.publish(shop.attempt(JULY))
    assert shop.maintain(29 * DAY) == set()
    assert shop.maintain(31 * DAY) == {old}


@pytest.mark.long
def test_models_stay_whatever_has_become_of_their_run(shop: Shop) -> None:
    """Segments of long ago refer to them by version, not by run."""
    assert set(EVERY_FIT) == {"segment_models", "segment_lineage", "k_sweep", "k_selection"}
    rules = MaintenanceRules(dead_after_hours=48, superseded_after_days=30)
    instants = dict.fromkeys(("segment_models", "population"), 1)
    rows = [Row(run_id=r, as_of=JULY, publish_seq=i, output_versions=instants, inputs={}, finished=0)
            for i, r in enumerate("ab")]  # fmt: skip
    written = [Part(JULY, r, dt.datetime(2024, 7, 1, tzinfo=dt.UTC)) for r in "ab"]
    for name, gone in (("segment_models", []), ("population", ["a"])):
        of = next(t for t in TABLES if t.name == name)
        found = _superfluous(rules, of, written, rows, dt.datetime.now(dt.UTC))
        assert [part.run_id for part, _ in found] == gone


@pytest.mark.long
def test_old_dates_go_only_where_a_table_is_named(shop: Shop) -> None:
    features = shop.context.registry.table.name
    old, young = (
        shop.publish(shop.attempt(as_of, features=True), features) for as_of in (JULY - 801 * DAY, JULY)
    )  # fmt: skip
    edge = shop.publish(shop.attempt(JULY - 800 * DAY, features=True), features)
    shop.maintain(0 * DAY)
    assert shop.kept(features) == {young, edge}
    assert shop.kept() == {old, young, edge}


@pytest.mark.long
def test_small_files_become_one_and_pinned_versions_stay_readable(shop: Shop) -> None:
    warehouse = shop.context.warehouse
    for i in range(4):
        rows = [dict.fromkeys(STG_PRODUCTS.names) | {"product_id": f"p{i}"}]
        version = warehouse.merge(STG_PRODUCTS, warehouse.frame(STG_PRODUCTS, rows))
    shop.publish(shop.attempt(JULY))
    assert compact(warehouse, STG_PRODUCTS) == (4, 1)
    shop.maintain(0 * DAY)
    assert warehouse.read(STG_PRODUCTS, version - 1).count() == 3
    assert warehouse.read(STG_PRODUCTS).count() == 4


def test_mistakes_are_named(shop: Shop, tmp_path: Path) -> None:
    nothing = open_shop(shop.context.warehouse.spark, shop.folder / "conf", tmp_path / "empty")
    with pytest.raises(BadInputError, match="nothing is published there"):
        run_maintain(nothing, dt.datetime.now(dt.UTC))
    path = shop.folder / "conf" / "maintenance.yml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"keep_days": {"populaton": 30}}))
    with pytest.raises(
        BadInputError, match=r'"populaton" is no published table whose dates may go\. .*Did you mean "population"'
    ):
        shop.maintain(0 * DAY)


@pytest.mark.long
def test_the_job_says_what_it_does(shop: Shop) -> None:
    shop.publish(shop.attempt(JULY))
    done = submit("maintain", "--config", str(shop.folder / "conf"), "--source", "shop", "--warehouse",
                  str(shop.folder / "warehouse"), "--dry-run", fast=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dry run" in done.stdout
    assert "population" in done.stdout
