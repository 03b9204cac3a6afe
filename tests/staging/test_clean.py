"""Repeated rows, quarantine, lookups and product attributes: what happens to whole inputs."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import QUARANTINE, STG_CUSTOMERS, STG_TRANSACTIONS
from segmentation.staging import clean, quality, quarantine_rows, with_products
from tests.staging.data import COLUMNS, RECEIVED, lines, part, shop, stage, table, verdicts

NOW = dt.datetime(2018, 1, 2, 3, 4, 5)
NOON = dt.datetime(2017, 3, 1, 17, tzinfo=dt.UTC)
SAME = "the same row stands twice (transaction_id and line_no)"
OTHER = "another row has the same transaction_id and line_no and other values; expected one row"


def test_a_file_that_came_twice_keeps_one_copy_of_each_line(spark: SparkSession) -> None:
    file = lines(spark, {}, {"line": "2"}, {"net": "ten"})
    cleaned = clean(shop(), STG_TRANSACTIONS, [(part(), file, []), (part(), file, [])], RECEIVED)
    assert_df_equality(
        verdicts(cleaned).select("receipt", "rule"),
        table(
            spark,
            "receipt string, rule string",
            ("r1", None),
            ("r1", "duplicate_line"),
            ("r2", None),
            ("r2", "duplicate_line"),
            ("r3", "wrong_type"),
            ("r3", "wrong_type"),
        ),
        ignore_nullable=True,
    )
    assert_df_equality(
        cleaned.accepted.select("transaction_id", "line_no").orderBy("transaction_id"),
        table(spark, "transaction_id string, line_no int", ("r1", 1), ("r2", 2)),
        ignore_nullable=True,
    )


def test_a_line_number_that_is_a_rank_repeats_with_its_line(spark: SparkSession) -> None:
    # The Complete Journey has no line numbers; its mapping ranks the products of a receipt.
    mapping = COLUMNS | {"line_no": "dense_rank() OVER (PARTITION BY receipt ORDER BY units)"}
    rows = [{"receipt": "r1", "units": "1"}, {"receipt": "r1", "units": "2"}] * 2
    cleaned = stage(shop(transactions=[part(mapping)]), lines(spark, *rows))
    found = cleaned.accepted.select("line_no", "quantity").orderBy("line_no").collect()
    assert [tuple(r) for r in found] == [(1, 1), (2, 2)]
    assert verdicts(cleaned).where("rule = 'duplicate_line'").count() == 2


def test_a_refused_line_does_not_take_the_place_of_a_good_one(spark: SparkSession) -> None:
    cleaned = stage(shop(), lines(spark, {"receipt": "r1", "net": "-1"}, {"receipt": "r1", "net": "1"}))
    assert_df_equality(
        verdicts(cleaned).select("receipt", "rule"),
        table(spark, "receipt string, rule string", ("r1", None), ("r1", "negative_amount")),
        ignore_nullable=True,
    )


def test_of_three_rows_with_one_key_two_are_refused_each_for_its_reason(spark: SparkSession) -> None:
    rows = lines(spark, *[{"receipt": "r1", "net": net} for net in ("1", "1", "2")])
    found = sorted(tuple(r) for r in verdicts(stage(shop(), rows)).select("rule", "reason").collect() if r["rule"])
    # Which of the two amounts stays depends on their hashes; what is refused is counted either way.
    assert found in ([("conflicting_line", OTHER)] * 2, [("conflicting_line", OTHER), ("duplicate_line", SAME)])


def test_which_of_two_conflicting_lines_stays_does_not_depend_on_their_order(spark: SparkSession) -> None:
    rows = [{"receipt": "r1", "net": str(net)} for net in range(1, 9)]
    there, back = (stage(shop(), lines(spark, *way).repartition(3)) for way in (rows, rows[::-1]))
    assert_df_equality(there.accepted, back.accepted)
    assert there.accepted.count() == 1


def test_a_customer_may_stand_once_for_each_day_of_validity(spark: SparkSession) -> None:
    source = shop(customers=[part({"customer_id": "who", "valid_from": "since", "city": "city"}, files="c.csv")])
    rows = (("a", "2017-01-01", "Ulm"), ("a", "2017-02-01", "Bonn"), ("a", "2017-02-01", "Kiel"))
    cleaned = stage(source, table(spark, "who string, since string, city string", *rows), STG_CUSTOMERS)
    assert cleaned.accepted.select(F.sort_array(F.collect_list("valid_from"))).first()[0] == [
        dt.date(2017, 1, 1),
        dt.date(2017, 2, 1),
    ]


def test_identical_bad_rows_are_numbered_in_quarantine(spark: SparkSession) -> None:
    twice = {"receipt": "r1", "net": "ten"}
    cleaned = stage(shop(), lines(spark, twice, twice, {"net": "x"}, {}))
    raw = (
        '{"receipt":"%s","line":"1","customer":"c1","at":"2017-03-01T17:30:00Z","net":"%s","off":"0","units":"2",'
        '"currency":"USD","returned":"false"}'
    )  # fmt: skip
    ten, x = raw % ("r1", "ten"), raw % ("r3", "x")
    reason = "net_amount is {}; expected something that reads as decimal(18,2)"
    key = '{"transaction_id":"%s","line_no":1}'
    assert_df_equality(
        quarantine_rows(cleaned, "run-1", NOW).orderBy("raw_row", "occurrence"),
        table(
            spark,
            QUARANTINE.ddl,
            ("transactions", digest(ten), 1, key % "r1", "wrong_type", reason.format("ten"), ten, "run-1", NOW),
            ("transactions", digest(ten), 2, key % "r1", "wrong_type", reason.format("ten"), ten, "run-1", NOW),
            ("transactions", digest(x), 1, key % "r3", "wrong_type", reason.format("x"), x, "run-1", NOW),
        ),
        ignore_nullable=True,
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_null_and_empty_stay_apart_in_the_raw_row(spark: SparkSession) -> None:
    cleaned = stage(shop(), lines(spark, {"net": None}, {"net": ""}))
    raw = [r["raw_row"] for r in quarantine_rows(cleaned, "run", NOW).orderBy("raw_row").collect()]
    assert ['"net":null' in raw[0], '"net":""' in raw[1]] == [True, True]


def test_the_raw_row_is_its_own_files_columns_whatever_their_types(spark: SparkSession) -> None:
    """Written out, for an earlier version of the code has hashed the same text."""
    columns = {"transaction_id": "id", "customer_id": "who", "transaction_ts": "at", "net_amount": "net"}
    typed = part(columns, files="lines.parquet", format="parquet")
    more = table(
        spark,
        "id string, who string, at timestamp, net double, `a.b` date, n decimal(9,2), tags map<string,int>, "
        "of struct<x:int,y:string>",
        ("p1", None, NOON, 1.5, dt.date(2017, 3, 1), Decimal("2.50"), {"k": 1}, (1, None)),
        ("p2", "c2", NOON, 1.5, None, None, None, None),
    )
    source = shop(transactions=[part(), typed])
    both = [(source.transactions[0], lines(spark, {"net": "ten"}), []), (typed, more, [])]
    found = quarantine_rows(clean(source, STG_TRANSACTIONS, both, RECEIVED), "run", NOW)
    assert {r["rule"]: r["raw_row"] for r in found.collect()} == {
        "wrong_type": '{"receipt":"r1","line":"1","customer":"c1","at":"2017-03-01T17:30:00Z","net":"ten","off":"0",'
        '"units":"2","currency":"USD","returned":"false"}',
        "missing_key": '{"id":"p1","who":null,"at":"2017-03-01T17:00:00.000Z","net":1.5,"a.b":"2017-03-01","n":2.50,'
        '"tags":{"k":1},"of":{"x":1,"y":null}}',
    }


def test_a_lookup_adds_columns_and_neither_rows_nor_raw_text(spark: SparkSession) -> None:
    lookup = {"files": "prices.csv", "format": "csv", "by": ["receipt"]}
    looking = part(COLUMNS | {"cost_amount": "cost"}, lookups=[lookup])
    costs = table(spark, "receipt string, cost string, net string", ("r1", "4.00", "99"), ("r9", "5.00", "99"))
    raw = lines(spark, {}, {}, {"net": "ten"})
    cleaned = clean(shop(transactions=[looking]), STG_TRANSACTIONS, [(looking, raw, [costs])], RECEIVED)
    assert_df_equality(
        cleaned.accepted.select("transaction_id", *(F.col(c).cast("string") for c in ("net_amount", "cost_amount")))
        .orderBy("transaction_id"),
        table(
            spark,
            "transaction_id string, net_amount string, cost_amount string",
            ("r1", "10.00", "4.00"),  # the line's own net, not the lookup's
            ("r2", "10.00", None),
        ),
        ignore_nullable=True,
    )  # fmt: skip
    assert "cost" not in quarantine_rows(cleaned, "run", NOW).first()["raw_row"]


def test_a_lookup_that_is_not_unique_is_refused(spark: SparkSession) -> None:
    looking = part(lookups=[{"files": "prices.csv", "format": "csv", "by": ["receipt"]}])
    costs = table(spark, "receipt string, cost string", ("r1", "4"), ("r1", "4"))
    with pytest.raises(BadInputError) as refused:
        clean(shop(), STG_TRANSACTIONS, [(looking, lines(spark, {}), [costs])], RECEIVED)
    assert str(refused.value) == (
        "transactions (lines.csv, looked up in prices.csv): receipt is not unique in prices.csv; "
        "a lookup would multiply rows."
    )


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("recept", 'lines.csv has no "recept" to join on. It has: at, currency, customer, line, net, off, receipt, '),
        ("net", 'prices.csv has no "net" to join on. It has: cost, receipt.'),
    ],
)
def test_a_lookup_by_a_column_that_is_not_there_names_the_file(spark: SparkSession, by: str, said: str) -> None:
    looking = part(lookups=[{"files": "prices.csv", "format": "csv", "by": [by]}])
    costs = table(spark, "receipt string, cost string", ("r1", "4"))
    with pytest.raises(BadInputError) as refused:
        clean(shop(), STG_TRANSACTIONS, [(looking, lines(spark, {}), [costs])], RECEIVED)
    assert str(refused.value).startswith(f"transactions (lines.csv, looked up in prices.csv): {said}")


def test_an_input_of_which_no_row_is_good_is_refused_with_the_worst_rule(spark: SparkSession) -> None:
    with pytest.raises(BadInputError) as refused:
        quality(stage(shop(), lines(spark, {"net": "a"}, {"net": "a"}, {"currency": "EUR"})))
    assert str(refused.value) == (
        "transactions: none of 3 rows keeps the contract; 2 break wrong_type (net_amount is a; expected something "
        "that reads as decimal(18,2)). Check the mapping of that column."
    )


def test_a_value_that_the_mapping_cannot_cast_is_bad_input_and_not_a_crash(spark: SparkSession) -> None:
    source = shop(transactions=[part(COLUMNS | {"line_no": "CAST(line AS INT)"})])
    with pytest.raises(BadInputError) as refused:
        stage(source, lines(spark, {}, {"line": "one"}))
    said = str(refused.value)
    assert said.startswith("transactions: ")
    assert "'one'" in said
    assert "try_cast" in said


def test_a_line_without_attributes_gets_its_products(spark: SparkSession) -> None:
    attributes = "product_id string, category string, department string, is_private_label boolean"
    others = [c for c in STG_TRANSACTIONS.columns if c.name != "line_no" and c.name not in attributes]
    nothing = [F.lit(None).cast(c.type).alias(c.name) for c in others]
    sold = table(
        spark,
        f"line_no int, {attributes}",
        (1, "p1", None, None, None),
        (2, "p1", "OWN", "own", False),
        (3, "p2", None, None, None),  # not among the products
        (4, None, None, None, None),
    ).select("*", *nothing)
    products = table(spark, f"{attributes}, brand string", ("p1", "MILK", "fresh", True, "b"))
    found = with_products(sold, products, STG_TRANSACTIONS)
    assert found.columns == list(STG_TRANSACTIONS.names)
    assert_df_equality(
        found.select("line_no", "product_id", "category", "department", "is_private_label").orderBy("line_no"),
        table(
            spark,
            f"line_no int, {attributes}",
            (1, "p1", "MILK", "fresh", True),
            (2, "p1", "OWN", "own", False),
            (3, "p2", None, None, None),
            (4, None, None, None, None),
        ),
        ignore_nullable=True,
    )
