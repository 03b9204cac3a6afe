"""Whatever a file holds: accepted + quarantined = read, and what is accepted keeps the contract."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation.staging import quarantine_rows
from tests.oracles.contract import Raw, broken_rule, read
from tests.staging.data import LINE, lines, shop, stage

EDGES = st.sampled_from([dt.date(2015, 12, 31), dt.date(2016, 1, 1), dt.date(2017, 12, 31), dt.date(2018, 1, 1)])
INSIDE = st.dates(dt.date(2016, 1, 1), dt.date(2017, 12, 31))
DAYS = (INSIDE | INSIDE | INSIDE | EDGES).map(lambda day: f"{day}T12:00:00Z")
POSITIVE = st.integers(0, 100_000)
CENTS = (POSITIVE | POSITIVE | POSITIVE | st.integers(-200, 0)).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
FIELDS = {
    "receipt": st.sampled_from(["r1", "r2", " r1 ", "ünï\n'--"]) | st.integers(3, 99).map(lambda i: f"r{i}"),
    "line": st.sampled_from(["1", "2", "3"]),
    "customer": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1),
    "at": DAYS,
    "net": CENTS,
    "off": st.none() | CENTS,
    "units": st.none() | CENTS,
    "currency": st.sampled_from(["USD", " USD ", "USD", "EUR"]),
    "returned": st.sampled_from(["true", "false", "false", "false"]),
}
NOISE = st.sampled_from([None, "", "  ", "NaN", "-Infinity", "inf", "ten", "1,5", "1.5", "2017-02-30T12:00:00Z"])
# Were every field as likely to be noise, hardly a row would get past its first rule.
SPOILT = st.just({}) | st.just({}) | st.dictionaries(st.sampled_from([*FIELDS]), NOISE, min_size=1, max_size=2)
ROW = st.builds(dict.__or__, st.fixed_dictionaries(FIELDS), SPOILT)
ROWS = st.lists(ROW, min_size=30, max_size=60)
GOOD_ROWS = st.lists(st.sampled_from([{}, {"net": "1"}, {"line": "2"}, {"net": " 10.00"}]), max_size=6)


# Not shrunk: the failing row is named anyway, and shrinking takes minutes of Spark.
@settings(
    max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
@given(ROWS, GOOD_ROWS)
def test_every_row_is_accepted_or_refused_by_the_first_rule_it_breaks(
    spark: SparkSession, rows: list[Raw], good: list[Raw]
) -> None:
    rows = rows + [LINE | change for change in good]
    cleaned = stage(shop(), lines(spark, *rows))
    raw = cleaned.raw_row.alias("raw")
    found = cleaned.rows.select(raw, "verdict.rule", "transaction_id", "line_no", "net_amount", "quantity").collect()
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
