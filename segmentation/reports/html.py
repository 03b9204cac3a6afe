"""The page: what is said about whom, in which order, and the file that holds it all."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import vl_convert
from jinja2 import Environment
from markupsafe import Markup

from segmentation.core.schemas import NO_DATA, UNIFIED
from segmentation.reports import words
from segmentation.reports.changes import growth, kinship, migration
from segmentation.reports.concentration import Concentration, concentration, lorenz
from segmentation.reports.correlations import Pair, correlation_map, pairs, strongest
from segmentation.reports.data import ReportData, number, records, text
from segmentation.reports.figures import curve, customer_map, heat_map, size_and_revenue
from segmentation.reports.pages import environment, hashed, script
from segmentation.reports.portrait import basket, facts, mix, overlap
from segmentation.reports.quality import SUMMARY, quality
from segmentation.reports.style import CONFIG, Spec
from segmentation.reports.view import (
    Choice,
    Described,
    Difference,
    LeftOut,
    Segment,
    choice,
    described,
    differences,
    dimensions,
    left_out,
    segments,
)

TITLES = {
    UNIFIED: ("Unified", "Everything known about a customer at once: the five dimensions side by side."),
    "demographics": ("Demographics", "Who the customer is."),
    "transactional": ("Transactional", "What the customer is worth."),
    "behavioral": ("Behavioral", "How the customer shops."),
    "psychographic": ("Psychographic", "What moves the customer: price, brand, novelty, freshness."),
    "cx_engagement": ("Experience and engagement", "How the customer responds to us, and what we are told."),
}
BUNDLED = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True)
class Figure:
    """A figure with its place in the page, its caption and the sentence that says how to read it."""

    id: str
    title: str
    reading: str
    spec: Spec
    key: Sequence[Segment] = ()
    """The segments whose marks the figure does not name."""
    picks: bool = False
    """Whether the key brings a segment to the front."""


@dataclass(frozen=True)
class Section:
    """One dimension: its segments, the figures about them, and how their number was chosen."""

    id: str
    title: str
    question: str
    segments: Sequence[Segment]
    figures: Sequence[Figure]
    choice: Choice | None
    curves: Sequence[Figure]
    joins: Sequence[str]
    """How the segments would join, in words."""
    differences: Sequence[Difference]
    described: Sequence[Described]
    left_out: Sequence[LeftOut]
    labels: Mapping[str, str]
    """The segments' labels by id."""


def render_report(data: ReportData) -> str:
    """One self-contained HTML page, about 1 MB, the same for the same data.

    The page asks nothing of any network, and its content security policy forbids it to; only the page's own
    scripts may run. All text from the data is escaped.
    """
    sections = [_section(n, data, dimension) for n, dimension in enumerate(dimensions(data))]
    spread, together = concentration(data.steps), pairs(data.correlations)
    scripts = [Markup(_vega()), script(_environment(), "report.js.jinja"), script(_environment(), "sort.js.jinja")]
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            data=data,
            lede=_lede(data, sections[0], spread),
            unified=sections[0],
            sections=sections,
            picture=_picture(data, sections[0]),
            spread=spread,
            revenue=_revenue(spread),
            basket=basket(sections[0].segments),
            correlations=_correlations(together),
            strongest=strongest(together),
            growth=growth(data),
            kinship=kinship(data),
            origins=records(data.origins),
            quality=quality(data),
            population=_population(data),
            migration=migration(data),
            config=CONFIG,
            scripts=scripts,
            hashes=[hashed(s) for s in scripts],
        )
    )


def _section(n: int, data: ReportData, dimension: str) -> Section:
    title, question = TITLES.get(dimension, (words.feature_words(dimension).capitalize(), ""))
    found, chosen, key = segments(data, dimension), choice(data.sweep, data.selection, dimension), f"dimension-{n}"
    figures = []
    if any(s.revenue_share is not None for s in found):
        reading = (
            "The ring is the segment’s share of customers, the filled mark its share of revenue: a mark to "
            "the right of its ring brings more revenue than its head count, 2.0× means twice as much."
        )
    else:
        reading = "The ring is the segment’s share of customers; its share of revenue is not known."
    if found:
        figures.append(Figure(f"{key}-size", f"{title}: size and revenue", reading, size_and_revenue(found)))
    if mapped := heat_map(found, data.descriptions):
        spec, shown, of = mapped
        which = f"the {shown} features of {of} that differ most" if shown < of else "all features"
        reading = (
            "Under each mark stands one segment: orange is above everyone’s mean, blue below, in standard "
            f"deviations; {which}, over 365 days where no other window is named."
        )
        names = [s for s in found if s.is_modelled and s.z]
        figures.append(Figure(f"{key}-profile", f"{title}: what is high and what is low", reading, spec, names))
    labels = {s.id: s.label for s in found}
    return Section(
        key, title, question, found, figures, chosen, _curves(key, title, chosen), _joins(chosen, labels),
        differences(data, dimension), described(data, dimension), left_out(data, dimension), labels,
    )  # fmt: skip


def _joins(chosen: Choice | None, labels: Mapping[str, str]) -> list[str]:
    """The last join is left out: that all are one says nothing."""
    if chosen is None:
        return []

    def named(ids: Sequence[str]) -> str:
        return " + ".join(f"“{labels.get(i, i)}”" for i in ids)

    return [
        f"{m.segments} segments: {named(m.one)} and {named(m.other)} are one; {words.percent(m.kept)} of the sum of "
        "squares between segments is left."
        for m in chosen.merges if m.segments > 1
    ]  # fmt: skip


def _curves(key: str, title: str, chosen: Choice | None) -> list[Figure]:
    if chosen is None:
        return []
    figures = []
    if elbow := curve(chosen, "sse", "Sum of squares within"):
        reading = (
            "It falls with every further segment; where it stops falling steeply (the elbow), more segments hardly "
            "bring customers nearer to their own."
        )
        figures.append(Figure(f"{key}-elbow", f"{title}: elbow", reading, elbow))
    if silhouette := curve(chosen, "silhouette", "Mean silhouette"):
        reading = (
            "Higher is better: at 1 every customer sits tightly in one segment, at 0 the segments run into each other."
        )
        figures.append(Figure(f"{key}-silhouette", f"{title}: silhouette", reading, silhouette))
    if stability := curve(chosen, "stability", "Adjusted Rand index"):
        reading = "At 1 refits on resampled customers draw the same segments, at 0 they agree no more than by chance."
        figures.append(Figure(f"{key}-stability", f"{title}: stability", reading, stability))
    return figures


def _picture(data: ReportData, unified: Section) -> Figure | None:
    drawn = customer_map(
        data.points,
        {s.id: s.mark for s in unified.segments},
        {s.id: s.label for s in unified.segments},
        data.explained,
    )
    if drawn is None:
        return None
    spec, shown = drawn
    return Figure(
        "customers",
        "A sample of the customers on a plane",
        f"Each of the {words.count(shown)} marks is a customer, and customers who are alike lie close together; "
        "the plane keeps only the two broadest directions of many, so segments that overlap here may still be "
        "apart in the others.",
        spec,
        unified.segments,
        picks=True,
    )


def _revenue(spread: Concentration | None) -> Figure | None:
    if spread is None:
        return None
    reading = (
        "Customers stand from the one who brings least to the one who brings most. Were all alike, the line would be "
        "the straight one; the further it sags, the fewer customers the revenue hangs on."
    )
    return Figure("revenue", "Revenue against customers", reading, lorenz(spread.curve))


def _correlations(found: Sequence[Pair]) -> Figure | None:
    drawn = correlation_map(found)
    if drawn is None:
        return None
    spec, shown, of = drawn
    which = f"the {shown} of {of} that go together most" if shown < of else "all of them"
    reading = (
        f"Of what the unified segments were made of, {which}: orange rises together, blue goes against each other, by "
        "Pearson’s correlation. Within a dimension what others say has left the fit; between dimensions it "
        "stays, since each dimension has a weight of its own."
    )
    return Figure("correlations", "What goes together", reading, spec)


def _lede(data: ReportData, unified: Section, spread: Concentration | None) -> str:
    """The result in three sentences."""
    modelled = [s for s in unified.segments if s.is_modelled]
    customers = f"{words.count(data.customers)} customers"
    if not modelled:
        return f"{customers} were scored; there is no unified segmentation in this run."
    if len(modelled) == 1:
        return f"{customers} form a single segment: no grouping held up."
    said = f"{customers} fall into {len(modelled)} segments."
    earner = modelled[0]
    if earner.revenue_share is not None:
        said += (
            f" “{earner.name}” brings the most revenue: {words.percent(earner.revenue_share)} of it"
            f" from {words.percent(earner.customer_share)} of customers."
        )
    return f"{said} {spread.sentence()}." if spread else said


def _population(data: ReportData) -> list[tuple[str, str, float | None, float | None, float | None]]:
    """(what, why, customers, share of all known, lifetime revenue): who is scored, then exclusions, most first."""
    rows = [
        (words.feature_words(text(r["exclusion"])), text(r["reason"]), number(r["customers"]),
         number(r["customer_share"]), number(r["revenue_lifetime"]))
        for r in records(data.population)
    ]  # fmt: skip
    return sorted(rows, key=lambda r: (r[0] != "scored", -(r[2] or 0), r[0]))


@functools.cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script of 0.9 MB."""
    bundle: str = vl_convert.javascript_bundle(BUNDLED)
    return bundle


@functools.cache
def _environment() -> Environment:
    made = environment()
    helpers: dict[str, Any] = {
        name: getattr(words, name)
        for name in ("count", "decimal", "percent", "money", "day", "above_everyone", "feature_words", "probability")
    }
    made.globals.update(
        helpers, facts=facts, mix=mix, overlap=overlap, summary=SUMMARY, no_data=NO_DATA, unknown=words.UNKNOWN
    )
    return made
