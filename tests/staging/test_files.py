"""Files as users have them: wrong columns, wrong types, nothing at all, and customers with hostile names."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, SegmentationError
from segmentation.io.failures import SPARK_FAILED
from segmentation.staging import Source, quality, quarantine_rows
from tests.staging.data import COLUMNS, LINE, lines, part, shop, stage, stage_files, table

HEADER = {"header": "true", "multiLine": "true", "escape": '"'}
CSV_SHOP = shop(transactions=[part(options=HEADER)])
PARQUET = {"files": "lines.parquet", "format": "parquet"}
NOON = dt.datetime(2017, 3, 1, 17, tzinfo=dt.UTC)


def write_csv(folder: Path, *rows: dict[str, str], header: tuple[str, ...] = tuple(LINE)) -> None:
    with (folder / "lines.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(folder: Path, **changes: pa.Array) -> None:
    """One good line with the types that a contract asks for, but for the changes."""
    good = {
        "receipt": pa.array(["r1"]),
        "line": pa.array([1], pa.int32()),
        "customer": pa.array(["c1"]),
        "at": pa.array([NOON], pa.timestamp("us", "UTC")),
        "net": pa.array([10.0]),
        "off": pa.array([0.0]),
        "units": pa.array([2.0]),
        "currency": pa.array(["USD"]),
        "returned": pa.array([False]),
    }
    pq.write_table(pa.table(good | changes), folder / "lines.parquet")


def refusal(spark: SparkSession, folder: Path, source: Source) -> str:
    with pytest.raises(SegmentationError) as refused:
        quality(stage_files(spark, folder, source))
    assert refused.type is BadInputError
    return str(refused.value)


HOSTILE = (
    "O'Hara \"the\" 1st", "two\nlines", "=cmd()|' /C calc'!A0", "../../etc/passwd", "'; DROP TABLE runs; --", "a,b",
    "back\\slash\\", "{\"json\": 1}", "${jndi:ldap://x}", "日本語 🛒 Ünïcödé", "NaN", "null", "0012", "-1", "c\u202e1",
)  # fmt: skip


def test_a_customers_name_survives_whatever_it_is(spark: SparkSession, tmp_path: Path) -> None:
    good = [LINE | {"receipt": f"r{i:02}", "customer": name} for i, name in enumerate(HOSTILE)]
    bad = [row | {"receipt": f"bad{row['receipt']}", "currency": "EUR"} for row in good]
    write_csv(tmp_path, *good, *bad)
    cleaned = stage_files(spark, tmp_path, CSV_SHOP)
    assert_df_equality(
        cleaned.accepted.select("transaction_id", "customer_id").orderBy("transaction_id"),
        table(
            spark,
            "transaction_id string, customer_id string",
            *((f"r{i:02}", name) for i, name in enumerate(HOSTILE)),
        ),
        ignore_nullable=True,
    )
    refused = quarantine_rows(cleaned, "run", NOON).collect()
    assert sorted(json.loads(r["raw_row"])["customer"] for r in refused) == sorted(HOSTILE)


def test_a_missing_column_is_refused_with_file_column_and_nearest_name(spark: SparkSession, tmp_path: Path) -> None:
    misspelt = tuple("net_amout" if name == "net" else name for name in LINE)
    write_csv(tmp_path, dict(zip(misspelt, LINE.values(), strict=True)), header=misspelt)
    source = shop(transactions=[part(COLUMNS | {"net_amount": "round(net_amount, 2)"}, options=HEADER)])
    assert refusal(spark, tmp_path, source) == (
        'transactions (lines.csv): column "net_amount" is not there, and net_amount is made of it. It has: at, '
        'currency, customer, line, net_amout, off, receipt, returned, units. Did you mean "net_amout"?'
    )


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("net", pa.array(["10.00"]), '"net" is string, and net_amount needs decimal(18,2).'),
        ("line", pa.array([True]), '"line" is boolean, and line_no needs int.'),
        ("at", pa.array([1488387600]), '"at" is bigint, and transaction_ts needs timestamp.'),
        ("returned", pa.array([0]), '"returned" is bigint, and is_return needs boolean.'),
        ("customer", pa.array([b"c1"]), '"customer" is binary, and customer_id needs string.'),
    ],
    ids=["text for money", "truth for a number", "a number for an instant", "a number for truth", "bytes for text"],
)
def test_a_column_of_another_type_is_refused_before_a_row_is_read(
    spark: SparkSession, tmp_path: Path, column: str, values: pa.Array, said: str
) -> None:
    write_parquet(tmp_path, **{column: values})
    ours, wanted = re.search(r"and (\w+) needs (\S+)\.$", said).groups()
    assert refusal(spark, tmp_path, shop(transactions=[part(**PARQUET)])) == (
        f"transactions (lines.parquet): {said} If its values can be read as that, "
        f"write `{ours}: try_cast(… AS {wanted})` in the mapping."
    )


def test_the_advice_of_a_refused_type_works(spark: SparkSession, tmp_path: Path) -> None:
    write_parquet(tmp_path, net=pa.array(["10.00"]))
    source = shop(transactions=[part(COLUMNS | {"net_amount": "try_cast(net AS decimal(18,2))"}, **PARQUET)])
    cleaned = stage_files(spark, tmp_path, source)
    assert [str(r["net_amount"]) for r in cleaned.accepted.collect()] == ["10.00"]


def test_whole_numbers_decimals_and_codes_are_read_as_they_are(spark: SparkSession, tmp_path: Path) -> None:
    write_parquet(tmp_path, net=pa.array([10]), customer=pa.array([7]), line=pa.array([3.0]))
    row = stage_files(spark, tmp_path, shop(transactions=[part(**PARQUET)])).accepted.first()
    assert (str(row["net_amount"]), row["customer_id"], row["line_no"]) == ("10.00", "7", 3)


def test_a_missing_file_is_refused_with_the_nearest_that_is_there(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "line.csv").touch()
    assert refusal(spark, tmp_path, CSV_SHOP) == (
        f'{tmp_path}: no file matches lines.csv. It has: line.csv. Did you mean "line.csv"?'
    )


def test_a_file_that_breaks_off_in_its_middle_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    numbers = pa.array([f"r{i}" for i in range(5000)])
    pq.write_table(pa.table({"receipt": numbers, "customer": numbers}), tmp_path / "lines.parquet")
    whole = (tmp_path / "lines.parquet").read_bytes()
    # The footer, read for the schema, is as it was; a page before it is not.
    (tmp_path / "lines.parquet").write_bytes(whole[:4] + bytes(2000) + whole[2004:])
    mapping = {"transaction_id": "receipt", "customer_id": "customer", "transaction_ts": "NULL", "net_amount": "1"}
    said = refusal(spark, tmp_path, shop(transactions=[part(mapping, **PARQUET)]))
    assert said.startswith("transactions: Spark met a value or a file that it cannot read: [FAILED_READ_FILE")
    assert "lines.parquet" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "receipt,line,customer,at,net,off,units,currency,returned\n",
            "transactions: the input has no rows. Expected one row per line of a receipt; "
            "check `files` in the mapping.",
        ),
        (
            "",
            'transactions (lines.csv): column "receipt" is not there, and transaction_id is made of it. '
            "It has nothing.",
        ),
    ],
    ids=["a header", "nothing at all"],
)
def test_a_file_without_rows_is_refused(spark: SparkSession, tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "lines.csv").write_text(content)
    assert refusal(spark, tmp_path, CSV_SHOP) == said


def test_rows_of_two_shapes_are_one_input(spark: SparkSession, tmp_path: Path) -> None:
    write_csv(tmp_path, LINE, LINE | {"receipt": "r2", "net": "x"})
    write_parquet(tmp_path, receipt=pa.array(["r3"]))
    cleaned = stage_files(spark, tmp_path, shop(transactions=[part(options=HEADER), part(**PARQUET)]))
    assert sorted(r["transaction_id"] for r in cleaned.accepted.collect()) == ["r1", "r3"]
    assert [v for _, check, _, v in quality(cleaned) if check in ("rows_read", "rows_quarantined")] == [3.0, 1.0]


def test_a_field_of_a_struct_can_be_mapped(spark: SparkSession, tmp_path: Path) -> None:
    line = {k: v for k, v in LINE.items() if k != "customer"} | {"customer": {"id": "c9"}}
    (tmp_path / "lines.json").write_text(json.dumps(line) + "\n")
    source = shop(transactions=[part(COLUMNS | {"customer_id": "customer.id"}, files="lines.json", format="json")])
    assert [r["customer_id"] for r in stage_files(spark, tmp_path, source).accepted.collect()] == ["c9"]


def test_a_full_disk_is_not_put_down_to_the_files(spark: SparkSession) -> None:
    full = F.raise_error(F.lit("java.io.IOException: No space left on device"))
    raw = lines(spark, {}).withColumn("net", F.when(F.col("net").isNotNull(), full.cast("string")))
    with pytest.raises(SPARK_FAILED, match="No space left on device"):
        stage(shop(transactions=[part()]), raw)
