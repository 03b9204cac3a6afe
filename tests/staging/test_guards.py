"""Thresholds against files that make no sense as a whole, each on both sides; freshness and distributions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from pyspark.sql import SparkSession

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import STG_CUSTOMERS, STG_INTERACTIONS
from segmentation.staging import (
    advice,
    load_source,
    looks_back_to,
    month_figures,
    odd_months,
    quality,
    refused_rows,
    summaries,
)
from segmentation.staging.guards import Guards, Month, Problem
from tests.conftest import CONF
from tests.staging.data import RECEIVED, lines, part, shop, stage, table

GUARDS = Guards(min_rows=100)
NEW_YEAR = dt.date(2018, 1, 1)


def months(*counts: int | None, amount: float = 3.0, year: int = 2017) -> dict[dt.date, Month]:
    """January, February, … with so many lines; None has no line at all."""
    return {dt.date(year, i, 1): Month(n, amount) for i, n in enumerate(counts, 1) if n is not None}


def found(
    new: Mapping[dt.date, Month],
    stored: Mapping[dt.date, Month] | None = None,
    received_on: dt.date = NEW_YEAR,
    is_stated: bool = False,
    after: Mapping[dt.date, int] | None = None,
    **guards: Any,
) -> list[str]:
    """The problems as `threshold: months`."""

    def lines_after(month: dt.date) -> int:
        assert after is not None, f"{month} was counted although its verdict was clear"
        return after[month]

    given = GUARDS.model_copy(update=guards)
    problems = odd_months(given, new, stored or {}, received_on, is_stated, lines_after)
    return [f"{p.threshold}: {', '.join(f'{m:%Y-%m}' for m in p.months)}" for p in problems]


@pytest.mark.parametrize(
    ("june", "problems"),
    [(600, []), (599, ["min_month_share: 2017-06"]), (500, ["min_month_share: 2017-06"]), (5000, [])],
)
def test_a_month_needs_three_fifths_of_the_median_of_those_before(june: int, problems: list[str]) -> None:
    # median of 900, 1000, 1000, 1000, 1100 is 1,000; 60 % of it 600
    assert found(months(1000, 900, 1000, 1100, 1000, june)) == problems


def test_one_of_the_last_three_months_may_be_the_weak_one_and_an_older_one_is_history() -> None:
    assert found(months(1000, 1000, 1000, 300, 1000, 1000)) == ["min_month_share: 2017-04"]
    assert found(months(1000, 1000, 1000, 300, 1000, 1000, 1000)) == []


def test_two_months_before_are_too_few_to_judge_a_count_by() -> None:
    assert found(months(1000, 1000, 300)) == []
    assert found(months(1000, 1000, 1000, 300)) == ["min_month_share: 2017-04"]


def test_small_counts_are_not_judged() -> None:
    assert found(months(99, 99, 99, None, 99, 20)) == []
    assert found(months(100, 100, 100, None, 100, 20)) == ["max_empty_months: 2017-04", "min_month_share: 2017-06"]


def test_a_month_that_was_not_over_when_the_files_came_is_not_judged() -> None:
    half = months(1000, 1000, 1000, 1000, 500)
    assert found(half, received_on=dt.date(2017, 5, 16)) == []
    assert found(half, received_on=dt.date(2017, 6, 1)) == ["min_month_share: 2017-05"]


def test_zero_switches_the_judgement_of_counts_off() -> None:
    assert found(months(1000, 1000, 1000, 300), min_month_share=0.0) == []


def test_new_files_are_held_against_what_is_staged() -> None:
    """June alone is in the files: 500 lines against 1,000 in each month staged."""
    june = {dt.date(2017, 6, 1): Month(500, 3.0)}
    assert found(june, months(1000, 1000, 1000, 1000, 1000)) == ["min_month_share: 2017-06"]
    assert found(june, months(800, 800, 800, 800, 800)) == []  # 60 % of 800 is 480


def test_a_file_of_corrections_is_no_month_of_few_lines() -> None:
    corrections = months(None, None, None, None, 7, 20)
    assert found(corrections, months(1000, 1000, 1000, 1000, 1000, 1000)) == []


def test_what_is_staged_of_a_month_counts_once_however_often_it_is_delivered() -> None:
    """400 staged by mid-June and 500 delivered: 900 different ones are enough, 500 (the 400 are among them) are not."""
    june = dt.date(2017, 6, 1)
    stored, new = months(1000, 1000, 1000, 1000, 1000, 400), {june: Month(500, 3.0)}
    assert found(new, stored, after={june: 900}) == []
    assert found(new, stored, after={june: 500}) == ["min_month_share: 2017-06"]


def test_a_year_is_looked_back_at_and_no_further() -> None:
    """The twelve months of 2016 had 1,000 lines each; before, 10,000."""
    before = months(*[10_000] * 12, year=2015) | months(*[1000] * 12, year=2016)
    assert found(months(600), before) == []
    assert found(months(599), before) == ["min_month_share: 2017-01"]


@pytest.mark.parametrize(("allowed", "problems"), [(0, ["max_empty_months: 2017-03"]), (1, [])])
def test_a_month_without_lines_between_others(allowed: int, problems: list[str]) -> None:
    assert found(months(1000, 1000, None, 1000, 1000), max_empty_months=allowed) == problems


def test_a_month_missing_between_the_files_and_what_is_staged() -> None:
    assert found({dt.date(2017, 5, 1): Month(1000, 3.0)}, months(1000, 1000, 1000)) == ["max_empty_months: 2017-04"]


def test_a_handful_of_lines_is_no_month_of_data() -> None:
    """1 % of an ordinary month's 1,000 lines are 10."""
    assert found(months(1000, 1000, 9, 1000, 1000, 1000, 1000)) == ["max_empty_months: 2017-03"]
    assert found(months(1000, 1000, 10, 1000, 1000, 1000, 1000)) == []


def test_stray_lines_of_long_ago_or_of_the_day_before_make_no_hole() -> None:
    strays = months(*[1] * 12, year=1995) | months(None, 2, year=2010)
    new = months(1000, 1000, 1000, 1000, 3)
    assert found(strays | new) == []
    assert looks_back_to(strays | new) == dt.date(2016, 1, 1)


def test_files_that_end_too_early_show_only_where_the_day_of_their_reception_is_stated() -> None:
    until_april = months(1000, 1000, 1000, 1000)
    assert found(until_april, received_on=dt.date(2017, 7, 1)) == []
    assert found(until_april, received_on=dt.date(2017, 7, 1), is_stated=True) == ["max_empty_months: 2017-05, 2017-06"]
    assert found(until_april, received_on=dt.date(2017, 5, 31), is_stated=True) == []


@pytest.mark.parametrize(
    ("amount", "problems"),
    [
        (30.0, []),
        (30.01, ["max_amount_ratio: 2017-02"]),
        (300.0, ["max_amount_ratio: 2017-02"]),
        (0.3, []),
        (0.29, ["max_amount_ratio: 2017-02"]),
        (0.0, ["max_amount_ratio: 2017-02"]),
    ],
)
def test_the_median_amount_stays_within_ten_times_that_of_the_months_before(amount: float, problems: list[str]) -> None:
    february = {dt.date(2017, 2, 1): Month(1000, amount)}
    assert found(months(1000) | february) == problems
    assert found(february, months(1000)) == problems


def test_all_months_a_hundredfold_are_each_named_and_none_is_trusted() -> None:
    cents = months(None, None, 1000, 1000, 1000, amount=300.0)
    assert found(months(1000, 1000) | cents) == ["max_amount_ratio: 2017-03, 2017-04, 2017-05"]


def test_a_month_delivered_again_is_held_against_itself() -> None:
    assert found(months(1000, amount=300.0), months(1000)) == ["max_amount_ratio: 2017-01"]


def test_the_amounts_of_few_lines_are_not_judged_and_judge_none() -> None:
    assert found(months(1000, 1000) | {dt.date(2017, 3, 1): Month(99, 300.0)}) == []
    assert found({dt.date(2017, 1, 1): Month(99, 300.0)} | months(None, 1000)) == []


def test_a_known_month_is_neither_judged_nor_held_against_others() -> None:
    known = {"2017-03": "closed for refurbishment"}
    assert found(months(1000, 1000, None, 1000), known_months=known) == []
    odd = months(1000, 1000) | {dt.date(2017, 3, 1): Month(1000, 300.0)} | months(None, None, None, 1000, 1000)
    assert found(odd) == ["max_amount_ratio: 2017-03"]
    assert found(odd, known_months=known) == []
    assert found(months(1000, 1000, 1000, 100), known_months={"2017-04": "strike"}) == []


def facts(read: int, **refused: int) -> list[tuple[str, str, str, float]]:
    rules = [("transactions", "quarantined_by_rule", rule, float(n)) for rule, n in refused.items()]
    return [("transactions", "rows_read", "", float(read)), *rules]


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (facts(1000, wrong_type=100), 0),
        (facts(1000, wrong_type=101), 1),
        (facts(1000, wrong_type=60, missing_key=41), 1),
        (facts(1000, wrong_type=50, duplicate_line=900), 0),  # a file given twice does no harm
        (facts(99, wrong_type=98), 0),  # too few to judge
        (facts(1000), 0),
    ],
)
def test_a_tenth_of_an_input_may_be_refused(found: list[tuple[str, str, str, float]], problems: int) -> None:
    assert len(refused_rows(GUARDS, found)) == problems


def test_a_refusal_says_what_was_found_what_was_expected_and_what_to_do() -> None:
    problems = [
        *refused_rows(GUARDS, facts(1000, wrong_type=150, missing_key=50)),
        *odd_months(GUARDS, months(1000, 1000, 1000, 500), {}, NEW_YEAR, True, lambda _: 0)[-1:],
    ]
    assert advice(problems, "conf/sources/shop.yml") == (
        "transactions: 200 of 1,000 rows (20.0%) are refused, 150 of them by wrong_type; expected at most 10%; "
        "transactions: 2017-04 has 500 lines; expected at least 60% of 1,000, the median of the 3 months before. "
        "Correct the files; if they are right, change guards.max_refused_share, guards.min_month_share, or name the "
        "months and why under guards.known_months in conf/sources/shop.yml. Nothing was written."
    )
    days = [*problems[1:], Problem("max_missing_day_share", "a day", days=(dt.date(2017, 4, 3),))]
    assert advice(days, "shop.yml").endswith(
        "change guards.min_month_share, guards.max_missing_day_share, or name the months and why under "
        "guards.known_months, or name the days and why under guards.known_days in shop.yml. Nothing was written."
    )
    (amounts,) = odd_months(GUARDS, months(1000, amount=300.0), months(1000), NEW_YEAR, False, lambda _: 0)
    assert amounts.text == (
        "transactions: the median line of 2017-01 is 300.00, and 3.00 in the months before; expected 0.30 to 30.00"
    )
    (empty,) = odd_months(GUARDS, months(1000, None, 1000), {}, NEW_YEAR, False, lambda _: 0)
    assert empty == Problem(
        "max_empty_months",
        "transactions: 2017-02 without data (an ordinary month has 1,000 lines); expected no such months",
        (dt.date(2017, 2, 1),),
    )


def test_cdnow_is_a_cohort_and_says_so() -> None:
    assert load_source(CONF, "cdnow").guards == Guards(min_month_share=0)
    assert load_source(CONF, "complete_journey").guards == Guards()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("max_refused_shere: 0.2", 'key "guards.max_refused_shere" is not known. .*"max_refused_share"'),
        ("max_refused_share: 20", 'key "guards.max_refused_share"'),
        ("known_months: {2017-13: strike}", '"2017-13" is not a month such as 2020-04'),
        ("known_days: {2017-02-30: strike}", "shop.yml: not readable as plain YAML: day is out of range for month"),
        ("known_days: {Christmas: closed}", '"Christmas" is not a day such as 2020-12-24 or 12-24'),
    ],
)
def test_a_mistake_in_the_guards_is_named(tmp_path: Any, setting: str, said: str) -> None:
    (tmp_path / "sources").mkdir()
    text = (CONF / "sources" / "complete_journey.yml").read_text()
    (tmp_path / "sources" / "shop.yml").write_text(f"{text}\nguards: {{{setting}}}\n")
    with pytest.raises(ConfigError, match=said):
        load_source(tmp_path, "shop")


def test_month_figures_leave_returns_out_and_take_the_middle_of_two(spark: SparkSession) -> None:
    rows = table(
        spark,
        "event_date date, net_amount decimal(18,2), is_return boolean",
        *((dt.date(2017, 1, 1 + i), a, False) for i, a in enumerate(map(_money, ("1", "2", "4", "90")))),
        (dt.date(2017, 1, 9), _money("-500"), True),
        (dt.date(2017, 2, 28), _money("7"), False),
    )
    expected = {dt.date(2017, 1, 1): Month(4, 3.0), dt.date(2017, 2, 1): Month(1, 7.0)}
    assert month_figures(rows) == month_figures(rows.repartition(5)) == expected


def _money(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


def test_freshness_and_distributions_are_exact_under_any_partitioning(spark: SparkSession) -> None:
    """Amounts 1 … 5 on the first five days of March; one unit each but for one line of 11; no discounts known."""
    raw = lines(
        spark,
        *({"net": f"{n}.00", "at": f"2017-03-0{n}T17:30:00Z", "units": "11" if n == 5 else "1"} for n in range(1, 6)),
        {"net": "ten"},  # refused rows count nowhere
    )
    mapping = {k: v for k, v in part().columns.items() if k != "discount_amount"}
    source = shop(transactions=[part(mapping)])
    for rows in (raw, raw.repartition(4)):
        cleaned = stage(source, rows)
        nulls = [c for _, check, c, share in quality(cleaned) if check == "null_share" and share == 1]
        found = {(check, subject): value for _, check, subject, value in summaries(cleaned, RECEIVED, nulls)}
        assert found.pop(("days_since_newest", "event_date")) == (RECEIVED - dt.date(2017, 3, 5)).days == 302
        checks = ("minimum", "percentile_5", "percentile_25", "median", "percentile_75", "percentile_95", "maximum")
        net = dict(zip(checks, (1.0, 1.2, 2.0, 3.0, 4.0, 4.8, 5.0), strict=True)) | {"mean": 3.0}
        units = dict(zip(checks, (1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 11.0), strict=True)) | {"mean": 3.0}
        expected = {(c, "net_amount"): v for c, v in net.items()} | {(c, "quantity"): v for c, v in units.items()}
        assert found == pytest.approx(expected)


def test_an_input_without_days_or_amounts_has_no_summary(spark: SparkSession) -> None:
    source = shop(customers=[part({"customer_id": "who"}, files="c.csv")])
    assert summaries(stage(source, table(spark, "who string", ("a",)), STG_CUSTOMERS), RECEIVED) == []


def test_an_input_with_days_and_no_amounts_is_as_fresh_as_its_newest_day(spark: SparkSession) -> None:
    mapping = {"interaction_id": "id", "customer_id": "who", "event_date": "to_date(day)", "interaction_type": "'open'"}
    source = shop(interactions=[part(mapping, files="i.csv")])
    rows = table(spark, "id string, who string, day string", ("1", "a", "2017-12-01"), ("2", "a", "2017-12-30"))
    known = summaries(stage(source, rows, STG_INTERACTIONS), RECEIVED, ["minutes"])
    assert known == [
        ("interactions", "days_since_newest", "event_date", float((RECEIVED - dt.date(2017, 12, 30)).days))
    ]
