"""The message about a month: the gravest first, in words, and no figure that its rows do not have."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from segmentation.monitoring import FOLLOWED, NONE, REFUSED, WAITING, Judged, Message, message, title_of

DAY = dt.date(2024, 12, 1)
NAMES = {"unified-20240101-1": "Champions"}
ROWS = [
    Judged("unified", "segment_share", "unified-20240101-1", 0.08, 0.05, "moved",
           "22.0% of the customers, 14.0% at training; chance gives 0.012"),
    Judged("transactional", "feature_psi", "orders_90d", 0.02, 0.1, "holds", "not told; chance gives 0.001"),
    Judged("unified", "kpi_revenue", "unified-20240101-1", 0.25, 0.1, "escalated",
           "Net revenue a member: 150.00, the month before 200.00", "Head of marketing"),
    Judged("unified", "outside_share", "unified", 0.2, 0.1, "refit",
           "20.0% of the customers are farther from every centroid than 99 % were at training; chance gives 0.015"),
]  # fmt: skip


def of(verdict: str, *rows: Judged, challenger: str = NONE) -> Message:
    return message("r1", DAY, verdict, rows, NAMES, challenger)


def test_the_gravest_comes_first_in_words_with_names_and_owners() -> None:
    m = of("refit", *ROWS)
    assert m.text.splitlines() == [
        "Segments as of 2024-12-01: published; customers have outgrown them, and new ones take over from the next date",
        "  - unified: more customers are far from every segment: 20.0% of the customers are farther from every "
        "centroid than 99 % were at training",
        "  - Champions (unified) has another size than when the segments were made: 22.0% of the customers, 14.0% at "
        "training",
        "  - Champions: Net revenue a member: 150.00, the month before 200.00; 25.0% is beyond the limit of 10.0% for "
        "the second month running (Head of marketing)",
    ]
    assert m.concerns == ("Head of marketing",)
    assert json.loads(json.dumps(m.payload()))["lines"] == list(m.lines)


def test_every_figure_is_one_of_its_rows() -> None:
    known = " ".join(f"{r.explanation} {r.value:.1%} {r.threshold or 0:.1%}" for r in ROWS)
    figures = set(re.findall(r"\d+(?:\.\d+)?", known))
    for line in of("refit", *ROWS).lines:
        assert set(re.findall(r"\d+(?:\.\d+)?", line)) <= figures


def test_a_feature_that_is_known_of_more_is_not_said_to_be_known_of_fewer() -> None:
    words = "unknown of 10.0% of the customers, at training of 40.0%"
    why = f"{words}; chance gives 0.02; more is known than was"
    row = Judged("cx_engagement", "missing_share", "nps_365d", 0.3, 0.05, "moved", why)
    said = "nps_365d (cx_engagement) is known of another share of the customers than when the segments were made"
    assert of("rescored", row).lines == (f"{said}: {words}",)


@pytest.mark.parametrize(
    ("verdict", "rows", "challenger", "title"),
    [
        ("stable", ROWS[1:2], NONE, "published; they hold"),
        ("rescored", ROWS[:1], NONE, "published; customers have moved, and the segments still serve"),
        ("rescored", ROWS[3:], NONE, "published; customers have outgrown them, and none were fitted"),
        ("rescored", ROWS[3:], WAITING, "published; customers have outgrown them, and new ones wait for approval"),
        ("rescored", ROWS[3:], REFUSED, "published; customers have outgrown them, and the new ones were refused"),
        ("rescored", ROWS[3:], FOLLOWED, "published; customers have outgrown them, and new ones take over from the"),
        ("rescored", ROWS[:1], FOLLOWED, "published; customers have moved, and the segments still serve"),
        ("refit", ROWS[3:], NONE, "published; customers have outgrown them, and new ones take over"),
        ("refit", [], NONE, "published; they were made from these very customers"),
        ("stop", ROWS[3:], NONE, "not published: something is wrong with the data"),
    ],
)
def test_the_title_says_what_was_decided(verdict: str, rows: list[Judged], challenger: str, title: str) -> None:
    assert of(verdict, *rows, challenger=challenger).title.startswith(f"Segments as of 2024-12-01: {title}")


def test_of_drift_that_was_measured_alone_nothing_is_called_published() -> None:
    titles = {
        (word, bool(rows)): title_of(word, rows, month=False)
        for word in ("stable", "rescored", "refit", "stop")
        for rows in ((), ROWS[3:])
    }
    assert not [t for t in titles.values() if "published" in t or "take over" in t]
    assert titles["rescored", True] == titles["refit", True] == "customers have outgrown them"
    assert titles["rescored", False] == "customers have moved, and the segments still serve"


def test_what_does_not_fit_is_counted() -> None:
    m = of("rescored", *ROWS[:1] * 9)
    assert len(m.lines) == 7
    assert m.lines[-1] == "and 3 more in drift_report"
