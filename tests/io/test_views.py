"""What SQL sees by name: published runs, whole, the newest of each date."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from segmentation.core.errors import SegmentationError
from segmentation.core.schemas import K_SWEEP, PROMOTIONS, RUNS, SEGMENT_MODELS, STG_PRODUCTS, Table
from segmentation.io import RunStore, Warehouse, catalog_sql, register
from segmentation.io.catalog import published_version
from tests.io.data import AS_OF, EARLIER, attempt, found_ks, found_products, products, sweep

pytestmark = pytest.mark.usefixtures("no_names")


def ready(warehouse: Warehouse, *tables: Table) -> RunStore:
    warehouse.create([RUNS, *tables])
    register(warehouse, [RUNS, *tables])
    return RunStore(warehouse)


def test_an_attempt_is_seen_once_it_is_published_and_until_a_restated_one_takes_its_place(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    store = ready(warehouse, K_SWEEP)

    def seen() -> object:
        return found_ks(spark.sql("SELECT * FROM segmentation.k_sweep"))

    def written(*ks: int, as_of: object = AS_OF) -> object:
        run = attempt(as_of=as_of, k_sweep=1)  # type: ignore[arg-type]
        warehouse.write_attempt(K_SWEEP, sweep(spark, run.run_id, *ks, as_of=run.as_of), run.as_of, run.run_id)
        return run

    first, dead = written(2, 3), written(99)
    assert seen() == []
    store.publish(first)
    assert seen() == [(AS_OF, first.run_id, 2), (AS_OF, first.run_id, 3)]
    # Another date's run is seen beside it; one that lost the race for its key is not.
    december = written(5, as_of=EARLIER)
    store.publish(december)
    store.publish(dead)
    assert seen() == [(EARLIER, december.run_id, 5), (AS_OF, first.run_id, 2), (AS_OF, first.run_id, 3)]
    again = written(4)
    store.publish(again, restate=True)
    assert seen() == [(EARLIER, december.run_id, 5), (AS_OF, again.run_id, 4)]
    # A newer run that did not write this table leaves it as it was.
    store.publish(attempt(config={"other": 1}, segments=7))
    assert seen() == [(EARLIER, december.run_id, 5), (AS_OF, again.run_id, 4)]


def test_the_view_of_the_newest_runs_prunes_partitions(
    warehouse: Warehouse, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    ready(warehouse, K_SWEEP)
    warehouse.write_attempt(K_SWEEP, sweep(spark, "r1", 2), AS_OF, "r1")
    rows = spark.sql("SELECT * FROM segmentation.k_sweep WHERE as_of = DATE'2018-01-01'")
    rows.explain("formatted")
    plan = capsys.readouterr().out
    (filters,) = (line for line in plan.splitlines() if "PartitionFilters: [" in line and "run_id" in line)
    assert "dynamicpruningexpression(run_id" in filters
    assert "= 2018-01-01)" in filters


def test_a_state_table_is_seen_as_the_last_published_run_left_it(warehouse: Warehouse, spark: SparkSession) -> None:
    store = ready(warehouse, STG_PRODUCTS)

    def seen() -> object:
        register(warehouse, [RUNS, STG_PRODUCTS])
        return found_products(spark.sql("SELECT * FROM segmentation.stg_products"))

    done = warehouse.merge(STG_PRODUCTS, products(spark, ("p1", "milk")))
    assert seen() == {}
    store.publish(attempt("ingest", stg_products=done))
    warehouse.overwrite(STG_PRODUCTS, products(spark, ("p2", "half an ingest")))
    assert seen() == {"p1": "milk"}
    assert published_version(warehouse, STG_PRODUCTS) == 1


def test_every_published_model_is_seen_and_the_promoted_bundle_is_champion(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    store = ready(warehouse, PROMOTIONS, SEGMENT_MODELS)
    earlier, published = (attempt(config={"n": n}, segment_models=n) for n in (1, 2))
    dead = attempt()
    for run, bundles in ((earlier, ("b-1",)), (published, ("b-2",)), (dead, ("b-3",))):
        values = [{"as_of": AS_OF, "run_id": run.run_id, "dimension": "unified", "model_version": b} for b in bundles]
        rows = [tuple(v.get(name) for name in SEGMENT_MODELS.names) for v in values]
        warehouse.write_attempt(SEGMENT_MODELS, spark.createDataFrame(rows, SEGMENT_MODELS.ddl), AS_OF, run.run_id)
    store.publish(earlier)
    store.publish(published)

    def seen() -> dict[str, str | None]:
        rows = spark.sql("SELECT model_version, alias FROM segmentation.segment_models").collect()
        return {r["model_version"]: r["alias"] for r in rows}

    assert seen() == {"b-1": None, "b-2": "challenger"}
    store.promote("b-1", AS_OF, "anna", "first")
    assert seen() == {"b-1": "champion", "b-2": "challenger"}
    assert (store.promoted("b-1"), store.promoted("b-2")) == (True, False)
    store.promote("b-2", AS_OF, "anna", "better")
    assert seen() == {"b-1": None, "b-2": "champion"}


def test_a_session_that_names_one_warehouse_refuses_to_name_another(warehouse: Warehouse, spark: SparkSession) -> None:
    """The names would stay those of the first, and its rows be taken for the second's."""
    ready(warehouse)
    other = Warehouse(spark, f"{warehouse.root}-2")
    other.create([RUNS])
    with pytest.raises(SegmentationError, match=r"segmentation_store\.runs is .* not a table of .*shop-2\."):
        register(other, [RUNS])
    register(warehouse, [RUNS])


def test_names_and_comments_reach_sql_from_a_folder_with_spaces_and_quotes(
    warehouse: Warehouse, spark: SparkSession
) -> None:
    assert 'Anna\'s "big" shop' in warehouse.root
    warehouse.create([RUNS, K_SWEEP, PROMOTIONS])
    RunStore(warehouse).publish(attempt())
    statements = catalog_sql(warehouse, [RUNS, K_SWEEP, PROMOTIONS])
    for statement in statements * 2:  # a second time changes nothing
        spark.sql(statement)
    assert spark.sql("SELECT count(*) AS n FROM segmentation.runs").first() == (1,)
    assert spark.sql("SELECT count(*) AS n FROM segmentation.k_sweep").first() == (0,)
    described = {r["col_name"]: r["comment"] for r in spark.sql("DESCRIBE segmentation.k_sweep").collect()}
    assert described == {c.name: c.comment for c in K_SWEEP.columns}
    assert {r["tableName"] for r in spark.sql("SHOW TABLES IN segmentation_store").collect()} == {
        "runs", "k_sweep", "promotions",
    }  # fmt: skip
