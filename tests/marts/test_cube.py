"""The cube's rows: written out for a small month, and for generated ones whatever could be told of few."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from segmentation.marts import Cell, Cells, cube_rows, drift_rows, quality_rows, shown_segments
from segmentation.privacy import OTHER, Disclosure

RULES = Disclosure(min_customers=10, round_to=5)
NONE = Cells([], [], [], [])


def profile(segment_id: str, customers: int, **others: Any) -> dict[str, Any]:
    money = {"revenue_365d": Decimal(customers), "revenue_lifetime": Decimal(2 * customers), "margin_365d": None}
    ratios = {"average_order_value": Decimal("9.50"), "orders_per_customer_365d": 3.0,
              "median_days_since_last_order": 4.0, "discount_share_365d": 0.1}  # fmt: skip
    return {"dimension": "unified", "segment_id": segment_id, "segment_name": segment_id.upper(),
            "customers": customers, **money, **ratios, **others}  # fmt: skip


def flow(one: str, other: str, customers: int) -> dict[str, Any]:
    return {"dimension": "unified", "from_segment_id": one, "from_segment_name": one.upper(), "to_segment_id": other,
            "to_segment_name": other.upper(), "customers": customers}  # fmt: skip


def cell(
    segment_id: str, part: str, customers: int, amount: int, subpart: str = "", active: int | None = None
) -> Cell:  # fmt: skip
    return Cell(
        "unified", segment_id, part, subpart, customers, Fraction(amount), customers if active is None else active
    )


def living(**customers: int) -> Cells:
    """All of each segment in one place, every one of them a buyer."""
    return Cells([cell(s, "Rome", n, n) for s, n in customers.items()], [], [], [])


def rows_of(breakdown: str, rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(r[c] for c in columns) for r in rows if r["breakdown"] == breakdown]


def test_segments_too_small_are_shown_together_with_the_smallest_other() -> None:
    profiles = [profile("a", 103), profile("b", 42), profile("c", 6), profile("d", 3, margin_365d=Decimal(7))]
    shown = shown_segments(profiles, RULES)
    assert shown == {("unified", "a"): "a", ("unified", "b"): OTHER, ("unified", "c"): OTHER, ("unified", "d"): OTHER}
    rows = cube_rows(profiles, [], living(a=103, b=42, c=6, d=3), shown, {}, {}, RULES)
    columns = ("segment_id", "segment_name", "customers", "revenue_365d", "margin_365d", "average_order_value")
    # The costs of three of them are known: a margin would be theirs.
    assert rows_of("segment", rows, *columns) == [
        (OTHER, OTHER, 50, Decimal(51), None, None),
        ("a", "A", 105, Decimal(103), None, Decimal("9.50")),
    ]


def test_small_ones_of_enough_customers_together_stay_by_themselves() -> None:
    shown = shown_segments([profile("a", 50), profile("b", 6), profile("c", 4)], RULES)
    assert shown == {("unified", "a"): "a", ("unified", "b"): OTHER, ("unified", "c"): OTHER}


def test_of_few_buyers_no_money_and_no_rhythm_is_shown() -> None:
    profiles = [profile("a", 60), profile("b", 40)]
    shown = shown_segments(profiles, RULES)
    places = [cell("a", "Rome", 40, 900), cell("a", "Oslo", 20, 99, active=1), cell("b", "Rome", 40, 70, active=4)]
    rows = cube_rows(profiles, [], Cells(places, [], [], []), shown, {}, {}, RULES)
    columns = ("segment_id", "customers", "revenue_365d", "average_order_value", "orders_per_customer_365d")
    assert rows_of("segment", rows, *columns) == [
        ("a", 60, Decimal(60), Decimal("9.50"), 3.0),
        ("b", 40, None, None, None),
    ]
    # Rome's would leave Oslo's.
    assert rows_of("place", rows, "segment_id", "part", "customers", "revenue_365d") == [
        ("a", "Oslo", 20, None), ("a", "Rome", 40, None), ("b", "Rome", 40, None),
    ]  # fmt: skip


def test_places_departments_channels_and_features_of_few_customers_are_joined_or_left_out() -> None:
    profiles = [profile("a", 60), profile("b", 40)]
    cells = Cells(
        places=[cell("a", "Rome", 40, 900, "gold"), cell("a", "Rome", 11, 100, "none"),
                cell("a", "Oslo", 9, 50, "none"), cell("b", "Rome", 40, 800, "gold")],
        departments=[cell("a", "fresh", 60, 700), cell("a", "fuel", 12, 300), cell("a", "toys", 2, 50),
                     *(cell("b", f"d{i}", 1, 7) for i in range(12))],
        channels=[cell("a", "online", 3, 20), cell("a", "store", 60, 180), cell("b", "store", 40, 100)],
        features=[cell("a", "visits_90d", 60, 200, active=30), cell("a", "nps_365d", 9, 90),
                  cell("a", "responses_90d", 60, 1, active=1), cell("a", "share_90d", 60, 55, active=55),
                  cell("a", "gap_90d", 57, 300), cell("b", "share_90d", 40, 40)],
    )  # fmt: skip
    shown = shown_segments(profiles, RULES)
    rows = cube_rows(profiles, [], cells, shown, {}, {"visits_90d": "Visits"}, RULES)
    # Oslo's nine take Rome with them: it has no third city to hide behind.
    assert rows_of("place", rows, "segment_id", "part", "subpart", "customers", "revenue_365d") == [
        ("a", OTHER, OTHER, 60, Decimal(1050)),
        ("b", "Rome", "gold", 40, Decimal(800)),
    ]
    assert rows_of("department", rows, "segment_id", "part", "customers", "revenue_365d") == [
        ("a", OTHER, None, Decimal(350)),
        ("a", "fresh", None, Decimal(700)),
    ]
    assert rows_of("channel", rows, "segment_id", "part", "value") == [("a", OTHER, 1.0), ("b", "store", 1.0)]
    # Of the others few answered, few are above nought, few at it, or few are unknown; and all of b have the same.
    assert rows_of("feature", rows, "segment_id", "part", "part_name", "value") == [
        ("a", "visits_90d", "Visits", 3.33),
        ("b", "share_90d", None, 1.0),
    ]


def test_parts_of_segments_that_are_shown_together_add_up() -> None:
    profiles = [profile("a", 50), profile("b", 42), profile("c", 6)]
    shown = shown_segments(profiles, RULES)
    cells = Cells(
        living(a=50, b=42, c=6).places,
        departments=[cell("b", "fresh", 42, 100), cell("c", "fresh", 6, 11)],
        channels=[cell("b", "store", 42, 60), cell("c", "store", 6, 20), cell("b", "online", 42, 20)],
        features=[cell("b", "visits_90d", 42, 84), cell("c", "visits_90d", 6, 60)],
    )
    flows = [flow("c", "a", 30), flow("a", "a", 20)]
    rows = cube_rows(profiles, flows, cells, shown, shown, {}, RULES)
    assert rows_of("department", rows, "segment_id", "part", "revenue_365d") == [(OTHER, "fresh", Decimal(111))]
    assert rows_of("channel", rows, "segment_id", "part", "value") == [(OTHER, "online", 0.2), (OTHER, "store", 0.8)]
    assert rows_of("feature", rows, "segment_id", "part", "value") == [(OTHER, "visits_90d", 3.0)]
    # Nor does a name tell which of them it was.
    moved = rows_of("came_from", rows, "part", "part_name", "segment_id", "customers")
    assert moved == [(OTHER, OTHER, "a", 30), ("a", "A", "a", 20)]


def test_who_moved_is_shown_where_enough_did_and_nothing_else_tells_of_the_others() -> None:
    then = [profile("a", 74), profile("b", 95), profile("c", 87)]
    now = [profile("a", 109), profile("b", 56), profile("c", 105)]
    counts = {"aa": 50, "ab": 4, "ac": 20, "ba": 30, "bb": 40, "bc": 25, "ca": 15, "cb": 12, "cc": 60}
    flows = [*(flow(*pair, n) for pair, n in counts.items()), flow("(new)", "a", 14)]
    before, shown = shown_segments(then, RULES), shown_segments(now, RULES)
    rows = cube_rows(now, flows, NONE, shown, before, {}, RULES)
    # Four went from a to b: they follow from a's 74, unless another of a's is hidden too; so does that of b's 56, and
    # the fourth, of c's 87 and 105, closes the circle.
    assert rows_of("came_from", rows, "part", "segment_id", "customers", "part_name") == [
        ("(new)", "a", 15, "(NEW)"), ("a", "a", 50, "A"), ("b", "a", 30, "B"), ("c", "a", 15, "C"),
        ("b", "b", 40, "B"), ("b", "c", 25, "B"),
    ]  # fmt: skip


segments = st.sampled_from("abcde")
counts = st.integers(1, 30)


@given(
    st.dictionaries(st.tuples(st.sampled_from([*"abcde", "(new)"]), st.sampled_from([*"abcde", "(gone)"])), counts),
    st.dictionaries(st.tuples(segments, st.sampled_from("xyz"), st.sampled_from("gs")), counts),
)
def test_the_difference_of_two_nested_figures_tells_of_no_fewer_than_ten(
    moved: dict[tuple[str, str], int], homes: dict[tuple[str, str, str], int]
) -> None:
    """Two months of generated customers: every segment's figure, less any one or all that are shown of its parts."""
    moved.pop(("(new)", "(gone)"), None)
    exact = Disclosure(min_customers=10, round_to=1)
    then, now, at_home = defaultdict[str, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    for (one, other), n in moved.items():
        if one != "(new)":
            then[one] += n
        if other != "(gone)":
            now[other] += n
    for (s, _, _), n in homes.items():
        at_home[s] += n
    before, shown = (shown_segments([profile(s, n) for s, n in of.items()], exact) for of in (then, now))
    flows = [flow(one, other, n) for (one, other), n in moved.items()]
    rows = cube_rows([profile(s, n) for s, n in now.items()], flows, NONE, shown, before, {}, exact)
    earlier = cube_rows([profile(s, n) for s, n in then.items()], [], NONE, before, {}, {}, exact)
    whole = {("to", s): n for s, n in rows_of("segment", rows, "segment_id", "customers")}
    whole |= {("from", s): n for s, n in rows_of("segment", earlier, "segment_id", "customers")}
    parts = defaultdict[tuple[str, str], list[int]](list)
    for one, other, n in rows_of("came_from", rows, "part", "segment_id", "customers"):
        parts["to", other].append(n)
        parts["from", one].append(n)
    living = shown_segments([profile(s, n) for s, n in at_home.items()], exact)
    places = Cells([cell(s, city, n, 0, tier) for (s, city, tier), n in homes.items()], [], [], [])
    lived = cube_rows([profile(s, n) for s, n in at_home.items()], [], places, living, {}, {}, exact)
    whole |= {("home", s): n for s, n in rows_of("segment", lived, "segment_id", "customers")}
    cities = defaultdict[tuple[str, str], int](int)
    for s, city, _, n in rows_of("place", lived, "segment_id", "part", "subpart", "customers"):
        parts["home", s].append(n)
        cities[s, city] += n
    for s, city, _, n in rows_of("place", lived, "segment_id", "part", "subpart", "customers"):
        assert cities[s, city] - n == 0 or cities[s, city] - n >= 10
    for (s, _), n in cities.items():
        assert whole["home", s] - n == 0 or whole["home", s] - n >= 10
    for key, n in whole.items():
        assert n >= 10
        for difference in (*(n - part for part in parts[key]), *([n - sum(parts[key])] if parts[key] else [])):
            assert difference == 0 or difference >= 10
    assert all(part >= 10 for of in parts.values() for part in of)


def test_drift_is_shown_of_features_and_dimensions_and_no_finer_than_enough_customers() -> None:
    profiles = [profile("a", 50), profile("b", 150)]
    at = {"as_of": dt.date(2024, 5, 1), "run_id": "r", "dimension": "unified", "verdict": "holds", "model_version": "m",
          "threshold": 0.0449, "explanation": "8 customers"}  # fmt: skip
    report = [at | {"check": check, "subject": subject, "value": 0.123456} for check, subject in (
        ("feature_psi", "orders_90d"), ("segment_share", "a"), ("members_shift", "b"), ("kpi_orders", "b"),
        ("outside_share", "unified"), ("missing_share", "nps_90d"),
    )]  # fmt: skip
    report[-1]["verdict"] = "too few"
    rows = drift_rows(report, profiles, RULES)
    # Ten of 200 are 0.05.
    assert [(r["check"], r["value"], r["threshold"]) for r in rows] == [
        ("feature_psi", 0.12, 0.04), ("outside_share", 0.1, 0.05),
    ]  # fmt: skip
    assert all("explanation" not in r for r in rows)
    stopped = drift_rows(report, [], RULES)  # nobody knows how many there are
    assert [r["check"] for r in stopped] == ["feature_psi"]


def test_of_the_quality_of_files_nothing_is_shown_of_amounts_and_of_single_persons() -> None:
    def row(table: str, check: str, value: float = 100.0) -> dict[str, Any]:
        return {"as_of": dt.date(2024, 5, 1), "run_id": "r", "source_table": table, "check": check, "value": value,
                "subject": ""}  # fmt: skip

    checks = ("rows_read", "null_share", "absent", "minimum", "percentile_5", "median", "maximum", "mean",
              "month_median_amount", "days_since_newest")  # fmt: skip
    quality = [row(t, c) for t in ("transactions", "customers") for c in checks]
    quality += [row("transactions", "month_lines", 3.0), row("transactions", "month_lines", 30.0)]
    shown = quality_rows(quality, RULES)
    assert [(r["source_table"], r["check"]) for r in shown] == [
        ("transactions", "rows_read"), ("transactions", "null_share"), ("transactions", "absent"),
        ("transactions", "days_since_newest"), ("customers", "absent"), ("customers", "days_since_newest"),
        ("transactions", "month_lines"),
    ]  # fmt: skip
    assert shown[-1]["value"] == 30.0


people = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(0, 45)),
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 9)), max_size=3), max_size=60,
)  # fmt: skip


@given(people)
def test_what_is_spent_in_departments_less_what_is_shown_is_that_of_enough_or_nobody(
    bought: dict[tuple[str, int], list[tuple[str, int]]],
) -> None:
    """Generated customers, who may buy in several departments."""
    cells, segments_of = [], {s for s, _ in bought}
    for s in segments_of:
        for part in "xyz":
            of = {c: sum(n for p, n in lines if p == part) for (t, c), lines in bought.items() if t == s}
            buyers = [c for c, n in of.items() if n]
            if buyers:
                cells.append(cell(s, part, len(buyers), sum(of.values())))
    profiles = [profile(s, sum(t == s for t, _ in bought)) for s in sorted(segments_of)]
    shown = shown_segments(profiles, RULES)
    rows = cube_rows(profiles, [], Cells([], cells, [], []), shown, {}, {}, RULES)
    for s in set(shown.values()):
        members = {(t, c): lines for (t, c), lines in bought.items() if shown.get(("unified", t)) == s}
        found = {
            p: money for t, p, money in rows_of("department", rows, "segment_id", "part", "revenue_365d") if t == s
        }
        for part in found:
            parts = {part} if part != OTHER else {p for p in "xyz" if p not in found}
            buyers = {c for c, lines in members.items() if parts & {p for p, _ in lines}}
            assert len(buyers) >= 10
        if found:  # nothing is left but what nobody bought
            assert sum(found.values()) == sum(n for lines in members.values() for _, n in lines)
