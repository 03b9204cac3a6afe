"""Prospects, closed and staff accounts, cancelled purchases: from files to counts that sum to everybody."""

from __future__ import annotations

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core import GuardError
from segmentation.pipeline import run_month
from segmentation.pipeline.report import report_data
from tests.jobs.homes import WITH_HOMES
from tests.published import published, table
from tests.shop import SOURCE, configure, line, open_shop, two_kinds, write_sales

AS_OF = dt.date(2024, 5, 1)
ACCOUNTS = (
    SOURCE
    + """
customers:
  - files: customers.csv
    format: csv
    options: {header: "true"}
    columns:
      customer_id: customer
      valid_from: since
      valid_to: until
      account_status: account
"""
)


@pytest.fixture(scope="module")
def shop_with_accounts(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 40 customers c0 is staff, c1 closed in April, c2 closes on the as-of day; others buy nothing or long ago."""
    folder = tmp_path_factory.mktemp("accounts")
    config = configure(folder / "conf", ACCOUNTS, ["transactional"], k_max=2, min_actionable_k=2)
    back = {"channel": "store", "product": "p9", "category": "bread"}
    sales = [
        *two_kinds(),
        line("k1", "all back", "2024-02-01", "500.00", **back),
        line("k2", "all back", "2024-02-03", "-500.00", is_return="true", quantity="-1", **back),
        line("k3", "long ago", "2022-04-30", "70.00"),
        line("k4", "just in time", "2022-05-02", "80.00"),  # 730 days before
    ]
    write_sales(folder / "raw", sales)
    accounts = [
        ("c0", "2023-01-01", "", "staff"),
        ("c1", "2023-01-01", "2024-04-01", "open"), ("c1", "2024-04-01", "", "closed"),
        ("c2", "2023-01-01", "2024-05-01", "open"), ("c2", "2024-05-01", "", "closed"),
        ("registered", "2024-01-01", "", "open"),  # a dated record, and no purchase
        ("undated", "1900-01-01", "", "open"), ("undated too", "1900-01-01", "", "open"),
        ("later", "2024-05-01", "", "open"),  # not known yet
    ]  # fmt: skip
    with (folder / "raw" / "customers.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("customer", "since", "until", "account"), *accounts])
    run_month(open_shop(spark, config, folder / "warehouse"), AS_OF, str(folder / "raw"))
    return folder


@pytest.mark.long
def test_everybody_known_is_counted_once_with_a_reason_and_their_money(shop_with_accounts: Path) -> None:
    """40 buyers, four of the odd sales, three of the file: 46 known, 39 of them scored."""
    warehouse = shop_with_accounts / "warehouse"
    rows = published(warehouse, "population", AS_OF).set_index("exclusion")
    assert rows["customers"].to_dict() == {
        "scored": 39, "closed_account": 1, "staff": 1, "never_bought": 1, "all_cancelled": 1, "long_lapsed": 1,
        "prospect": 2,
    }  # fmt: skip
    assert rows["customer_share"].sum() == pytest.approx(1)
    lines = table(warehouse, "stg_transactions")
    before = lines[lines["event_date"] < AS_OF]
    assert sum(rows["revenue_lifetime"]) == sum(before["net_amount"])
    assert rows["revenue_lifetime"]["staff"] == sum(before[before["customer_id"] == "c0"]["net_amount"]) > 0
    assert rows["revenue_lifetime"]["long_lapsed"] == Decimal("70.00")
    run = table(warehouse, "runs").set_index("job").loc["monthly"]
    assert (run["rows_in"], run["rows_out"]) == (46, 39 * 6)


@pytest.mark.long
def test_who_is_excluded_is_named_and_is_in_no_segment_and_no_fit(shop_with_accounts: Path) -> None:
    warehouse = shop_with_accounts / "warehouse"
    names = published(warehouse, "excluded_customers", AS_OF).set_index("customer_id")["exclusion"].to_dict()
    assert names == {
        "c0": "staff", "c1": "closed_account", "registered": "never_bought", "all back": "all_cancelled",
        "long ago": "long_lapsed", "undated": "prospect", "undated too": "prospect",
    }  # fmt: skip
    segments = published(warehouse, "segments", AS_OF)
    scored = {f"c{i}" for i in range(2, 40)} | {"just in time"}
    for dimension, rows in segments.groupby("dimension"):
        assert sorted(rows["customer_id"]) == sorted(scored), dimension
    models = published(warehouse, "segment_models", AS_OF).set_index("dimension")
    assert models.loc["unified", "training_customers"] == 39


@pytest.mark.long
def test_the_report_counts_the_scored_and_shows_the_others(spark: SparkSession, shop_with_accounts: Path) -> None:
    context = open_shop(spark, shop_with_accounts / "conf", shop_with_accounts / "warehouse")
    data = report_data(context, context.runs.latest("monthly", AS_OF))
    assert data.customers == 39
    assert data.population["customers"].sum() == 46
    assert len(data.points) == 39


def test_who_is_excluded_leaves_the_segments_and_is_counted_with_the_money(
    spark: SparkSession, warehouse: Path, tmp_path: Path
) -> None:
    """Half of the shop's 40 customers buy at most three times; everybody was scored, and then they are not."""
    config = configure(tmp_path / "conf", WITH_HOMES)
    assert published(warehouse, "population", AS_OF).set_index("exclusion")["customers"]["scored"] == 40
    seldom = "exclusions:\n  - {name: seldom, when: orders_lifetime < 4, reason: A test}\n"
    (config / "population.yml").write_text(seldom)
    run = run_month(open_shop(spark, config, warehouse, restate=True), AS_OF)
    assert (run["rows_in"], run["rows_out"]) == (40, 20 * 6)
    rows = published(warehouse, "population", AS_OF).set_index("exclusion")
    assert rows["customers"].to_dict() == {"scored": 20, "seldom": 20, "prospect": 0}
    lines = table(warehouse, "stg_transactions")
    before = lines[lines["event_date"] < AS_OF]
    orders = before.groupby("customer_id")["order_id"].nunique()
    out = set(orders[orders < 4].index)
    assert rows["revenue_lifetime"]["seldom"] == sum(before[before["customer_id"].isin(out)]["net_amount"])
    assert sum(rows["revenue_lifetime"]) == sum(before["net_amount"])
    assert set(published(warehouse, "excluded_customers", AS_OF)["customer_id"]) == out
    assert set(published(warehouse, "segments", AS_OF)["customer_id"]) == {f"c{i}" for i in range(40)} - out


def test_a_population_of_nobody_is_refused(spark: SparkSession, warehouse: Path, tmp_path: Path) -> None:
    config = configure(tmp_path / "conf", WITH_HOMES)
    (config / "population.yml").write_text("exclusions:\n  - {name: all_of_them, when: 'true', reason: A test}\n")
    before = len(table(warehouse, "segments"))
    with pytest.raises(GuardError, match=r"all 40 known customers are excluded \(40 all_of_them\)") as e:
        run_month(open_shop(spark, config, warehouse, restate=True), AS_OF)
    assert e.value.exit_code == 3
    assert len(table(warehouse, "segments")) == before
