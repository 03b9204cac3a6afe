"""Lines of other currencies at the rate of their day: exact decimals, one rounding, and no line without a rate."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

import pytest
from pyspark.sql import SparkSession

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import STG_TRANSACTIONS
from segmentation.staging import Cleaned, clean, daily_rates
from segmentation.staging.mapping import Rates
from tests.staging.data import RECEIVED, lines, part, shop, table, verdicts

RATES = Rates.model_validate({"files": "rates.csv", "format": "csv", "columns": {"currency": "code", "date": "day"}})
ROWS = (("EUR", "2017-03-01", "1.05"), ("EUR", "2017-03-03", "1.0725"), ("JPY", "2017-03-02", "0.00875"))


def staged(spark: SparkSession, *changes: dict[str, str], rows: tuple[tuple[str, str, str], ...] = ROWS) -> Cleaned:
    rates = daily_rates(RATES, table(spark, "code string, day string, rate string", *rows), RECEIVED)
    source = shop(rates=RATES.model_dump())
    return clean(source, STG_TRANSACTIONS, [(part(), lines(spark, *changes), [])], RECEIVED, rates)


def test_a_line_is_worth_the_latest_rate_not_after_its_day(spark: SparkSession) -> None:
    days = ("01", "02", "03", "31")
    changes = [{"at": f"2017-03-{d}T17:30:00Z", "currency": "EUR", "net": "10.00", "off": "1.00"} for d in days]
    found = staged(spark, *changes, {"currency": "USD", "net": "10.00"}).accepted.orderBy("transaction_id").collect()
    # 10 × 1.05; the 2nd has no rate of its own; 10 × 1.0725 = 10.725 and the half goes up; dollars stay
    assert [str(r["net_amount"]) for r in found] == ["10.50", "10.50", "10.73", "10.73", "10.00"]
    assert [str(r["discount_amount"]) for r in found] == ["1.05", "1.05", "1.07", "1.07", "0.00"]
    assert [str(r["unit_price"]) for r in found] == ["5.250000", "5.250000", "5.365000", "5.365000", "5.000000"]
    assert {r["currency"] for r in found} == {"USD"}


def test_conversion_is_exact_and_halves_go_away_from_zero(spark: SparkSession) -> None:
    cents = [*range(1, 200), 999_999_999_99]
    amounts = [Decimal(c) / 100 for c in cents]
    changes = [{"at": "2017-03-03T17:30:00Z", "currency": "EUR", "net": str(a)} for a in amounts]
    changes += [c | {"net": f"-{c['net']}", "units": "-1", "returned": "true"} for c in changes]
    found = staged(spark, *changes).accepted.select("net_amount").collect()
    worth = [(a * Decimal("1.0725")).quantize(Decimal("0.01"), ROUND_HALF_UP) for a in amounts]
    assert sorted(r["net_amount"] for r in found) == sorted([*worth, *(-w for w in worth)])


def test_a_line_without_a_rate_is_refused_and_says_which(spark: SparkSession) -> None:
    cleaned = staged(spark, {"currency": "JPY"}, {"currency": "CHF"}, {})
    assert [tuple(r) for r in verdicts(cleaned).collect()] == [
        ("r1", "unknown_currency", "currency is JPY; expected USD, or a rate in rates.csv of 2017-03-01 or earlier"),
        ("r2", "unknown_currency", "currency is CHF; expected USD, or a rate in rates.csv of 2017-03-01 or earlier"),
        ("r3", None, None),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("EUR", "2017-03-01", "1.07"), "EUR has two rates of 2017-03-01; expected one."),
        (
            ("GBP", "2017-03-01", "0"),
            "currency GBP, date 2017-03-01, rate 0E-12; expected a code, a day, and a number ab",
        ),
        (
            ("GBP", "March", "1.2"),
            "currency GBP, date None, rate 1.200000000000; expected a code, a day, and a number abov",
        ),
    ],
)
def test_a_table_that_leaves_doubt_is_refused(spark: SparkSession, row: tuple[str, str, str], said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        staged(spark, {}, rows=(*ROWS, row))
    assert str(refused.value).startswith(f"rates (rates.csv): {said}")


def test_a_column_that_is_not_there_is_named(spark: SparkSession) -> None:
    raw = table(spark, "code string, dayy string, rate string", *ROWS)
    with pytest.raises(BadInputError, match=r'rates \(rates.csv\): column "day" is not there. .* Did you mean "dayy"'):
        daily_rates(RATES, raw, dt.date(2018, 1, 1))
