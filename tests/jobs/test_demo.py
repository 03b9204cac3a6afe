"""What `make demo` leaves behind, read without Spark and recomputed from the raw files."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from segmentation.core.schemas import DIMENSIONS, TABLES, UNIFIED
from segmentation.reports.quality import SUMMARY
from tests.browser import open_page
from tests.conftest import ROOT, job_environment, submit
from tests.published import published, table

NEW_YEAR, JULY = dt.date(2018, 1, 1), dt.date(2017, 7, 1)
ALL = {*DIMENSIONS, UNIFIED}


def known_before(raw: Path, as_of: dt.date) -> set[str]:
    """Households with a purchase, a campaign or a redemption before the as-of date, straight from the files."""
    rows = duckdb.sql(f"""
        SELECT household_id FROM '{raw}/transactions.parquet'
        WHERE CAST(transaction_timestamp AT TIME ZONE 'America/New_York' AS DATE) < DATE '{as_of}'
        UNION SELECT household_id FROM '{raw}/campaigns.parquet'
        JOIN '{raw}/campaign_descriptions.parquet' USING (campaign_id)
        WHERE start_date < DATE '{as_of}'
        UNION SELECT household_id FROM '{raw}/coupon_redemptions.parquet' WHERE redemption_date < DATE '{as_of}'
    """).fetchall()
    return {str(household) for (household,) in rows}


def test_every_known_household_has_one_row_in_each_dimension(demo_warehouse: Path, demo_raw: Path) -> None:
    segments = published(demo_warehouse, "segments", NEW_YEAR)
    known = known_before(demo_raw, NEW_YEAR)
    assert len(known) > 250
    assert set(segments["dimension"]) == ALL
    for _, rows in segments.groupby("dimension"):
        assert rows["customer_id"].is_unique
        assert set(rows["customer_id"]) == known
    no_data = segments[segments["segment_id"] == "no_data"]
    assert no_data["cluster_id"].isna().all()
    assert segments.drop(no_data.index)["cluster_id"].notna().all()


def test_an_earlier_as_of_date_knows_fewer_households(demo_warehouse: Path, demo_raw: Path) -> None:
    known = known_before(demo_raw, JULY)
    assert set(published(demo_warehouse, "customer_features", JULY)["customer_id"]) == known
    assert len(known) < len(known_before(demo_raw, NEW_YEAR))


def test_lifetime_revenue_of_each_dimension_is_that_of_the_raw_lines_to_the_cent(
    demo_warehouse: Path, demo_raw: Path
) -> None:
    cents = duckdb.sql(
        f"SELECT sum(CAST(round(sales_value * 100) AS BIGINT)) FROM '{demo_raw}/transactions.parquet'"
    ).fetchall()[0][0]
    assert int(sum(table(demo_warehouse, "stg_transactions")["net_amount"]) * 100) == cents
    profiles = published(demo_warehouse, "segment_profiles", NEW_YEAR)
    for dimension, rows in profiles.groupby("dimension"):
        assert int(sum(rows["revenue_lifetime"]) * 100) == cents, dimension


def lines_in(raw: Path) -> int:
    return pq.read_metadata(raw / "transactions.parquet").num_rows


def test_accepted_and_quarantined_lines_are_all_that_were_read(demo_warehouse: Path, demo_raw: Path) -> None:
    quarantine = table(demo_warehouse, "quarantine")
    refused = (quarantine["source_table"] == "transactions").sum()
    assert len(table(demo_warehouse, "stg_transactions")) + refused == lines_in(demo_raw)


def test_months_freshness_and_distributions_are_those_of_the_raw_lines(demo_warehouse: Path, demo_raw: Path) -> None:
    quality = table(demo_warehouse, "data_quality")
    found = quality[quality["source_table"] == "transactions"].set_index(["check", "subject"])["value"]
    months = duckdb.sql(f"""
        SELECT strftime(CAST(transaction_timestamp AT TIME ZONE 'America/New_York' AS DATE), '%Y-%m') AS month,
               count(*), quantile_cont(CAST(round(sales_value * 100) AS BIGINT), 0.5) / 100
        FROM '{demo_raw}/transactions.parquet' GROUP BY ALL ORDER BY ALL
    """).fetchall()
    assert len(months) == 12
    assert found["month_lines"].to_dict() == {month: n for month, n, _ in months}
    assert found["month_median_amount"].to_dict() == pytest.approx({month: amount for month, _, amount in months})
    assert found["days_since_newest", "event_date"] == 1
    cents = "CAST(round(sales_value * 100) AS BIGINT)"
    ((*expected,),) = duckdb.sql(f"""
        SELECT min({cents}), quantile_cont({cents}, 0.05), quantile_cont({cents}, 0.25), quantile_cont({cents}, 0.5),
               quantile_cont({cents}, 0.75), quantile_cont({cents}, 0.95), max({cents}), avg({cents})
        FROM '{demo_raw}/transactions.parquet'
    """).fetchall()
    assert [found[check, "net_amount"] * 100 for check in SUMMARY] == pytest.approx([float(v) for v in expected])


def test_all_who_are_known_are_scored(demo_warehouse: Path, demo_raw: Path) -> None:
    population = published(demo_warehouse, "population", NEW_YEAR).set_index("exclusion")["customers"]
    assert population["scored"] == population.sum() == len(known_before(demo_raw, NEW_YEAR))
    assert published(demo_warehouse, "excluded_customers", NEW_YEAR).empty


def test_fuel_counts_as_revenue_and_not_as_items(demo_warehouse: Path, demo_raw: Path) -> None:
    lines = table(demo_warehouse, "stg_transactions")
    fuel = lines[lines["unit_of_measure"] == "fuel_volume"]
    fuel_cents, other_units, cents = duckdb.sql(f"""
        SELECT sum(CAST(round(sales_value * 100) AS BIGINT)) FILTER (product_type = 'GASOLINE-REG UNLEADED'),
               sum(quantity) FILTER (product_type IS DISTINCT FROM 'GASOLINE-REG UNLEADED'),
               sum(CAST(round(sales_value * 100) AS BIGINT))
        FROM '{demo_raw}/transactions.parquet' LEFT JOIN '{demo_raw}/products.parquet' USING (product_id)
    """).fetchall()[0]
    assert int(sum(fuel["net_amount"]) * 100) == fuel_cents > 0
    features = published(demo_warehouse, "customer_features", NEW_YEAR)
    assert int(sum(features["items_lifetime"])) == other_units
    assert int(sum(features["net_revenue_lifetime"]) * 100) == cents > fuel_cents


def test_profile_shares_and_customers_add_up(demo_warehouse: Path) -> None:
    profiles = published(demo_warehouse, "segment_profiles", NEW_YEAR)
    segments = published(demo_warehouse, "segments", NEW_YEAR)
    counted = segments.groupby(["dimension", "segment_id"]).size()
    found = profiles.set_index(["dimension", "segment_id"])["customers"]
    assert found.to_dict() == counted.to_dict()
    for _, rows in profiles.groupby("dimension"):
        assert rows["customer_share"].sum() == pytest.approx(1, abs=1e-12)
        assert rows["revenue_share"].sum() == pytest.approx(1, abs=1e-12)


def test_every_dimension_has_a_sweep_a_reason_and_a_model_with_its_files(demo_warehouse: Path) -> None:
    sweep = published(demo_warehouse, "k_sweep", NEW_YEAR)
    assert sweep.groupby("dimension").size().to_dict() == dict.fromkeys(ALL, 55)  # k = 2..12, five seeds
    selection = published(demo_warehouse, "k_selection", NEW_YEAR).set_index("dimension")
    models = published(demo_warehouse, "segment_models", NEW_YEAR).set_index("dimension")
    assert set(selection.index) == set(models.index) == ALL
    for dimension, row in selection.iterrows():
        found = row["structure"] != "none"  # of an eighth of the households not all dimensions show one
        assert row["reason"].startswith(f"k={row['k']:.0f}: " if found else "No structure")
        assert len(models.loc[dimension, "centroids"]) == (row["k"] if found else 1)
        assert (demo_warehouse / models.loc[dimension, "model_path"]).is_dir()
        assert not list((demo_warehouse / models.loc[dimension, "model_path"]).rglob("*.pkl"))
    assert (selection["k"].dropna() >= 2).all()
    assert selection.loc[[UNIFIED, "transactional"], "structure"].isin(["clusters", "continuum"]).all()
    assert not list((demo_warehouse / "mlflow-artifacts").rglob("*.pkl"))
    assert models["mlflow_run_id"].notna().all()


def test_what_the_source_lacks_is_said_in_the_run(demo_warehouse: Path) -> None:
    runs = table(demo_warehouse, "runs")
    notes = list(runs[runs["job"] == "ingest"].iloc[0]["notes"])
    for lack in ("consent", "feedback", "transactions.cost_amount", "transactions.channel", "customers.city"):
        assert any(note.startswith(f"no {lack}:") for note in notes), lack
    assert any("not point in time" in note for note in notes)
    features = published(demo_warehouse, "customer_features", NEW_YEAR)
    for invented in ("margin_365d", "online_share_365d", "nps_lifetime", "visits_365d"):
        assert features[invented].isna().all()
    assert table(demo_warehouse, "stg_consent").empty


def test_the_sentence_about_revenue_is_true_of_the_raw_lines(demo_warehouse: Path, demo_raw: Path) -> None:
    """So many per cent of customers bring so many of revenue: there is such a number of customers, near a fifth."""
    [report] = demo_warehouse.glob("reports/2018-01-01/*/cluster_analysis_report.html")
    said = re.search(r"([\d.]+)% of customers bring ([\d.]+)% of revenue of the last 365 days", report.read_text())
    assert said
    spent = (
        duckdb.sql(f"""
        SELECT sum(CAST(round(sales_value * 100) AS BIGINT)) AS cents FROM '{demo_raw}/transactions.parquet'
        GROUP BY household_id ORDER BY cents DESC
    """)
        .fetchnumpy()["cents"]
        .astype(float)
    )
    everyone = len(known_before(demo_raw, NEW_YEAR))  # who has bought nothing brings nothing
    shares = [(f"{100 * n / everyone:.1f}", f"{100 * spent[:n].sum() / spent.sum():.1f}") for n in range(1, len(spent))]
    assert said.groups() in shares
    assert abs(float(said[1]) - 20) < 1


@pytest.mark.long
def test_a_second_run_ends_at_once_and_changes_no_table(demo_warehouse: Path, demo_raw: Path) -> None:
    def state() -> dict[str, int]:
        logs = demo_warehouse.glob("segmentation/*/_delta_log/*.json")
        return {str(p): p.stat().st_mtime_ns for p in logs}

    before = state()
    done = submit("monthly", "--input", str(demo_raw), "--as-of", "2018-01-01", "--warehouse", str(demo_warehouse))
    assert done.returncode == 0, done.stderr
    assert "monthly: 2018-01-01 is published already" in done.stdout
    assert "Unified segments as of 2018-01-01" in done.stdout
    assert state() == before  # not one commit more


@pytest.mark.long
def test_spark_sql_finds_the_tables_by_name_while_a_job_runs(
    demo_warehouse: Path, demo_raw: Path, tmp_path: Path
) -> None:
    environment = job_environment()
    start = ["spark-submit", "--properties-file", "conf/spark/local.conf"]
    catalog = tmp_path / "catalog.sql"
    job = [*start, "jobs/monthly.py", "--as-of", "2018-01-01", "--warehouse", str(demo_warehouse)]
    with subprocess.Popen(
        job, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        made = subprocess.run(
            [sys.executable, "-m", "segmentation.cli", "catalog", "--warehouse", str(demo_warehouse),
             "--out", str(catalog)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        query = (
            "SELECT dimension, count(*) FROM segmentation.segments "
            "WHERE as_of = DATE'2018-01-01' GROUP BY ALL ORDER BY 1"
        )
        found = subprocess.run(
            ["spark-sql", "--properties-file", "conf/spark/local.conf", "-i", str(catalog), "-e", query],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert running.wait() == 0
    assert found.returncode == 0, found.stderr
    rows = [text.split("\t") for text in found.stdout.splitlines() if "\t" in text]
    known = len(known_before(demo_raw, NEW_YEAR))
    assert rows == [[dimension, str(known)] for dimension in sorted(ALL)]


def test_every_table_is_where_readers_without_a_metastore_look(demo_warehouse: Path) -> None:
    for contract in TABLES:
        rows = table(demo_warehouse, contract.name)
        assert set(contract.names) <= set(rows.columns), contract.name


def test_the_report_draws_and_asks_nothing_of_a_network(demo_warehouse: Path, demo_raw: Path) -> None:
    (report,) = (demo_warehouse / "reports" / "2018-01-01").rglob("cluster_analysis_report.html")
    assert report.stat().st_size < 5_000_000
    page = open_page(report)
    assert page.errors == []
    text = page.text
    counts = (len(known_before(demo_raw, NEW_YEAR)), lines_in(demo_raw))
    profiles = published(demo_warehouse, "segment_profiles", NEW_YEAR)
    named = profiles[profiles["dimension"] == "psychographic"]["segment_name"]
    for said in ("The Complete Journey", "simulated from real", *(f"{n:,}" for n in counts), *named):
        assert said in text, said
