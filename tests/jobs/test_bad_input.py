"""Bad input, end to end: a clear sentence, an exit code, nothing written; or the row in quarantine and on it goes."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from segmentation.core import BadInputError, ConfigError
from segmentation.pipeline import (
    Context,
    open_context,
    refresh_aggregates,
    run_features,
    run_fit,
    run_ingest,
    run_monitor,
    run_month,
)
from tests.conftest import CONF, submit
from tests.published import published, table
from tests.shop import configure, line, open_shop, two_kinds, write_sales

AS_OF = dt.date(2024, 7, 1)


@pytest.mark.long
def test_a_missing_column_is_named_with_the_nearest_right_name_and_nothing_is_written(
    demo_raw: Path, tmp_path: Path
) -> None:
    """As a user sees it: the command, its exit code, one sentence."""
    raw = tmp_path / "raw"
    shutil.copytree(demo_raw, raw)
    campaigns = pd.read_parquet(raw / "campaign_descriptions.parquet")
    campaigns.rename(columns={"start_date": "started"}).to_parquet(raw / "campaign_descriptions.parquet")
    done = submit("ingest", "--input", str(raw), "--warehouse", str(tmp_path / "warehouse"), fast=True)
    assert done.returncode == 2
    (message,) = [text for text in (done.stdout + done.stderr).splitlines() if text.startswith("error: ")]
    assert 'campaign_descriptions.parquet): column "start_date" is not there' in message
    assert 'Did you mean "started"?' in message
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--as-of", "2018-13-01"], '--as-of "2018-13-01" is not a date. Expected YYYY-MM-DD'),
        pytest.param(["--as-of", "2018-01-01", "--source", "complete_jurney"], 'Did you mean "complete_journey"?',
                     marks=pytest.mark.long),
        pytest.param(["--as-of", "2018-01-01", "--config", "cnof"], "--config cnof: there is no such folder",
                     marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_a_wrong_option_ends_before_spark_starts(options: list[str], said: str, tmp_path: Path) -> None:
    done = submit("monthly", *options, "--warehouse", str(tmp_path / "w"), fast=True)
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("job", [run_fit, run_monitor, lambda context, _: refresh_aggregates(context)])
def test_a_job_of_another_source_is_refused(
    spark: SparkSession, shop: Path, undisturbed: Path, job: Callable[[Context, dt.date], object]
) -> None:
    """By its mapping other features are on: a fit by them would leave out what this source tells."""
    other = replace(open_shop(spark, shop / "conf", undisturbed), source_name="complete_journey")
    with pytest.raises(ConfigError, match=r"holds the source shop; --source is complete_journey\. Name --source shop"):
        job(other, dt.date(2024, 5, 1))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (
            "features/transactional.yml",
            "value: orders\n",
            "value: ordrs(orders)\n",
            "transactional.yml: orders: .*ORDRS",
        ),
        ("features/behavioral.yml", "value: categories\n", "value: array(categories)\n", "category_breadth: .*ARRAY"),
        ("dimensions.yml", "orders_lifetime > 0", "orders_lifetime + 1", "transactional: has_data: .*BOOLEAN"),
        ("rules.yml", "days_since_last_order > 180", "array(days_since_last_order)", "lapsed: when: .*ARRAY"),
        ("population.yml", "orders_lifetime = 0", "orders_lifetime = array(0)", "never_bought: when: .*ARRAY"),
        ("population.yml", "account_status = 'staff'", "staff(account_status)", "staff: when: .*staff"),
        (
            "personas.yml",
            "fuel_share_365d: very_high",
            "fuel_share_30d: high",
            '"fuel_share_30d" is no feature of the',
        ),
    ],
)
def test_sql_and_names_of_the_configuration_are_checked_before_any_data(
    spark: SparkSession, tmp_path: Path, file: str, right: str, wrong: str, said: str
) -> None:
    config = configure(tmp_path / "conf", few=False)
    text = (config / file).read_text()
    assert right in text
    (config / file).write_text(text.replace(right, wrong))
    with pytest.raises(ConfigError, match=said) as e:
        open_context("tests", str(config), "shop", str(tmp_path / "warehouse"))
    assert file in str(e.value)
    assert not (tmp_path / "warehouse").exists()


def ingest(spark: SparkSession, tmp_path: Path, *files: list[dict[str, str]]) -> Path:
    for i, lines in enumerate(files):
        write_sales(tmp_path / "raw", lines, f"sales{i}.csv")
    run_ingest(open_shop(spark, configure(tmp_path / "conf"), tmp_path / "warehouse"), str(tmp_path / "raw"))
    return tmp_path / "warehouse"


@pytest.mark.usefixtures("staging_only")
def test_nan_infinity_and_text_amounts_are_quarantined_each_with_its_reason(
    spark: SparkSession, tmp_path: Path
) -> None:
    good = line("r1", "c1", "2024-06-01", "10.00")
    bad = [line(f"b{i}", "c1", "2024-06-01", amount) for i, amount in enumerate(("NaN", "Infinity", "ten", "-5"))]
    warehouse = ingest(spark, tmp_path, [good, *bad])
    found = table(warehouse, "quarantine").sort_values("raw_row")[["rule", "reason"]].to_numpy().tolist()
    assert found == [
        ["non_finite", "net_amount is NaN; expected a finite number"],
        ["non_finite", "net_amount is Infinity; expected a finite number"],
        ["wrong_type", "net_amount is ten; expected something that reads as decimal(18,2)"],
        ["negative_amount", "net_amount is -5.00; expected 0 or more, or is_return"],
    ]
    assert table(warehouse, "stg_transactions")["transaction_id"].tolist() == ["r1"]


@pytest.mark.long
@pytest.mark.usefixtures("staging_only")
def test_a_file_given_twice_counts_once_and_two_identical_bad_rows_are_two(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        line("r1", "c1", "2024-06-01", "10.00"),
        line("", "c1", "2024-06-01", "1.00"),
        line("", "c1", "2024-06-01", "1.00"),
    ]
    warehouse = ingest(spark, tmp_path, lines, lines)  # 6 rows: 1 good, its copy, and one bad row four times
    assert len(table(warehouse, "stg_transactions")) == 1
    quarantine = table(warehouse, "quarantine")
    assert quarantine["rule"].value_counts().to_dict() == {"missing_key": 4, "duplicate_line": 1}
    assert sorted(quarantine[quarantine["rule"] == "missing_key"]["occurrence"]) == [1, 2, 3, 4]
    run = table(warehouse, "runs").iloc[0]
    assert (run["rows_in"], run["rows_out"], run["rows_quarantined"]) == (6, 1, 5)
    # The same files once more are known; even restated they add nothing.
    context = open_shop(spark, tmp_path / "conf", warehouse, restate=True)
    run_ingest(context, str(tmp_path / "raw"))
    assert len(table(warehouse, "stg_transactions")) == 1
    assert len(table(warehouse, "quarantine")) == 5


@pytest.mark.usefixtures("staging_only")
def test_text_in_a_number_column_of_a_typed_file_is_refused_before_any_row_is_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    typed = {"sold_at": pd.Timestamp("2024-06-01"), "line": 1, "quantity": 1.0, "discount": 0.0}
    row = pd.DataFrame([{**line("r1", "c1", "2024-06-01", "ten"), **typed}])
    row.to_parquet(write_sales(tmp_path / "raw", []) / "sales.parquet", coerce_timestamps="us")
    config = configure(tmp_path / "conf")
    mapping = (config / "sources" / "shop.yml").read_text()
    (config / "sources" / "shop.yml").write_text(
        mapping.replace("sales*.csv", "sales.parquet")
        .replace("format: csv", "format: parquet")
        .replace('    options: {header: "true"}\n', "")
    )
    context = open_shop(spark, config, tmp_path / "warehouse")
    with pytest.raises(
        BadInputError, match=r"transactions \(sales.parquet\): \"amount\" is string, and net_amount needs decimal"
    ) as e:
        run_ingest(context, str(tmp_path / "raw"))
    assert e.value.exit_code == 2
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("receipt,line\nr2,1\n", 'sales1.csv: column "amount" is not there, as it is in sales0.csv'),
        ('receipt,line,customer,sold_at,product,category,quantity,discount,amount,channel,is_return\nr2,"1,c1\n',
         "sales1.csv: a quote is opened and not closed"),
        ('receipt,line,customer,sold_at,product,category,quantity,discount,amount,channel,is_return\nr2,"1"x,c1\n',
         "sales1.csv.  SQLSTATE: KD001 (Unescaped quote character '\"' inside quoted value"),
    ],
    ids=["missing columns", "broken quote", "quote in a quoted value"],
)  # fmt: skip
def test_one_file_of_several_that_is_broken_is_named_and_nothing_is_written(
    spark: SparkSession, tmp_path: Path, second: str, said: str
) -> None:
    write_sales(tmp_path / "raw", [line("r1", "c1", "2024-06-01", "10.00")], "sales0.csv")
    (tmp_path / "raw" / "sales1.csv").write_text(second)
    with pytest.raises(BadInputError) as e:
        ingest(spark, tmp_path)
    assert said in str(e.value)
    assert e.value.exit_code == 2
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.long
@pytest.mark.usefixtures("staging_only")
def test_a_customer_id_that_becomes_a_number_is_the_same_customer_or_refused(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Text in one delivery, whole numbers in the next; with a fraction, 7 would be 7.0, and somebody else."""
    config = configure(tmp_path / "conf")
    source = config / "sources" / "shop.yml"
    mapping = source.read_text().replace("sales*.csv", "sales*.parquet").replace("format: csv", "format: parquet")
    source.write_text(mapping.replace('    options: {header: "true"}\n', ""))
    typed = {"sold_at": pd.Timestamp("2024-06-01"), "line": 1, "quantity": 1.0, "discount": 0.0, "amount": 2.0}
    for i, customer in enumerate(("7", 7, 7.0)):
        row = pd.DataFrame([{**line(f"r{i}", "", "2024-06-01", ""), **typed, "customer": customer}])
        row.to_parquet(write_sales(tmp_path / f"raw{i}", []) / "sales.parquet", coerce_timestamps="us")
    context = open_shop(spark, config, tmp_path / "warehouse")
    for i in range(2):
        run_ingest(context, str(tmp_path / f"raw{i}"))
    assert table(tmp_path / "warehouse", "stg_transactions")["customer_id"].tolist() == ["7", "7"]
    with pytest.raises(BadInputError, match=r'"customer" is double, and customer_id needs string'):
        run_ingest(context, str(tmp_path / "raw2"))
    shutil.copy(tmp_path / "raw0" / "sales.parquet", tmp_path / "raw1" / "sales-old.parquet")
    with pytest.raises(BadInputError, match="customer"):
        run_ingest(context, str(tmp_path / "raw1"))
    assert len(table(tmp_path / "warehouse", "stg_transactions")) == 2


@pytest.mark.usefixtures("staging_only")
def test_a_line_of_too_few_values_is_quarantined_as_it_stands(spark: SparkSession, tmp_path: Path) -> None:
    write_sales(tmp_path / "raw", [line("r1", "c1", "2024-06-01", "10.00")])
    with (tmp_path / "raw" / "sales.csv").open("a") as file:
        file.write("r2,1,c1\n")
    refused = table(ingest(spark, tmp_path), "quarantine")
    assert refused[["rule", "raw_row"]].to_numpy().tolist() == [["malformed_row", '{"_corrupt_record":"r2,1,c1"}']]


@pytest.mark.usefixtures("staging_only")
def test_an_empty_file_and_a_missing_file_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="transactions: the input has no rows"):
        ingest(spark, tmp_path, [])
    assert not (tmp_path / "warehouse").exists()
    (tmp_path / "raw" / "sales0.csv").rename(tmp_path / "raw" / "seles.csv")
    context = open_shop(spark, tmp_path / "conf", tmp_path / "warehouse")
    with pytest.raises(BadInputError, match=r"no file matches sales\*.csv. It has: .*seles.csv"):
        run_ingest(context, str(tmp_path / "raw"))


@pytest.mark.long
@pytest.mark.parametrize("customers", [["only"], ["a", "b", "c", "d"]], ids=["one customer", "same"])
def test_customers_who_do_not_differ_are_one_segment(spark: SparkSession, tmp_path: Path, customers: list[str]) -> None:
    lines = [line(f"r-{c}-{i}", c, f"2024-06-{1 + i:02d}", "10.00") for c in customers for i in range(4)]
    write_sales(tmp_path / "raw", lines)
    config = configure(tmp_path / "conf", dimensions=["transactional"])
    run_month(open_shop(spark, config, tmp_path / "warehouse"), AS_OF, str(tmp_path / "raw"))
    segments = published(tmp_path / "warehouse", "segments", AS_OF)
    assert len(segments) == 6 * len(customers)
    assert set(segments[segments["dimension"] == "transactional"]["segment_id"]) == {"all"}
    assert set(segments[segments["dimension"] == "demographics"]["segment_id"]) == {"no_data"}
    assert set(segments[segments["dimension"] == "unified"]["segment_id"]) == {"all"}
    selection = published(tmp_path / "warehouse", "k_selection", AS_OF)
    assert selection["k"].isna().all()
    assert selection["reason"].str.startswith("No structure: the").all()


@pytest.mark.long
def test_a_pinned_k_beyond_the_distinct_customers_is_refused_with_both_numbers(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [line(f"r{c}", f"c{c}", "2024-06-01", f"{10 + c}.00") for c in range(5)]
    write_sales(tmp_path / "raw", lines)
    config = configure(tmp_path / "conf", dimensions=["transactional"], pinned_k={"transactional": 12})
    context = open_shop(spark, config, tmp_path / "warehouse")
    said = (
        'k=12 needs at least 12 distinct customers in dimension "transactional"; it has 5. '
        "Lower pinned_k in conf/sweep.yml."
    )
    with pytest.raises(ConfigError) as e:
        run_month(context, AS_OF, str(tmp_path / "raw"))
    assert str(e.value) == said
    assert table(tmp_path / "warehouse", "segments").empty


def test_a_fit_without_features_says_which_job_comes_first(spark: SparkSession, tmp_path: Path) -> None:
    context = open_shop(spark, configure(tmp_path / "conf"), tmp_path / "warehouse")
    with pytest.raises(BadInputError, match=r"no features are published as of 2024-07-01. Run jobs/build_features.py"):
        run_fit(context, AS_OF)


def test_before_the_first_line_there_is_nobody_to_tell_of(spark: SparkSession, shop: Path, warehouse: Path) -> None:
    """Not even of the other date that is asked for."""
    before = [len(table(warehouse, name)) for name in ("runs", "customer_features")]
    context = open_shop(spark, shop / "conf", warehouse)
    with pytest.raises(BadInputError, match=r"^--as-of 2023-06-01: no customer has a record before that day"):
        run_features(context, [dt.date(2023, 6, 1), dt.date(2024, 6, 1)])
    assert [len(table(warehouse, name)) for name in ("runs", "customer_features")] == before


def test_the_shipped_configuration_is_what_the_tests_copy() -> None:
    assert {p.name for p in CONF.iterdir()} >= {
        "sources",
        "features",
        "dimensions.yml",
        "sweep.yml",
        "population.yml",
        "rules.yml",
        "personas.yml",
    }
    assert two_kinds(4)[0]["receipt"] == "r0-0"
