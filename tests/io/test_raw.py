"""Files of one input that differ: read together where nobody minds, refused by name where nulls would come of it."""

from __future__ import annotations

import gzip
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.errors import BadInputError
from segmentation.io.failures import SPARK_FAILED
from segmentation.io.files import list_files
from segmentation.io.raw import CORRUPT, open_raw

HEADER = {"header": "true"}


def csv_rows(
    spark: SparkSession, folder: Path, needed: Collection[str], *texts: str, **options: str
) -> list[tuple[Any, ...]]:
    """a, b of files f0.csv, f1.csv, … as Spark reads them."""
    for i, text in enumerate(texts):
        (folder / f"f{i}.csv").write_text(text)
    rows = open_raw(spark, list_files(spark, str(folder), "f*.csv"), "csv", HEADER | options, needed)
    return sorted((tuple(r) for r in rows.select("a", "b", CORRUPT).collect()), key=str)


def parquet(spark: SparkSession, folder: Path, needed: Collection[str], *frames: pd.DataFrame) -> DataFrame:
    for i, frame in enumerate(frames):
        frame.to_parquet(folder / f"f{i}.parquet")
    return open_raw(spark, list_files(spark, str(folder), "f*.parquet"), "parquet", {}, needed)


def test_columns_of_csv_files_are_matched_by_name_and_added_ones_are_let_be(
    spark: SparkSession, tmp_path: Path
) -> None:
    found = csv_rows(spark, tmp_path, {"a", "b"}, "a,b\n1,2\n", "b,new,a\n4,x,3\n", "a,b\n5,6\n")
    assert found == [("1", "2", None), ("3", "4", None), ("5", "6", None)]


def test_a_packed_csv_is_looked_into(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "f9.csv.gz").write_bytes(gzip.compress(b"b,a\n4,3\n"))
    (tmp_path / "f0.csv").write_text("a,b\n1,2\n")
    rows = open_raw(spark, list_files(spark, str(tmp_path), "f*"), "csv", HEADER, {"a", "b"})
    assert sorted((r["a"], r["b"]) for r in rows.collect()) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("a,bb\n3,4\n", 'f1.csv: column "b" is not there, as it is in f0.csv. It has: a, bb. Did you mean "bb"? Corr'),
        ("a\n3\n", 'f1.csv: column "b" is not there, as it is in f0.csv. It has: a. Correct the file, or give it an '),
        ("", 'f1.csv: column "a" is not there, as it is in f0.csv. It has nothing. Correct the file, or give it an e'),
    ],
    ids=["renamed", "missing", "empty"],
)
def test_a_csv_that_lacks_a_mapped_column_is_named(spark: SparkSession, tmp_path: Path, odd: str, said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        csv_rows(spark, tmp_path, {"a", "b"}, "a,b\n1,2\n", odd, "a,b\n5,6\n")
    assert str(refused.value).startswith(said)


TWO = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (TWO.rename(columns={"b": "bb"}), 'f1.parquet: column "b" is not there, as it is in f0.parquet. It has: a, bb'),
        (TWO[["a"]], 'f1.parquet: column "b" is not there, as it is in f0.parquet. It has: a.'),
        (TWO.astype({"b": str}), 'f1.parquet: column "b" is string, and double in f0.parquet. Correct the file, or'),
    ],
    ids=["renamed", "missing", "another type"],
)
def test_a_parquet_file_that_would_give_nulls_is_named(
    spark: SparkSession, tmp_path: Path, odd: pd.DataFrame, said: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        parquet(spark, tmp_path, {"a", "b"}, TWO, odd, TWO)
    assert str(refused.value).startswith(said)


def test_what_nobody_maps_may_differ_and_whole_numbers_may_be_wider(spark: SparkSession, tmp_path: Path) -> None:
    first, second = TWO.assign(x=1, y="t"), TWO.astype({"a": "int32"}).assign(x="one", z=True)
    rows = parquet(spark, tmp_path, {"a", "b"}, first, second)
    assert sorted((r["a"], r["b"], r["x"], r["y"], r["z"]) for r in rows.collect()) == sorted([
        (1, 1.5, "1", "t", None), (2, 2.5, "1", "t", None), (1, 1.5, "one", None, True), (2, 2.5, "one", None, True)
    ])  # fmt: skip


def test_a_truncated_parquet_file_is_named_before_a_row_is_read(spark: SparkSession, tmp_path: Path) -> None:
    TWO.to_parquet(tmp_path / "f1.parquet")
    whole = (tmp_path / "f1.parquet").read_bytes()
    (tmp_path / "f1.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInputError, match=r"^f1\.parquet: not readable as parquet: .*is not a Parquet file"):
        parquet(spark, tmp_path, {"a"}, TWO)


def test_a_line_of_too_few_or_many_values_is_kept_as_it_stands(spark: SparkSession, tmp_path: Path) -> None:
    found = csv_rows(spark, tmp_path, {"a", "b"}, "a,b\n1\n3,4\n5,6,7\n")
    assert found == [("1", None, "1"), ("3", "4", None), ("5", "6", "5,6,7")]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', {"multiLine": "true"}, "f0.csv: it has 1 quotes, an odd number: one is opened"),
        ('a,b\n1,2\n"3,4\n5,6\n', {}, "f0.csv: a quote is opened and not closed"),
        ('a,b\n1,2\n"3,4\n5,"6"\n"7,8\n', {"multiLine": "true"}, "f0.csv"),
        ('a,b\n1,2\n"3"x,4\n', {}, "f0.csv"),
    ],
    ids=["rest of the file swallowed", "rest of the line swallowed", "two lines in one", "text after a closed quote"],
)
def test_a_quote_that_does_not_close_is_an_error_that_names_the_file(
    spark: SparkSession, tmp_path: Path, text: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises((BadInputError, *SPARK_FAILED)) as refused:
        csv_rows(spark, tmp_path, {"a", "b"}, text, **options)
    assert said in str(refused.value)


def test_quotes_within_quotes_and_line_breaks_are_values(spark: SparkSession, tmp_path: Path) -> None:
    found = csv_rows(spark, tmp_path, {"a", "b"}, 'a,b\n1,"5"" pipe"\n2,"two\nlines"\n', multiLine="true")
    assert found == [("1", '5" pipe', None), ("2", "two\nlines", None)]
    found = csv_rows(spark, tmp_path, {"a", "b"}, 'a,b\n1,"5\\" pipe"\n2,5" pipe\n', escape="\\")
    assert found == [("1", '5" pipe', None), ("2", '5" pipe', None)]
