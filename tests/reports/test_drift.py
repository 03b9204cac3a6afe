"""The drift report's page: the verdict first, what it rests on in order, and a drawing in which nobody is lost."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from segmentation.core.schemas import DRIFT_REPORT, SEGMENT_CHANGES, SEGMENT_MIGRATION
from segmentation.monitoring import REFUSED, Judged, title_of
from segmentation.monitoring.message import SAYS
from segmentation.monitoring.rules import Checks
from segmentation.reports.drift import CHECKS, HEIGHT, DriftData, flow, render_drift_report
from tests.browser import open_page

MOVES = {("u-1", "u-1"): 700, ("u-1", "u-2"): 60, ("u-2", "u-2"): 900, ("u-2", "u-1"): 40, ("u-2", "(gone)"): 20,
         ("(new)", "rule-new"): 15, ("rule-new", "u-2"): 9}  # fmt: skip
NAMES = {"u-1": "Champions: frequent, and <b>high</b>", "u-2": "Mixed", "(new)": "New", "(gone)": "Gone",
         "rule-new": "New customers"}  # fmt: skip


def rows(columns: tuple[str, ...], *found: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([dict.fromkeys(columns) | {"dimension": "unified"} | r for r in found], columns=list(columns))


def data() -> DriftData:
    report = [
        Judged("transactional", "feature_psi", "orders_365d", 0.01, None, "too few", "too few to judge"),
        Judged("unified", "members_shift", "u-1", 0.323, 0.05, "refit", "31.2% of the customers, 18.9% before"),
        Judged("unified", "kpi_orders", "u-2", 0.2, 0.1, "breach", "fell", "CRM"),
        Judged("transactional", "feature_psi", "net_revenue_365d", 0.7, 0.1, "moved", "spread otherwise"),
    ]
    parts = {"customers_before": 1500, "by_model": 0, "came": 20, "gone": 10, "moved_in": 40, "moved_out": 30}
    of_one = {"segment_id": "u-1", "segment_name": "Champions", **parts, "customers": 1520}
    changes = rows(SEGMENT_CHANGES.names, of_one)
    migration = rows(SEGMENT_MIGRATION.names, *(
        {"previous_as_of": dt.date(2024, 5, 1), "from_segment_id": one, "from_segment_name": NAMES[one],
         "to_segment_id": other, "to_segment_name": NAMES[other], "customers": n} for (one, other), n in MOVES.items()
    ))  # fmt: skip
    return DriftData(dt.date(2024, 6, 1), "run-1", "20240501-1", "refit", title_of("refit", report),
                     "u-1 has moved", report, changes, migration,
                     NAMES, frozenset({"rule-new"}))  # fmt: skip


def test_every_check_has_words_in_the_message_on_the_page_and_in_the_table() -> None:
    [comment] = [c.comment for c in DRIFT_REPORT.columns if c.name == "check"]
    for check in Checks.model_fields:
        assert check in SAYS
        assert check in CHECKS
        assert check in comment


def test_the_page_says_first_what_is_told_and_not_another_word_for_it() -> None:
    refused = replace(data(), verdict="rescored", title=title_of("rescored", data().report, REFUSED))
    said = (
        "<b>rescored: published; customers have outgrown them, and the new ones were refused by conf/promotion.yml.</b>"
    )
    assert said in render_drift_report(refused)


def test_in_the_flow_everybody_is_on_both_sides_and_in_one_band() -> None:
    found = flow(data())
    assert found is not None
    assert {n.label: n.customers for n in found.before} == {
        "New customers": 9, "Champions: frequent, an…": 760, "Mixed": 960, "New": 15,
    }  # fmt: skip
    assert sum(n.customers for n in found.after) == sum(n.customers for n in found.before) == sum(MOVES.values())
    scale = HEIGHT / sum(MOVES.values())
    for nodes in (found.before, found.after):
        for node, below in itertools.pairwise(nodes):
            assert node.height == pytest.approx(node.customers * scale, abs=0.01)
            assert node.y + node.height < below.y  # none hides another
    # A band begins where the one before it ends, and all of a node's fill it.
    for side, nodes in ((0, found.before), (1, found.after)):
        for node in nodes:
            of = [r for r in found.ribbons if _ends(r.path)[side][0] >= node.y - 0.02
                  and _ends(r.path)[side][1] <= node.y + node.height + 0.02]  # fmt: skip
            edges = sorted(_ends(r.path)[side] for r in of)
            assert edges[0][0] == pytest.approx(node.y, abs=0.02)
            assert edges[-1][1] == pytest.approx(node.y + node.height, abs=0.02)
            assert all(a[1] == pytest.approx(b[0], abs=0.02) for a, b in itertools.pairwise(edges))
    assert {r.words for r in found.ribbons} >= {"20 from Mixed to Gone", "9 from New customers to Mixed"}
    assert flow(replace(data(), migration=rows(SEGMENT_MIGRATION.names))) is None


def _ends(path: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The top and bottom of a band on the left and on the right."""
    numbers = [float(x) for x in re.findall(r"-?\d+\.?\d*", path)]
    top_left, top_right, bottom_right, bottom_left = numbers[1], numbers[7], numbers[8], numbers[-1]
    return (top_left, bottom_left), (top_right, bottom_right)


@pytest.mark.parametrize("width", [1100, 390])
def test_the_page_says_the_verdict_first_and_draws_without_an_error(tmp_path: Path, width: int) -> None:
    (tmp_path / "drift.html").write_text(render_drift_report(data()))
    page = open_page(tmp_path / "drift.html", width)
    assert page.errors == []
    assert page.requests == []
    assert page.scroll_width <= width
    said = ["refit: published; customers have outgrown them", "u-1 has moved", "3 of 4", "net revenue (365\u00a0d)",
            "31.2% of the customers", "fell (CRM)", "All 4 figures", "1,520", "Who moved"]  # fmt: skip
    places = [page.text.index(words) for words in said]
    assert places == sorted(places)  # the cause (a feature) before its effect (a segment's size), key figures last
    assert "<b>high" not in page.dom
    assert page.dom.count("<path") == len(MOVES)


def test_the_same_data_give_the_same_page_and_a_stopped_month_has_one_too() -> None:
    assert render_drift_report(data()) == render_drift_report(data())
    empty = {"changes": rows(SEGMENT_CHANGES.names), "migration": rows(SEGMENT_MIGRATION.names)}
    stopped = render_drift_report(replace(data(), verdict="stop", title=title_of("stop", []), **empty))
    assert "stop: not published: something is wrong with the data" in stopped
    assert "There is no earlier as-of date" in stopped
