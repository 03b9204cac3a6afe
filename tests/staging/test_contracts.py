"""Every row rule, with the reason that the shop reads in quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS
from segmentation.staging import Cleaned, quality, quarantine_rows
from tests.staging.data import COLUMNS, lines, part, shop, stage, table, verdicts

TOO_MANY = {"rule": "bulk_order", "when": "quantity > 100", "reason": "Bulk goes to another shop"}
SOURCE = shop(transactions=[part(rules=[TOO_MANY])])

# What the row is given instead of LINE's value → the rule and the reason.
BROKEN: dict[str, tuple[dict[str, str | None], str, str]] = {
    "no receipt": ({"receipt": None}, "missing_key", "transaction_id is missing; expected: The receipt"),
    "blank customer": ({"customer": "  "}, "missing_key", "customer_id is missing; expected: The customer"),
    "no currency": ({"currency": None}, "missing_value", "currency is missing; expected: ISO 4217 code"),
    "no instant": ({"at": ""}, "missing_value", "transaction_ts is missing; expected: Instant of purchase, UTC"),
    "nan": ({"net": "NaN"}, "non_finite", "net_amount is NaN; expected a finite number"),
    "infinity": ({"units": "-Infinity"}, "non_finite", "quantity is -Infinity; expected a finite number"),
    "inf": ({"off": " inf "}, "non_finite", "discount_amount is  inf ; expected a finite number"),
    "words": ({"net": "ten"}, "wrong_type", "net_amount is ten; expected something that reads as decimal(18,2)"),
    "comma": ({"net": "9,99"}, "wrong_type", "net_amount is 9,99; expected something that reads as decimal(18,2)"),
    "half a line": ({"line": "1.5"}, "wrong_type", "line_no is 1.5; expected something that reads as int"),
    "maybe": ({"returned": "maybe"}, "wrong_type", "is_return is maybe; expected something that reads as boolean"),
    "30 February": (
        {"at": "2017-02-30T12:00:00Z"},
        "wrong_type",
        "transaction_ts is 2017-02-30T12:00:00Z; expected something that reads as timestamp",
    ),
    "too early": (
        {"at": "2016-01-01T04:59:59Z"},  # still New Year's Eve in New York
        "impossible_date",
        "event_date is 2015-12-31; expected a day from 2016-01-01 on",
    ),
    "future": (
        {"at": "2018-01-01T05:00:00Z"},  # New York's first instant of the day on which the files were received
        "future_date",
        "event_date is 2018-01-01; expected a day before 2018-01-01, when the files were received",
    ),
    "negative": ({"net": "-0.01"}, "negative_amount", "net_amount is -0.01; expected 0 or more, or is_return"),
    "negative units": ({"units": "-1"}, "negative_amount", "quantity is -1.000; expected 0 or more, or is_return"),
    "paid return": (
        {"net": "5.00", "units": "-1", "returned": "true"},
        "positive_return",
        "net_amount is 5.00; expected 0 or less on a return",
    ),
    "returned units": (
        {"net": "-5.00", "units": "1", "returned": "true"},
        "positive_return",
        "quantity is 1.000; expected 0 or less on a return",
    ),
    "euros": ({"currency": "EUR"}, "unknown_currency", "currency is EUR; expected USD"),
    "bulk": ({"units": "101"}, "bulk_order", "Bulk goes to another shop"),
    "twice wrong": ({"net": "NaN", "currency": "EUR"}, "non_finite", "net_amount is NaN; expected a finite number"),
}
GOOD: dict[str, dict[str, str | None]] = {
    "first day": {"at": "2016-01-01T05:00:00Z"},
    "last day": {"at": "2018-01-01T04:59:59Z"},
    "return": {"net": "-5.00", "units": "-1", "returned": "true"},
    "100 units": {"units": "100"},
    "nothing off": {"off": None, "units": ""},
    "free": {"net": "0"},
    "spaces": {"net": " 10.00 ", "currency": " USD "},
    "same again": {"receipt": "twin"},
    "same again twice": {"receipt": "twin"},
    "other amount": {"receipt": "rival", "net": "1.00"},
    "another amount": {"receipt": "rival", "net": "2.00"},
}
FILE = [{"receipt": name} | change for name, (change, _, _) in BROKEN.items()] + [
    {"receipt": name} | change for name, change in GOOD.items()
]


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession) -> Iterator[Cleaned]:
    """All of the above in one file."""
    whole = stage(SOURCE, lines(spark, *FILE))
    yield whole
    whole.rows.unpersist()


@pytest.fixture(scope="module")
def found(cleaned: Cleaned) -> dict[str | None, list[tuple[str | None, str | None]]]:
    """Receipt → (rule, reason) of its rows."""
    rows: dict[str | None, list[tuple[str | None, str | None]]] = {}
    for receipt, rule, reason in verdicts(cleaned).collect():
        rows.setdefault(receipt, []).append((rule, reason))
    return rows


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_breaks_a_rule_is_refused_with_its_reason(name: str, found: dict) -> None:
    change, rule, reason = BROKEN[name]
    assert found[change.get("receipt", name)] == [(rule, reason)]


@pytest.mark.parametrize("name", [name for name, change in GOOD.items() if "receipt" not in change])
def test_a_row_on_the_right_side_of_an_edge_is_accepted(name: str, found: dict) -> None:
    assert found[name] == [(None, None)]


def test_of_equal_lines_one_is_accepted(found: dict) -> None:
    reason = "the same row stands twice (transaction_id and line_no)"
    assert found["twin"] == [(None, None), ("duplicate_line", reason)]


def test_of_lines_with_one_key_and_other_values_one_is_accepted(found: dict) -> None:
    reason = "another row has the same transaction_id and line_no and other values; expected one row"
    assert found["rival"] == [(None, None), ("conflicting_line", reason)]


def test_accepted_and_quarantined_make_what_was_read(spark: SparkSession, cleaned: Cleaned) -> None:
    assert lines(spark, *FILE).count() == 32
    assert cleaned.accepted.count() == 9
    assert quarantine_rows(cleaned, "run", dt.datetime(2018, 1, 1)).count() == 23
    counted = [(check, subject, value) for _, check, subject, value in quality(cleaned) if check != "null_share"]
    assert counted == [
        ("rows_read", "", 32.0),
        ("rows_accepted", "", 9.0),
        ("rows_quarantined", "", 23.0),
        ("quarantined_by_rule", "bulk_order", 1.0),
        ("quarantined_by_rule", "conflicting_line", 1.0),
        ("quarantined_by_rule", "duplicate_line", 1.0),
        ("quarantined_by_rule", "future_date", 1.0),
        ("quarantined_by_rule", "impossible_date", 1.0),
        ("quarantined_by_rule", "missing_key", 2.0),
        ("quarantined_by_rule", "missing_value", 2.0),
        ("quarantined_by_rule", "negative_amount", 2.0),
        ("quarantined_by_rule", "non_finite", 4.0),
        ("quarantined_by_rule", "positive_return", 2.0),
        ("quarantined_by_rule", "unknown_currency", 1.0),
        ("quarantined_by_rule", "wrong_type", 5.0),
    ]


def test_null_shares_are_shares_of_the_accepted_rows(cleaned: Cleaned) -> None:
    shares = {subject: value for _, check, subject, value in quality(cleaned) if check == "null_share"}
    assert shares["discount_amount"] == 1 / 9
    assert shares["quantity"] == 1 / 9
    assert (shares["net_amount"], shares["channel"]) == (0.0, 1.0)


def test_a_level_that_the_mapping_does_not_list_is_refused(spark: SparkSession) -> None:
    columns = {"customer_id": "who", "loyalty_tier": "tier", "household_size": "persons"}
    source = shop(
        customers=[part(columns, files="customers.csv")], levels={"loyalty_tier": ["Basic", "Silver", "Gold"]}
    )
    raw = table(
        spark, "who string, tier string, persons string", ("a", "Gold", "2"), ("b", None, "-2"), ("c", "Golden", "2")
    )
    cleaned = stage(source, raw, STG_CUSTOMERS)
    assert_df_equality(
        verdicts(cleaned, "who"),
        table(
            spark,
            "who string, rule string, reason string",
            ("a", None, None),
            ("b", "negative_amount", "household_size is -2; expected 0 or more, or is_return"),
            ("c", "unknown_level", "loyalty_tier is Golden; expected one of Basic, Silver, Gold"),
        ),
        ignore_nullable=True,
    )
    assert_df_equality(
        cleaned.accepted.select("customer_id", "valid_from", "valid_to", "loyalty_tier", "loyalty_tier_rank"),
        table(
            spark,
            "customer_id string, valid_from date, valid_to date, loyalty_tier string, loyalty_tier_rank int",
            ("a", dt.date(1900, 1, 1), None, "Gold", 3),
        ),
        ignore_nullable=True,
    )


def test_an_interaction_of_an_unknown_kind_is_refused(spark: SparkSession) -> None:
    columns = {"interaction_id": "id", "customer_id": "who", "event_date": "day", "interaction_type": "what"}
    source = shop(interactions=[part(columns, files="contacts.csv")])
    raw = table(
        spark,
        "id string, who string, day string, what string",
        ("1", "a", "2017-12-31", "complaint"),
        ("2", "a", "2017-12-31", "complaints"),
        ("3", "a", "2018-01-01", "visit"),
    )
    kinds = "exposure, redemption, open, click, visit, service_contact, complaint"
    late = "event_date is 2018-01-01; expected a day before 2018-01-01, when the files were received"
    assert_df_equality(
        verdicts(stage(source, raw, STG_INTERACTIONS), "id"),
        table(
            spark,
            "id string, rule string, reason string",
            ("1", None, None),
            ("2", "unknown_kind", f"interaction_type is complaints; expected one of {kinds}"),
            ("3", "future_date", late),
        ),
        ignore_nullable=True,
    )


def test_a_score_without_a_scale_is_refused(spark: SparkSession) -> None:
    columns = {
        "feedback_id": "id", "customer_id": "who", "event_date": "day", "feedback_type": "scale", "score": "score",
    }  # fmt: skip
    source = shop(feedback=[part(columns, files="answers.csv")])
    raw = table(
        spark,
        "id string, who string, day string, scale string, score string",
        ("1", "a", "2017-05-05", "nps", "10"),
        ("2", "a", "2017-05-05", "stars", "5"),
        ("3", "a", "2017-05-05", None, "5"),
    )
    missing = "feedback_type is missing; expected: nps (0..10) or satisfaction (1..5)"
    assert_df_equality(
        verdicts(stage(source, raw, STG_FEEDBACK), "id"),
        table(
            spark,
            "id string, rule string, reason string",
            ("1", None, None),
            ("2", "unknown_kind", "feedback_type is stars; expected one of nps, satisfaction"),
            ("3", "missing_value", missing),
        ),
        ignore_nullable=True,
    )


def test_not_a_number_in_a_column_of_doubles_is_refused(spark: SparkSession) -> None:
    ddl = "receipt string, customer string, at timestamp, net double"
    noon = dt.datetime(2017, 3, 1, 17, tzinfo=dt.UTC)
    raw = table(
        spark,
        ddl,
        ("r1", "c", noon, float("nan")),
        ("r2", "c", noon, float("-inf")),
        ("r3", "c", noon, 1e17),  # decimal(18,2) ends at 10 000 000 000 000 000
        ("r4", "c", noon, 12.5),
    )
    columns = {"transaction_id": "receipt", "customer_id": "customer", "transaction_ts": "at", "net_amount": "net"}
    cleaned = stage(shop(transactions=[part(columns, files="lines.parquet", format="parquet")]), raw)
    assert_df_equality(
        verdicts(cleaned),
        table(
            spark,
            "receipt string, rule string, reason string",
            ("r1", "non_finite", "net_amount is NaN; expected a finite number"),
            ("r2", "non_finite", "net_amount is -Infinity; expected a finite number"),
            ("r3", "wrong_type", "net_amount is 1.0E17; expected something that reads as decimal(18,2)"),
            ("r4", None, None),
        ),
        ignore_nullable=True,
    )


def test_a_reason_quotes_no_more_than_eighty_characters(spark: SparkSession) -> None:
    cleaned = stage(shop(), lines(spark, {"currency": "x" * 1_000_000}))
    assert verdicts(cleaned).first()["reason"] == f"currency is {'x' * 80}; expected USD"


def test_columns_that_are_not_mapped_get_their_defaults(spark: SparkSession) -> None:
    columns = {c: COLUMNS[c] for c in ("transaction_id", "customer_id", "transaction_ts", "net_amount", "quantity")}
    source = shop(transactions=[part(columns)], time_zone="Europe/Berlin", currency="EUR")
    raw = lines(spark, {}, {"net": "10.00", "units": "3"}, {"units": "0"})
    assert_df_equality(
        stage(source, raw).accepted.select(
            "transaction_id", "line_no", "order_id", "event_date", "local_hour", "unit_of_measure", "is_return",
            "currency", "unit_price", "discount_amount",
        ).orderBy("transaction_id"),
        table(
            spark,
            "transaction_id string, line_no int, order_id string, event_date date, local_hour int, "
            "unit_of_measure string, is_return boolean, currency string, unit_price string, discount_amount string",
            ("r1", 1, "r1", dt.date(2017, 3, 1), 18, "item", False, "EUR", "5.000000", None),
            ("r2", 1, "r2", dt.date(2017, 3, 1), 18, "item", False, "EUR", "3.333333", None),
            ("r3", 1, "r3", dt.date(2017, 3, 1), 18, "item", False, "EUR", None, None),
        )
        .withColumn("unit_price", F.col("unit_price").cast("decimal(18,6)"))
        .withColumn("discount_amount", F.col("discount_amount").cast("decimal(18,2)")),
        ignore_nullable=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("quantitty(net_amount) > 1", "quantitty"),  # no such function
        ("net_amount + 1", "expected a condition"),
        ("local_hour = DATE'2017-01-01'", "DATATYPE_MISMATCH"),
    ],
)
def test_a_source_rule_that_is_no_condition_is_refused_by_name(spark: SparkSession, when: str, said: str) -> None:
    rule = {"rule": "odd", "when": when, "reason": "odd"}
    with pytest.raises(ConfigError) as refused:
        stage(shop(transactions=[part(rules=[rule])]), lines(spark, {}))
    assert str(refused.value).startswith("transactions (lines.csv): rule odd: ")
    assert said in str(refused.value)
