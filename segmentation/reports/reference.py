"""The reference: every metric, table, mart, segment and decision, as `conf/` and the contracts say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment
from markupsafe import Markup, escape

from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS, Table
from segmentation.features import Listed, Registry, listed
from segmentation.marts import Mart
from segmentation.monitoring import MonitoringRules
from segmentation.reports.glossary import DECISIONS, GLOSSARY
from segmentation.reports.pages import environment
from segmentation.segments.personas import Personas
from segmentation.segments.population import Population
from segmentation.segments.rules import Rules

Row = tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """A table of the reference under a heading of its own."""

    title: str
    text: str
    headings: Row
    rows: Sequence[Row]

    @property
    def id(self) -> str:
        """The anchor in the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Part:
    """A chapter."""

    title: str
    text: str
    listings: Sequence[Listing] = ()
    way: Sequence[Row] = field(default=())
    """Rooms in the order in which data moves through them, each with what it is for."""

    @property
    def id(self) -> str:
        """The anchor in the page."""
        return "part-" + re.sub(r"[^a-z]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Definitions:
    """What is defined: `conf/` as it was read, and the contracts of all tables."""

    tables: Sequence[Table]
    registry: Registry
    marts: Sequence[Mart]
    personas: Personas
    rules: Rules
    population: Population
    monitoring: MonitoringRules
    rooms: Sequence[Row]


def reference(d: Definitions) -> list[Part]:
    """The chapters."""
    return [
        Part("Architecture", "Data move one way; a room knows only of those before it.", way=d.rooms),
        Part("From verdict to action", "What a month's verdict means, and what is then to do.", [
            Listing("Verdicts", "", ("verdict", "exit code", "what it means", "what to do"), DECISIONS),
            Listing("Limits of drift", "Beyond `moved` a figure has moved, if chance does not explain it; beyond "
                    "`refit` it asks for new segments; beyond `stop` something is wrong with the data.",
                    ("check", "moved", "refit", "stop"), _limits(d.monitoring)),
            Listing("Key figures", "Of each unified segment, against the month before.",
                    ("key figure", "what it says", "SQL over segment_profiles", "in breach where it", "owner, then"),
                    _kpis(d.monitoring)),
        ]),
        Part("Segments", "Who is scored, which rules come first, and what a name promises.", [
            Listing("Who is not scored", "In order, the first that holds.", ("exclusion", "who", "why"),
                    [(e.name, f"`{e.when}`", e.reason) for e in d.population.exclusions]),
            Listing("Business rules", "In order, the first that holds sets the unified segment.",
                    ("segment", "who", "why"), [(r.segment_name, f"`{r.when}`", r.reason) for r in d.rules.rules]),
            *_names(d.personas),
        ]),
        Part("Metrics", "The features of `customer_features`, by dimension; a window is in a column's name. "
             "`segmentation features --sql NAME --as-of DATE` prints what one means as plain SQL.",
             [_metrics(d.registry, dimension) for dimension in DIMENSIONS]),
        Part("Marts", "Ready answers in SQL, in the schema `segmentation`.", [
            Listing(m.name, f"{_sentence(m.grain)} For {m.audience}.", ("column", "what it says"), [*m.columns.items()])
            for m in d.marts
        ]),
        Part("Tables", "In the schema `segmentation`; on disk under `<warehouse>/segmentation`, aggregates under "
             "`<warehouse>/aggregates`.", [_columns(t) for t in d.tables]),
        Part("Words", "", [Listing("Glossary", "", ("word", "what it means"), list(GLOSSARY.items()))]),
    ]  # fmt: skip


def reference_html(parts: Sequence[Part]) -> str:
    """The reference as one page that asks nothing of any network."""
    return _environment().get_template("reference.html.jinja").render(parts=parts)


def reference_markdown(parts: Sequence[Part]) -> str:
    """The same in Markdown, for a repository or a wiki."""
    return _environment().get_template("reference.md.jinja").render(parts=parts)


def _limits(rules: MonitoringRules) -> list[Row]:
    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:g}"

    checks = {name: getattr(rules.checks, name) for name in type(rules.checks).model_fields}
    return [(name, shown(at.moved), shown(at.refit), shown(at.stop)) for name, at in checks.items()]


def _kpis(rules: MonitoringRules) -> list[Row]:
    return [
        (name, k.description, f"`{k.sql}`", f"{'falls' if k.falls else 'rises'} by {k.limit:.0%}",
         f"{k.owner}, {k.escalates_to}")
        for name, k in rules.kpis.items()
    ]  # fmt: skip


def _names(personas: Personas) -> Iterable[Listing]:
    limits = personas.thresholds
    text = (
        f"The first that is true of a segment names it. high and low: its mean lies {limits.high:g} standard "
        f"deviations beyond everyone's; very: {limits.very_high:g}."
    )
    for dimension in ALL_DIMENSIONS:
        listed = personas.personas.get(dimension, [])
        promised = [", ".join(f"{f} {at.replace('_', ' ')}" for f, at in p.when.items()) for p in listed]
        if listed:
            rows = [(p.name, promise) for p, promise in zip(listed, promised, strict=True)]
            yield Listing(f"Names: {dimension}", text, ("name", "what is true of its members"), rows)


def _metrics(registry: Registry, dimension: str) -> Listing:
    headings = ("feature", "what it says", "unit", "windows", "over states and features", "in the fit")
    rows = [_metric(of) for of in listed(registry) if of.feature.dimension == dimension]
    return Listing(f"Metrics: {dimension}", "", headings, rows)


def _metric(of: Listed) -> Row:
    block = of.feature.block
    return (
        of.feature.base, of.description, block.unit, ", ".join(of.windows) or "–",
        f"`{block.value or f'quintile of {block.quintile_of}'}`", "yes" if of.meant_for_fit else "no",
    )  # fmt: skip


def _columns(t: Table) -> Listing:
    key = ", ".join(f"`{k}`" for k in t.key)
    rows = [(c.name, f"`{c.type}`", c.comment) for c in t.columns]
    return Listing(t.name, f"{_sentence(t.grain)} Key: {key}.", ("column", "type", "what it says"), rows)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _marked(text: str) -> Markup:
    """Escaped, and what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _cell(text: str) -> str:
    """As a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _environment() -> Environment:
    made = environment()
    made.filters |= {"marked": _marked, "cell": _cell}
    return made
