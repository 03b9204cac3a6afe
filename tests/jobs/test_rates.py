"""A rate table named in the mapping, from its file to staged lines; a file that changed is another input."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.pipeline import run_ingest
from tests.published import table
from tests.shop import SOURCE, configure, line, open_shop, write_sales


@pytest.mark.long
@pytest.mark.usefixtures("staging_only")
def test_a_corrected_rate_is_staged_with_the_same_sales(spark: SparkSession, tmp_path: Path) -> None:
    source = yaml.safe_load(SOURCE)
    source["transactions"][0]["columns"]["currency"] = "if(channel = 'online', 'USD', 'EUR')"
    source["rates"] = {"files": "rates.csv", "format": "csv", "options": {"header": "true"}}
    config = configure(tmp_path / "conf", yaml.safe_dump(source))
    early = line("r3", "c3", "2024-05-31", "10.00", channel="online")
    sold = [line("r1", "c1", "2024-06-03", "10.00", channel="online"), line("r2", "c2", "2024-06-03", "10.00"), early]
    raw = write_sales(tmp_path / "raw", sold)
    found = []
    for rate in ("0.92", "0.93"):
        (raw / "rates.csv").write_text(f"currency,date,rate\nUSD,2024-06-01,{rate}\n")
        run_ingest(open_shop(spark, config, tmp_path / "warehouse"), str(raw))
        staged = table(tmp_path / "warehouse", "stg_transactions").sort_values("transaction_id")
        found.append([str(amount) for amount in staged["net_amount"]])
    assert found == [["9.20", "10.00"], ["9.30", "10.00"]]
    refused = table(tmp_path / "warehouse", "quarantine")
    assert list(refused["reason"]) == ["currency is USD; expected EUR, or a rate in rates.csv of 2024-05-31 or earlier"]
    assert len(table(tmp_path / "warehouse", "runs")) == 2
