"""`segmentation features --sql` prints what the tiles compute: the same text says so in DuckDB and in Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession

from segmentation import cli
from segmentation.core.errors import ConfigError
from segmentation.features import Registry, load_registry, plain_sql
from segmentation.features.plain import DEPARTMENT, RELATIONS, STATE_SQL
from segmentation.features.states import STATES
from segmentation.staging import load_source
from tests.conftest import CONF, ROOT
from tests.features.data import AS_OF, CUSTOMERS, EVERYTHING, FEEDBACK, INTERACTIONS, LINES
from tests.features.engines import Values, differences, in_duckdb, in_spark, of_rows, staged
from tests.features.generated import History
from tests.features.test_oracle_real import published_run

BY_HAND = History(list(LINES), list(INTERACTIONS), list(FEEDBACK), list(CUSTOMERS))


@pytest.fixture
def views(spark: SparkSession) -> Iterator[None]:
    """The small history as views of the staged tables' names."""
    frames = staged(spark, BY_HAND)
    for name, rows in frames.items():
        rows.localCheckpoint().createOrReplaceTempView(name)
    yield
    for name in frames:
        spark.catalog.dropTempView(name)


def test_every_feature_of_the_small_history_is_the_same_in_duckdb(
    spark: SparkSession, history: dict[str, Row], everything: Registry
) -> None:
    tables = {name: rows.toArrow() for name, rows in staged(spark, BY_HAND).items()}
    assert differences(of_rows(history.values(), everything), in_duckdb(tables, everything, AS_OF)) == []


def one_of_each(registry: Registry) -> dict[str, str]:
    """Feature → its column of the longest window that has an end: every expression, and every state's definition."""
    return {f.base: f.name for f in registry.features if f.window is None or f.window.days is not None}


@pytest.mark.long
@pytest.mark.usefixtures("views")
def test_every_expression_is_the_same_in_spark(
    spark: SparkSession, history: dict[str, Row], everything: Registry
) -> None:
    names = one_of_each(everything).values()
    assert len(names) == len({f.base for f in everything.features})
    found = in_spark(spark, everything, names, AS_OF)
    assert differences(of_rows(history.values(), everything), found) == []


@pytest.mark.long
@pytest.mark.usefixtures("views")
def test_every_window_of_every_feature_is_the_same_in_spark(
    spark: SparkSession, history: dict[str, Row], everything: Registry
) -> None:
    found = in_spark(spark, everything, [f.name for f in everything.features], AS_OF)
    assert differences(of_rows(history.values(), everything), found) == []


NAMES = ("stg_transactions", "stg_customers", "stg_interactions", "stg_feedback")


def real(warehouse: Path, as_of: dt.date) -> tuple[Registry, dict[str, Values]]:
    """The features that The Complete Journey feeds, and their published values."""
    registry = load_registry(CONF, load_source(CONF, "complete_journey").provides())
    run_id = published_run(warehouse, as_of)["run_id"]
    store = DeltaTable(warehouse / "segmentation" / "customer_features")
    published = store.to_pyarrow_table(filters=[("run_id", "=", run_id)]).to_pylist()
    return registry, of_rows([Row(**row) for row in published], registry)


@pytest.mark.parametrize(
    "as_of", [dt.date(2018, 1, 1), pytest.param(dt.date(2017, 7, 1), marks=pytest.mark.long)], ids=str
)
def test_the_published_features_of_real_data_are_the_same_in_duckdb(demo_warehouse: Path, as_of: dt.date) -> None:
    registry, published = real(demo_warehouse, as_of)
    tables = {name: DeltaTable(demo_warehouse / "segmentation" / name).to_pyarrow_table() for name in NAMES}
    assert differences(published, in_duckdb(tables, registry, as_of)) == []


@pytest.mark.long
def test_some_published_features_of_real_data_are_the_same_in_spark(spark: SparkSession, demo_warehouse: Path) -> None:
    as_of = dt.date(2018, 1, 1)
    registry, published = real(demo_warehouse, as_of)
    for name in NAMES:
        rows = spark.read.format("delta").load(str(demo_warehouse / "segmentation" / name))
        rows.createOrReplaceTempView(name)
    some = ("median_days_between_orders_365d", "order_gap_variation_365d", "premium_index_90d", "rfm_code",
            "new_product_share_90d", "category_concentration_365d", "average_order_value_30d")  # fmt: skip
    found = in_spark(spark, registry, some, as_of)
    for name in NAMES:
        spark.catalog.dropTempView(name)
    assert differences(published, found) == []


def test_every_state_has_a_plain_definition_and_every_definition_a_state() -> None:
    assert STATE_SQL.keys() == STATES.keys() - {"net_by_department"}
    assert {relation for relation, _ in (*STATE_SQL.values(), DEPARTMENT)} <= RELATIONS.keys()


def test_the_text_says_what_it_is_and_names_its_days(everything: Registry) -> None:
    text = plain_sql(everything, "net_revenue_90d", AS_OF)
    assert text.startswith(
        "-- net_revenue_90d (transactional): Revenue net of discounts and returns; unit: money.\n"
        "-- The 90 days from 2017-10-03 to 2017-12-31, both inside.\n"
        "WITH known AS (\n"
    )
    assert (
        "WHERE l.event_date < DATE '2018-01-01' AND coalesce(p.bought_on, l.event_date) >= DATE '2017-10-03'\n" in text
    )
    assert text.endswith(
        "SELECT customer_id, CAST(coalesce(net_amount, 0) AS DECIMAL(18,2)) AS net_revenue_90d\n"
        "FROM known\n"
        "LEFT JOIN net_revenue_90d_of_lines USING (customer_id)\n"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("size(net_by_department)", 'feature "x": the state "net_by_department" has no plain definition'),
        ("net_by_department[city]", "has no plain form; expected net_by_department\\['…'\\]"),
    ],
)
def test_a_value_without_a_plain_form_is_refused(tmp_path: Path, value: str, said: str) -> None:
    (tmp_path / "features").mkdir()
    text = f'features: {{x: {{description: X, value: "{value}", unit: ratio}}}}'
    (tmp_path / "features" / "transactional.yml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        plain_sql(load_registry(tmp_path, EVERYTHING), "x", AS_OF)


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`segmentation features` with options: exit code, output, error."""

    def run(*options: str) -> tuple[int, str, str]:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr("sys.argv", ["segmentation", "features", *options])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_prints_the_sql_and_lists_what_there_is(command: Command) -> None:
    registry = load_registry(CONF, load_source(CONF, "complete_journey").provides())
    expected = plain_sql(registry, "orders_30d", dt.date(2017, 3, 1))
    assert command("--sql", "orders_30d", "--as-of", "2017-03-01") == (0, expected, "")
    code, listed, _ = command()
    assert code == 0
    assert "transactional  orders " in listed
    assert "(off: no transactions.cost_amount)" in listed  # its source publishes no costs
    assert len(listed.splitlines()) == 4 + len({f.base for f in registry.features})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sql", "net_revenu_90d", "--as-of", "2018-01-01"], 'Did you mean "net_revenue_90d"?'),
        (["--sql", "net_revenue", "--as-of", "2018-01-01"], "net_revenue_30d, net_revenue_90d, net_revenue_180d"),
        (["--sql", "orders_30d", "--as-of", "1 May"], '--as-of "1 May" is not a date'),
        (["--sql", "orders_30d"], "--sql NAME and --as-of DATE go together"),
    ],
)
def test_what_the_command_cannot_print_is_said(command: Command, options: list[str], said: str) -> None:
    code, shown, error = command(*options)
    assert (code, shown) == (2, "")
    assert said in error
