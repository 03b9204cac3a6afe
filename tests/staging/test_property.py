"""Whatever a file holds: accepted + quarantined = read, and what is accepted keeps the contract."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation.staging import quarantine_rows
from tests.oracles.contract import Raw, broken_rule, read
from tests.staging.data import LINE, lines, shop, stage

DAYS = st.dates(dt.date(2015, 12, 30), dt.date(2018, 1, 2)).map(lambda day: f"{day}T12:00:00Z")
CENTS = st.integers(-300, 100_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
NOISE = st.sampled_from([None, "", "  ", "NaN", "-Infinity", "inf", "ten", "1,5", "2017-02-30T12:00:00Z"])
# Mostly good values, or hardly a row would get past its first rule.
FIELDS = {
    "receipt": st.sampled_from(["r1", "r2", "r3", " r1 ", "ünï\n'--", None, ""]),
    "line": st.sampled_from(["1", "1", "2", "3", "1.5", "x", None]),
    "customer": st.one_of(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), st.just("c")),
    "at": st.one_of(DAYS, DAYS, DAYS, NOISE),
    "net": st.one_of(CENTS, CENTS, CENTS, NOISE),
    "off": st.one_of(CENTS, st.none(), NOISE),
    "units": st.one_of(CENTS, st.none(), CENTS),
    "currency": st.sampled_from(["USD", "USD", "USD", "EUR", ""]),
    "returned": st.sampled_from(["true", "false", "false", "maybe", None]),
}
ROWS = st.lists(st.fixed_dictionaries(FIELDS), min_size=1, max_size=60)
GOOD_ROWS = st.lists(st.sampled_from([{}, {"net": "1"}, {"line": "2"}, {"net": " 10.00"}]), max_size=6)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, GOOD_ROWS)
def test_every_row_is_accepted_or_refused_by_the_first_rule_it_breaks(
    spark: SparkSession, rows: list[Raw], good: list[Raw]
) -> None:
    rows = rows + [LINE | change for change in good]
    cleaned = stage(shop(), lines(spark, *rows))
    found = cleaned.rows.select("raw", "verdict.rule", "transaction_id", "line_no", "net_amount", "quantity").collect()
    accepted = [row for row in found if row["rule"] is None]
    assert len(accepted) + quarantine_rows(cleaned, "run", dt.datetime(2018, 1, 1)).count() == len(rows)

    wanted = sorted(json.dumps(row, sort_keys=True) for row in rows)
    assert sorted(json.dumps(json.loads(row["raw"]), sort_keys=True) for row in found) == wanted
    for row in found:
        rule = broken_rule(json.loads(row["raw"]))
        assert row["rule"] == rule if rule else row["rule"] in (None, "duplicate_line", "conflicting_line"), row

    keys = [(row["transaction_id"], row["line_no"]) for row in accepted]
    values = [read(row) for row in rows if broken_rule(row) is None]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {(value["receipt"], value["line"]) for value in values}
    for row in accepted:
        value = read(json.loads(row["raw"]))
        typed = (row["transaction_id"], row["line_no"], row["net_amount"], row["quantity"])
        assert typed == (value["receipt"], value["line"], value["net"], value["units"])
    cleaned.rows.unpersist()
