"""A row read again is judged again: it is staged or in quarantine by its last reading, and never both."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.pipeline import run_ingest
from tests.published import table
from tests.shop import SOURCE, configure, line, open_shop, write_sales

pytestmark = pytest.mark.usefixtures("staging_only")
STRICT = SOURCE + "    rules: [{rule: too_much, when: net_amount > 100, reason: more than the shop sells}]\n"
GOOD = line("r1", "c1", "2024-06-01", "10.00")
MUCH = line("r2", "c2", "2024-06-02", "500.00")
TEXT = line("r3", "c3", "2024-06-03", "ten")


class Shop:
    """A warehouse into which the same folder is ingested again and again."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        configure(folder / "conf")

    def ingest(self, *lines: dict[str, str], source: str = SOURCE) -> tuple[list[str], list[tuple[str, str]], int]:
        """Staged receipts, quarantined (rule, key's receipt), and staged revenue in cents, after one ingest."""
        (self.folder / "conf" / "sources" / "shop.yml").write_text(source)
        write_sales(self.folder / "raw", lines)
        context = open_shop(self.spark, self.folder / "conf", self.folder / "warehouse", restate=True)
        run_ingest(context, str(self.folder / "raw"))
        staged, refused = (table(self.folder / "warehouse", t) for t in ("stg_transactions", "quarantine"))
        return (
            sorted(staged["transaction_id"]),
            sorted(zip(refused["rule"], refused["row_key"], strict=True)),
            int(sum(staged["net_amount"]) * 100),
        )


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Shop:
    return Shop(spark, tmp_path)


def key(receipt: str) -> str:
    return f'{{"transaction_id":"{receipt}","line_no":1}}'


@pytest.mark.long
def test_a_rule_that_is_tightened_and_loosened_moves_the_row_there_and_back(shop: Shop) -> None:
    both = (["r1", "r2"], [], 51000)
    one = (["r1"], [("too_much", key("r2"))], 1000)
    assert [shop.ingest(GOOD, MUCH, source=s) for s in (SOURCE, STRICT, STRICT, SOURCE)] == [both, one, one, both]


@pytest.mark.long
def test_a_corrected_file_takes_its_row_out_of_quarantine(shop: Shop) -> None:
    assert shop.ingest(GOOD, TEXT) == (["r1"], [("wrong_type", key("r3"))], 1000)
    mended = (["r1", "r3"], [], 2000)
    assert shop.ingest(GOOD, TEXT | {"amount": "10.00"}) == mended
    assert shop.ingest(GOOD) == mended  # what is not read is not judged


@pytest.mark.long
def test_a_refused_line_beside_a_good_one_of_its_key_takes_nothing_away(shop: Shop) -> None:
    bad = GOOD | {"amount": "ten"}
    assert shop.ingest(GOOD, bad) == (["r1"], [("wrong_type", key("r1"))], 1000)
    assert shop.ingest(GOOD, bad) == (["r1"], [("wrong_type", key("r1"))], 1000)


@pytest.mark.long
def test_copies_in_quarantine_say_why_they_are_refused_now(shop: Shop) -> None:
    assert shop.ingest(GOOD, MUCH, MUCH) == (["r1", "r2"], [("duplicate_line", key("r2"))], 51000)
    assert shop.ingest(GOOD, MUCH, MUCH, source=STRICT) == (["r1"], [("too_much", key("r2"))] * 2, 1000)
    assert shop.ingest(GOOD, MUCH, MUCH) == (["r1", "r2"], [("duplicate_line", key("r2"))], 51000)
