"""CDNOW by its mapping alone: four columns, no order numbers, nothing but transactions, up to published segments."""

from __future__ import annotations

import datetime as dt
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from segmentation.core import BadInputError
from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS
from segmentation.datasets import write_cdnow
from segmentation.io import Warehouse
from segmentation.pipeline import Context, Steps, run_month
from segmentation.staging import load_source, odd_months
from segmentation.staging.guards import Guards, Month
from tests.conftest import CONF
from tests.published import published, table
from tests.shop import configure

AS_OF = dt.date(1998, 7, 1)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The whole file as a text."""
    return pd.read_csv(write_cdnow(tmp_path_factory.mktemp("cdnow")) / "orders.csv", dtype=str)


@pytest.fixture(scope="module")
def sample(orders: pd.DataFrame) -> pd.DataFrame:
    """Every fortieth customer, and a few who have equal rows."""
    equal = orders[orders.duplicated()]["customer_id"].iloc[:20]
    return orders[(orders["customer_id"].astype(int) % 40 == 0) | orders["customer_id"].isin(equal)]


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, sample: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cdnow")
    (folder / "raw").mkdir()
    sample.to_csv(folder / "raw" / "orders.csv", index=False)
    config = configure(folder / "conf", dimensions=DIMENSIONS, few=False)
    context = Context(Warehouse(spark, str(folder / "warehouse")), config, "cdnow", Steps())
    run_month(context, AS_OF, str(folder / "raw"))
    return folder / "warehouse"


def cents(amounts: pd.Series) -> int:
    return int(sum((amounts.astype(float) * 100).round().astype(int)))


def test_the_file_is_all_of_cdnow_and_the_library_is_never_imported(orders: pd.DataFrame) -> None:
    assert list(orders.columns) == ["customer_id", "date", "number_of_cds", "dollar_value"]
    assert (len(orders), orders["customer_id"].nunique(), cents(orders["dollar_value"])) == (
        69_659,
        23_570,
        250_031_563,
    )
    assert "lifetimes" not in sys.modules


@pytest.mark.parametrize(("until", "refused"), [("1997-06", 3), ("1998-06", 0)])
def test_sales_that_fall_by_design_need_the_mappings_word_while_the_cohort_is_young(
    orders: pd.DataFrame, until: str, refused: int
) -> None:
    """April to June 1997 have a third of the lines of the first quarter; a year later falling is ordinary."""
    month = orders["date"].str[:4] + "-" + orders["date"].str[4:6]
    of_month = orders["dollar_value"].astype(float).groupby(month).agg(["size", "median"]).loc[:until]
    files = {dt.date.fromisoformat(f"{m}-01"): Month(int(r["size"]), r["median"]) for m, r in of_month.iterrows()}
    received = dt.date.fromisoformat(f"{until[:5]}07-01")
    usual = odd_months(Guards(), files, {}, received, True, lambda _: 0)
    assert [p.threshold for p in usual] == ["min_month_share"] * refused
    assert odd_months(load_source(CONF, "cdnow").guards, files, {}, received, True, lambda _: 0) == []


def test_without_the_package_the_error_says_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nothing)
    with pytest.raises(BadInputError, match=r"lifetimes is not installed: pip install 'segmentation\[demo\]'"):
        write_cdnow(tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


@pytest.mark.long
def test_no_row_and_no_cent_is_lost(warehouse: Path, sample: pd.DataFrame) -> None:
    staged = table(warehouse, "stg_transactions")
    assert table(warehouse, "quarantine").empty
    assert len(staged) == len(sample)
    per_customer = sample.groupby("customer_id")["dollar_value"].agg(cents)
    assert staged.groupby("customer_id")["net_amount"].agg(cents).to_dict() == per_customer.to_dict()
    profiles = published(warehouse, "segment_profiles", AS_OF)
    for dimension, rows in profiles.groupby("dimension"):
        assert cents(rows["revenue_lifetime"]) == cents(sample["dollar_value"]), dimension


@pytest.mark.long
def test_orders_of_one_day_are_lines_of_one_receipt_equal_ones_too(warehouse: Path, sample: pd.DataFrame) -> None:
    staged = table(warehouse, "stg_transactions")
    found = staged.groupby("transaction_id")["line_no"].agg(sorted).to_dict()
    lines = sample.groupby(["customer_id", "date"]).size()
    assert found == {f"{customer}-{day}": list(range(1, n + 1)) for (customer, day), n in lines.items()}
    assert sample.duplicated().sum() >= 20
    assert (staged["event_date"].astype(str).str.replace("-", "") == staged["transaction_id"].str[-8:]).all()
    assert staged["local_hour"].isna().all()


@pytest.mark.long
def test_everybody_has_a_segment_in_every_dimension(warehouse: Path, sample: pd.DataFrame) -> None:
    segments = published(warehouse, "segments", AS_OF)
    for dimension in ALL_DIMENSIONS:
        rows = segments[segments["dimension"] == dimension]
        assert sorted(rows["customer_id"]) == sorted(sample["customer_id"].unique())
        unknown = dimension in ("demographics", "psychographic", "cx_engagement")
        assert set(rows["segment_id"] == "no_data") == {unknown}, dimension
    notes = list(table(warehouse, "runs").set_index("job").loc["ingest", "notes"])
    assert "no products: an order says how many CDs, not which" in notes
    assert "no transactions.local_hour: orders have a day and no time" in notes
