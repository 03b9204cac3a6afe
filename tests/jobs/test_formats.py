"""JSON, Delta and a JDBC table as inputs: the same rows whatever holds them, and known again when unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.core import BadInputError, ConfigError
from segmentation.pipeline import run_ingest
from segmentation.staging import load_source
from tests.published import table
from tests.shop import SOURCE, configure, line, open_shop

pytestmark = pytest.mark.usefixtures("staging_only")
LINES = [line(f"r{i}", f"c{i}", f"2024-06-0{i}", f"{i}.50") for i in (1, 2, 3)]
DERBY = {"url": "jdbc:derby:memory:{name};create=true", "driver": "org.apache.derby.iapi.jdbc.AutoloadedDriver"}


def mapping(**part: Any) -> str:
    source = yaml.safe_load(SOURCE)
    del source["transactions"][0]["options"]
    source["transactions"][0].update(part)
    if part["format"] != "json":
        columns = source["transactions"][0]["columns"]
        columns |= {c: f"CAST({columns[c]} AS decimal(18,2))" for c in ("net_amount", "quantity", "discount_amount")}
        columns |= {"line_no": "CAST(line AS INT)", "transaction_ts": "CAST(sold_at AS timestamp_ntz)"}
    return str(yaml.safe_dump(source))


def ingest(spark: SparkSession, folder: Path, source: str) -> tuple[list[Any], pd.DataFrame]:
    """[receipt, cents] of what is staged, and the runs."""
    config = folder / "conf" if (folder / "conf").exists() else configure(folder / "conf")
    (config / "sources" / "shop.yml").write_text(source)
    (folder / "raw").mkdir(exist_ok=True)
    run_ingest(open_shop(spark, config, folder / "warehouse"), str(folder / "raw"))
    staged = table(folder / "warehouse", "stg_transactions").sort_values("transaction_id")
    cents = [int(amount * 100) for amount in staged["net_amount"]]
    return list(zip(staged["transaction_id"], cents, strict=True)), table(folder / "warehouse", "runs")


THREE = [("r1", 150), ("r2", 250), ("r3", 350)]


def test_json_lines_and_one_that_is_broken(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    text = "".join(json.dumps(row) + "\n" for row in LINES) + '{"receipt": "r4", \n'
    (tmp_path / "raw" / "sales.json").write_text(text)
    assert ingest(spark, tmp_path, mapping(files="sales.json", format="json"))[0] == THREE
    refused = table(tmp_path / "warehouse", "quarantine")
    assert list(refused["rule"]) == ["malformed_row"]
    assert json.loads(refused["raw_row"][0]) == {"_corrupt_record": '{"receipt": "r4", '}


@pytest.mark.long
def test_a_delta_table_is_known_by_its_version(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame(LINES)
    rows.where("receipt <> 'r3'").write.format("delta").partitionBy("channel").save(str(tmp_path / "raw" / "sales"))
    source = mapping(files="sales", format="delta")
    assert ingest(spark, tmp_path, source)[0] == THREE[:2]
    assert len(ingest(spark, tmp_path, source)[1]) == 1  # the same version: nothing to do
    rows.where("receipt = 'r3'").write.format("delta").mode("append").save(str(tmp_path / "raw" / "sales"))
    staged, runs = ingest(spark, tmp_path, source)
    assert staged == THREE
    assert ["version 1" in dict(inputs).values() for inputs in runs.sort_values("publish_seq")["inputs"]] == [
        False,
        True,
    ]


def test_a_folder_that_is_no_delta_table_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "raw" / "sales").mkdir(parents=True)
    with pytest.raises(BadInputError, match=r"^sales: not readable as delta: "):
        ingest(spark, tmp_path, mapping(files="sales", format="delta"))
    assert not (tmp_path / "warehouse").exists()


@pytest.fixture
def database(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of an embedded database with the table SALES, in memory and in Spark's own process."""
    options = {**DERBY, "url": DERBY["url"].format(name=tmp_path.name.replace("-", "_"))}
    sell(spark, options, LINES[:2])
    monkeypatch.setenv("SHOP_DB_USER", "app")
    monkeypatch.setenv("SHOP_DB_PASSWORD", "s3cret")
    return {**options, "user": "$SHOP_DB_USER", "password": "$SHOP_DB_PASSWORD"}


def sell(spark: SparkSession, options: dict[str, str], rows: list[dict[str, str]]) -> None:
    typed = spark.createDataFrame(rows).withColumn("changed_at", F.to_timestamp("sold_at"))
    text = ", ".join(f"{c} varchar(50)" for c in LINES[0])
    given = {**options, "user": "app", "createTableColumnTypes": text, "dbtable": "SALES"}
    typed.write.format("jdbc").options(**given).mode("append").save()


@pytest.mark.long
def test_a_database_table_is_known_by_its_rows_and_watermark(
    spark: SparkSession, tmp_path: Path, database: dict[str, str]
) -> None:
    source = mapping(files="SALES", format="jdbc", options=database, watermark="changed_at")
    assert ingest(spark, tmp_path, source)[0] == THREE[:2]
    staged, runs = ingest(spark, tmp_path, source)
    assert (staged, len(runs)) == (THREE[:2], 1)  # nothing new, nothing done
    inputs = dict(runs["inputs"][0])
    assert inputs["jdbc:derby:memory:" + tmp_path.name.replace("-", "_") + " SALES"] == (
        "rows 2, watermark changed_at, highest 2024-06-02 12:00:00"
    )
    assert "s3cret" not in json.dumps(inputs)
    sell(spark, database, LINES[2:])
    assert ingest(spark, tmp_path, source)[0] == THREE


@pytest.mark.long
def test_a_database_table_without_a_watermark_is_read_each_time(
    spark: SparkSession, tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mapping(files="SALES", format="jdbc", options=database)
    runs = [len(ingest(spark, tmp_path, source)[1]) for _ in range(2)]
    assert runs == [1, 2]
    monkeypatch.delenv("SHOP_DB_PASSWORD")
    with pytest.raises(ConfigError, match=r"SALES: `password` is \$SHOP_DB_PASSWORD, and that is not set"):
        ingest(spark, tmp_path, source)
    with pytest.raises(BadInputError, match=r"RETURNS: not readable as jdbc: .*'RETURNS' does not exist"):
        ingest(spark, tmp_path, mapping(files="RETURNS", format="jdbc", options=DERBY | {"url": database["url"]}))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "jdbc:x://h/db", "user": "root", "password": "hush"}, "user and password stay out of the mapping"),
        ({"url": "jdbc:x://h/db?user=a&password=hush"}, "user and password stay out of the mapping"),
        ({"url": "jdbc:x://root:hush@h/db"}, "user and password stay out of the mapping"),
        ({"driver": "x"}, "format jdbc needs options.url"),
        ({"url": "jdbc:x://h/db", "query": "SELECT 1"}, "the table's name as `files`"),
    ],
)
def test_a_mapping_holds_no_secret(tmp_path: Path, options: dict[str, str], said: str) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.yml").write_text(mapping(files="SALES", format="jdbc", options=options))
    with pytest.raises(ConfigError, match=said) as e:
        load_source(tmp_path, "shop")
    assert "hush" not in str(e.value)
