"""A user's files: found whole, and named when they are not there."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core.errors import BadInputError
from segmentation.io.files import exists, list_files, write_text
from segmentation.io.raw import open_raw


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw files [2024] {a,b}"
    for name, text in {
        "sales-2.csv": "a,b\n3,4\n", "sales-1.csv": "a,b\n1,2\n", "other.csv": "c\n", ".sales-3.csv": "a,b\n9,9\n",
        "sales-parts/part-0.csv": "a,b\n5,6\n", "sales-parts/_SUCCESS": "", "sales-parts/deep/x.csv": "a,b\n7,8\n",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_files_come_by_name_and_a_folder_stands_for_the_files_in_it(spark: SparkSession, raw: Path) -> None:
    os.utime(raw / "sales-1.csv", (1_500_000_000, 1_500_000_000))
    files = list_files(spark, f"{raw}/", "sales*")
    assert [f.name for f in files] == ["sales-1.csv", "sales-2.csv", "part-0.csv"]
    assert [f.length for f in files] == [8, 8, 8]
    assert files[0].modified == dt.datetime(2017, 7, 14, 2, 40, tzinfo=dt.UTC)
    rows = open_raw(spark, files, "csv", {"header": "true"}).collect()
    assert sorted((r["a"], r["b"]) for r in rows) == [("1", "2"), ("3", "4"), ("5", "6")]


def test_a_pattern_that_matches_nothing_says_what_is_there(spark: SparkSession, raw: Path) -> None:
    with pytest.raises(BadInputError) as refusal:
        list_files(spark, str(raw), "othr.csv")
    assert str(refusal.value).startswith(f"{raw}: no file matches othr.csv. It has: ")
    assert str(refusal.value).endswith('Did you mean "other.csv"?')


def test_a_folder_that_is_not_there_is_named(spark: SparkSession, raw: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere: there is no such folder. Name the folder of the raw files with"):
        list_files(spark, f"{raw}/nowhere", "*.csv")


def test_a_file_that_is_not_what_the_mapping_says_is_refused_by_name(spark: SparkSession, raw: Path) -> None:
    with pytest.raises(BadInputError, match=r"other\.csv: not readable as parquet: .*`format` in the source mapping"):
        open_raw(spark, list_files(spark, str(raw), "other.csv"), "parquet", {})


def test_a_text_is_written_whole_over_the_old_one(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.html"
    assert not exists(spark, str(path))
    for text in ("a long first text", "kürzer ✓"):
        write_text(spark, str(path), text)
        assert path.read_text(encoding="utf-8") == text
    assert exists(spark, str(path))
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == ["report.html"]
