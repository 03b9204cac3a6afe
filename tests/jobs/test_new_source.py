"""`make new-source`: the draft of a mapping loads and says what it guessed; a well-named shop's needs no edit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation import cli
from segmentation.core import BadInputError, ConfigError
from segmentation.datasets import write_cdnow
from segmentation.datasets.synthetic import Retailer, find_scenario, write_synthetic
from segmentation.io import Warehouse
from segmentation.pipeline import Context, Steps, new_source, run_ingest
from segmentation.staging import load_source
from tests.published import table
from tests.shop import configure


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def draft(tmp_path: Path, folder: Path, **said: str) -> dict[str, object]:
    (tmp_path / "conf" / "sources").mkdir(parents=True, exist_ok=True)
    path, _ = new_source(str(tmp_path / "conf"), "shop", str(folder), **said)
    load_source(tmp_path / "conf", "shop")
    found: dict[str, object] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.usefixtures("staging_only")
def test_the_draft_of_a_well_named_shop_is_ingested_without_an_edit(spark: SparkSession, tmp_path: Path) -> None:
    raw, config = tmp_path / "raw", configure(tmp_path / "conf")
    (config / "sources" / "shop.yml").unlink()
    head = "Receipt No;Customer;Sold at;Article;Product Group;Qty;Amount;Currency;Channel\n"
    write(raw, "sales-2024-05.csv", head + "1;anna;31.05.2024 23:30;milk;dairy;2;1.002,50;EUR;SHOP\n"
          "1;anna;31.05.2024 23:30;tea;drinks;1;3,10;EUR;SHOP\n")  # fmt: skip
    write(raw, "sales-2024-06.csv", head + "2;bob;02.06.2024 09:05;milk;dairy;-1;-1,25;EUR;WEB\n")
    write(raw, "customers.csv", "customer_id,age_group,city\nanna,18-29,Ulm\nbob,9-17,\n")
    write(raw, "clicks.json", '{"customer": "anna", "date": "2024-06-01", "campaign": "k1"}\n')
    path, choices = new_source(str(config), "shop", str(raw), zone="Europe/Berlin")
    assert choices == ("the order of age_band",)
    run_ingest(Context(Warehouse(spark, str(tmp_path / "w")), config, "shop", Steps()), str(raw), dt.date(2024, 7, 1))
    lines = table(tmp_path / "w", "stg_transactions").sort_values(["transaction_id", "line_no"])
    columns = ["transaction_id", "line_no", "customer_id", "event_date", "local_hour", "product_id", "quantity",
               "net_amount", "currency", "channel", "is_return"]  # fmt: skip
    may, june, units = dt.date(2024, 5, 31), dt.date(2024, 6, 2), Decimal("1.000")
    assert lines[columns].to_numpy().tolist() == [
        ["1", 1, "anna", may, 23, "milk", units * 2, Decimal("1002.50"), "EUR", "store", False],
        ["1", 2, "anna", may, 23, "tea", units, Decimal("3.10"), "EUR", "store", False],
        ["2", 1, "bob", june, 9, "milk", -units, Decimal("-1.25"), "EUR", "online", True],
    ]
    ranks = table(tmp_path / "w", "stg_customers").set_index("customer_id")["age_band_rank"]
    assert ranks.to_dict() == {"anna": 2, "bob": 1}  # 9-17 before 18-29
    assert table(tmp_path / "w", "stg_interactions")["interaction_type"].tolist() == ["click"]
    assert table(tmp_path / "w", "quarantine").empty
    with pytest.raises(ConfigError, match=r"shop\.yml is there already and stays as it is"):
        new_source(str(config), "shop", str(raw))
    assert "# such as 1.002,50, 3,10; with a decimal comma" in path.read_text()


def test_the_draft_of_cdnow_is_our_own_mapping_but_for_what_its_file_cannot_tell(tmp_path: Path) -> None:
    found = draft(tmp_path, write_cdnow(tmp_path / "raw"), currency="USD", zone="America/New_York")
    ours = yaml.safe_load(Path("conf/sources/cdnow.yml").read_text())
    (part,), (wanted,) = found["transactions"], ours["transactions"]  # type: ignore[misc]
    del wanted["columns"]["channel"], wanted["columns"]["local_hour"]  # what we know of CDNOW from elsewhere
    assert part == wanted


def test_the_draft_of_the_complete_journey_finds_every_table(complete_journey: Path, tmp_path: Path) -> None:
    found = draft(tmp_path, complete_journey)
    tables = {"transactions", "products", "customers", "campaigns", "interactions"}
    assert tables <= found.keys()
    ours = yaml.safe_load(Path("conf/sources/complete_journey.yml").read_text())
    assert found["levels"] == ours["levels"]
    for name in ("transaction_id", "line_no", "customer_id", "transaction_ts", "product_id", "quantity", "net_amount"):
        assert found["transactions"][0]["columns"][name] == ours["transactions"][0]["columns"][name], name  # type: ignore[index]
    assert "# campaigns.parquet: it has campaign_id" in (tmp_path / "conf" / "sources" / "shop.yml").read_text()


@pytest.mark.long
@pytest.mark.usefixtures("staging_only")
def test_the_draft_of_the_synthetic_retailer_stages_its_lines(spark: SparkSession, tmp_path: Path) -> None:
    write_synthetic(spark, Retailer(60, 1_500, 3, find_scenario("none"), 0.0), str(tmp_path / "made"))
    config = configure(tmp_path / "conf")
    (config / "sources" / "shop.yml").unlink()
    new_source(str(config), "shop", str(tmp_path / "made" / "raw"), zone="Europe/Berlin")
    source = load_source(config, "shop")
    assert source.currency == "EUR"
    for inputs in (source.products, source.customers, source.campaigns, source.interactions, source.feedback):
        assert inputs
    raw = str(tmp_path / "made" / "raw")
    run = run_ingest(Context(Warehouse(spark, str(tmp_path / "w")), config, "shop", Steps()), raw)
    assert run["rows_out"] > 0.8 * run["rows_in"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no file can be read"),
        ({"notes.csv": "a,b\n1,2\n"}, r"no file looks like receipt lines: .* There is: notes\.csv \(a, b\)"),
        ({"sales.csv": "1,2,3\n4,5,6\n"}, r"sales\.csv: its first line is no header"),
    ],
    ids=["nothing", "other columns", "no header"],
)
def test_files_without_receipts_are_refused_and_nothing_is_written(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    (tmp_path / "raw").mkdir()
    for name, text in files.items():
        write(tmp_path / "raw", name, text)
    with pytest.raises(BadInputError, match=said):
        draft(tmp_path, tmp_path / "raw")
    assert not list((tmp_path / "conf" / "sources").iterdir())


SALE = "invoice,customer_id,date,amount\n"


@pytest.mark.parametrize(
    ("rows", "column", "expected"),
    [
        ("A,c,31/12/2023,1\nB,c,01/02/2024,2\n", "transaction_ts", "try_to_date(date, 'dd/MM/yyyy')"),
        ("A,c,12/31/2023,1\nB,c,01/02/2024,2\n", "transaction_ts", "try_to_date(date, 'MM/dd/yyyy')"),
        ("A,c,2/1/2024 9:05,1\n", "transaction_ts", "CAST(try_to_timestamp(date, 'd/M/yyyy H:mm') AS timestamp_ntz)"),
        ("A,c,2024-02-01T09:05:00Z,1\n", "transaction_ts", "date"),
        ("1,c,2024-02-01,1\nC2,c,2024-02-02,-1\n", "is_return", "startswith(invoice, 'C')"),
        ("1,c,2024-02-01,1\n2,c,2024-02-02,-1\n", "is_return",
         "coalesce(try_cast(amount AS decimal(18,3)) < 0, false)"),
    ],
)  # fmt: skip
def test_values_tell(tmp_path: Path, rows: str, column: str, expected: str) -> None:
    write(tmp_path / "raw", "sales.csv", SALE + rows)
    found = draft(tmp_path, tmp_path / "raw")
    assert found["transactions"][0]["columns"][column] == expected  # type: ignore[index]


def test_what_values_cannot_tell_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    write(tmp_path / "raw", "sales.csv", SALE + "A,c,01/02/2024,1\n")
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    options = ["--name", "shop", "--files", str(tmp_path / "raw"), "--config", str(tmp_path / "conf")]
    monkeypatch.setattr("sys.argv", ["segmentation", "new-source", *options])
    cli.main()
    assert "Choose before you trust it: currency, time_zone\n" in capsys.readouterr().out
    text = (tmp_path / "conf" / "sources" / "shop.yml").read_text()
    assert "currency: XXX  # choose: ISO 4217" in text
    assert "time_zone: UTC  # choose: where the tills stand" in text
    assert "choose: dd/MM/yyyy or MM/dd/yyyy, no value tells" in text


def test_a_typed_file_is_cast_where_its_types_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    frame = pd.DataFrame({"receipt": ["1"], "customer": [1.0], "date": ["2024-01-01"], "amount": ["1.5"]})
    frame.to_parquet(tmp_path / "raw" / "sales.parquet")
    columns = draft(tmp_path, tmp_path / "raw")["transactions"][0]["columns"]  # type: ignore[index]
    assert columns == {
        "transaction_id": "receipt", "customer_id": "CAST(CAST(customer AS bigint) AS string)",
        "transaction_ts": "try_cast(date AS timestamp)", "net_amount": "try_cast(amount AS decimal(18,2))",
    }  # fmt: skip
