"""Two ids merged are one customer: the tables are those of data in which the ids were rewritten by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.core import BadInputError
from segmentation.pipeline import run_ingest
from segmentation.staging import survivors
from segmentation.staging.mapping import Merges
from tests.published import row_hash, table
from tests.shop import SOURCE, configure, line, open_shop, write_sales

MERGES = {"files": "merges.csv", "format": "csv", "options": {"header": "true"}}
PEOPLE = {"files": "people.csv", "format": "csv", "options": {"header": "true"},
          "columns": {"customer_id": "who", "city": "city"}}  # fmt: skip
SOLD = [line(f"r{c}{i}", f"c{c}", f"2024-06-0{i}", f"{c}.{i}0") for c in range(1, 6) for i in (1, 2)]
CITIES = {"c1": "Ulm", "c2": "Bonn", "c3": "Kiel", "c4": "Jena"}


class Shop:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        source = yaml.safe_load(SOURCE) | {"merges": MERGES, "customers": [PEOPLE]}
        configure(folder / "conf", yaml.safe_dump(source))

    def ingest(
        self, pairs: Sequence[tuple[str, str]], sold: Sequence[dict[str, str]], cities: dict[str, str]
    ) -> dict[str, str]:
        """A hash of every table that knows customers, after one ingest."""
        raw = write_sales(self.folder / "raw", sold)
        (raw / "merges.csv").write_text("old_id,new_id\n" + "".join(f"{a},{b}\n" for a, b in pairs))
        (raw / "people.csv").write_text("who,city\n" + "".join(f"{who},{city}\n" for who, city in cities.items()))
        run_ingest(open_shop(self.spark, self.folder / "conf", self.folder / "warehouse"), str(raw))
        names = ("stg_transactions", "stg_customers", "customer_day")
        return {name: row_hash(table(self.folder / "warehouse", name)) for name in names}


CHAIN = [("c1", "c2"), ("c2", "c3"), ("c5", "c3")]
NAMES = {"c1": "c3", "c2": "c3", "c5": "c3"}


@pytest.mark.long
def test_merged_at_once_or_later_is_what_it_is_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    rewritten = [row | {"customer": NAMES.get(row["customer"], row["customer"])} for row in SOLD]
    by_hand = Shop(spark, tmp_path / "hand").ingest([], rewritten, {"c3": "Kiel", "c4": "Jena"})
    assert Shop(spark, tmp_path / "once").ingest(CHAIN, SOLD, CITIES) == by_hand
    later = Shop(spark, tmp_path / "later")
    assert later.ingest([], SOLD, CITIES) != by_hand
    # The second ingest does not read the merged customers' rows again.
    assert later.ingest(CHAIN, SOLD[-2:], {"c4": "Jena"}) == by_hand


def found(spark: SparkSession, *pairs: tuple[str | None, str]) -> dict[str, str]:
    raw = spark.createDataFrame(list(pairs), "old_id string, new_id string")
    rows = survivors(Merges.model_validate(MERGES), raw).collect()
    assert len({r["customer_id"] for r in rows}) == len(rows)
    return {r["customer_id"]: r["survivor"] for r in rows}


def test_chains_end_at_their_last_id(spark: SparkSession) -> None:
    long = [(f"a{i}", f"a{i + 1}") for i in range(9)]
    assert found(spark, *long, ("b", "a4"), ("b", "a4"), ("z", "z")) == {f"a{i}": "a9" for i in range(9)} | {"b": "a9"}


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("a", "b"), ("b", "c"), ("c", "a"), ("x", "a")], "a, b, c are merged into each other; expected chains that"),
        ([("a", "b"), ("b", "a"), ("y", "z")], "a, b are merged into each other; expected chains that end."),
        ([("a", "b"), ("a", "c")], "a is merged into b and c; expected one."),
        ([(None, "c")], "a row has no old or no new id; expected both."),
    ],
)
def test_what_has_no_end_or_two_is_refused_with_the_ids(
    spark: SparkSession, pairs: list[tuple[str | None, str]], said: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        found(spark, *pairs)
    assert str(refused.value).startswith(f"merges (merges.csv): {said}")
