"""The drift report as a page: the verdict first, then what it rests on, why segments changed, and who moved where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segmentation.core.schemas import ALL_DIMENSIONS, UNIFIED
from segmentation.monitoring import HOLDS, PREFIX, TOO_FEW, Judged, reading_order
from segmentation.reports import words
from segmentation.reports.data import integer, records, text
from segmentation.reports.pages import environment, hashed, script
from segmentation.reports.palette import NO_DATA_GREY, Mark, marks

CHECKS = {
    "feature_psi": "how a feature is spread (population stability index)",
    "recent_psi": "how a feature is spread over a shorter window (population stability index)",
    "extreme_share": "who has values that hardly anybody had (rise of the share)",
    "missing_share": "of how many a feature is known (change of the share)",
    "segment_share": "size of a segment (change of its share)",
    "members_shift": "how members behave (way of their mean, in the segment's spread at training)",
    "centroid_shift": "where a segment would lie if made today (in the same unit)",
    "outside_share": "who is far from every segment (share)",
    "silhouette_loss": "how distinct segments are (loss of silhouette)",
    "migration_share": "who changed segment (share above the usual)",
}
"""What each check looks at, and its unit."""
WIDTH, COLUMN, SIDE = 470.0, 8.0, 150.0
"""Of the flow: all of it, a node, and the room for names beside it; in the drawing's own units."""
HEIGHT, GAP = 260.0, 15.0
LABEL = 24
"""Characters of a name that have room beside a node."""


@dataclass(frozen=True)
class DriftData:
    """What the page shows, from the published tables of one month."""

    as_of: dt.date
    run_id: str
    model_version: str
    verdict: str
    title: str
    """The verdict in words, as they are told (`monitoring.title_of`)."""
    reason: str
    report: Sequence[Judged]
    changes: pd.DataFrame
    """Rows of `segment_changes`."""
    migration: pd.DataFrame
    """Rows of `segment_migration`."""
    names: Mapping[str, str]
    """Of segments, by id."""
    rule_segments: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A row of the report."""

    dimension: str
    check: str
    subject: str
    value: str
    threshold: str
    verdict: str
    explanation: str


@dataclass(frozen=True)
class Node:
    """A segment on one side of the flow."""

    label: str
    customers: int
    x: float
    y: float
    height: float
    colour: str


@dataclass(frozen=True)
class Ribbon:
    """Customers from one node to another."""

    path: str
    colour: str
    words: str


@dataclass(frozen=True)
class Flow:
    """The drawing: what stands left and right, and what joins them."""

    before: Sequence[Node]
    after: Sequence[Node]
    ribbons: Sequence[Ribbon]
    height: float
    since: str


def render_drift_report(data: DriftData) -> str:
    """One self-contained page that asks nothing of any network and runs no script; the same for the same data."""
    rows = [_figure(r, data.names) for r in sorted(data.report, key=reading_order)]
    beyond = [r for r in rows if r.verdict not in (HOLDS, TOO_FEW)]
    changes: dict[str, list[dict[str, Any]]] = {d: [] for d in ALL_DIMENSIONS}
    for r in records(data.changes):
        changes[r["dimension"]].append(r)
    made = environment()
    return made.get_template("drift.html.jinja").render(
        data=data, day=words.day(data.as_of), beyond=beyond, rows=rows,
        changes={d: of for d, of in changes.items() if of}, flow=flow(data), width=WIDTH, column=COLUMN,
        count=words.count, sort=script(made, "sort.js.jinja"), hashed=hashed,
    )  # fmt: skip


def flow(data: DriftData) -> Flow | None:
    """The unified layer's customers of then and now; None without an earlier as-of date.

    Heights are customers, in one scale for both sides; segments stand in the order of their ids, who came and who left
    last.
    """
    rows = [r for r in records(data.migration) if r["dimension"] == UNIFIED]
    if not rows:
        return None
    labels = {text(r[f"{side}_segment_id"]): text(r[f"{side}_segment_name"]) for r in rows for side in ("from", "to")}
    colours = marks([s for s in labels if not s.startswith("(")], data.rule_segments)
    sides = [_totals(rows, f"{side}_segment_id") for side in ("from", "to")]
    scale = HEIGHT / max(sum(of.values()) for of in sides)
    before, after = (
        _nodes(of, labels, colours, scale, x)
        for of, x in zip(sides, (SIDE, WIDTH - SIDE - COLUMN), strict=True)
    )  # fmt: skip
    filled = {("from", s): n.y for s, n in before.items()} | {("to", s): n.y for s, n in after.items()}
    ribbons = []
    places = [list(before), list(after)]
    ordered = sorted(rows, key=lambda r: (places[0].index(r["from_segment_id"]), places[1].index(r["to_segment_id"])))
    for r in ordered:
        one, other, n = text(r["from_segment_id"]), text(r["to_segment_id"]), integer(r["customers"]) or 0
        start, end, size = filled["from", one], filled["to", other], n * scale
        filled["from", one] += size
        filled["to", other] += size
        said = f"{words.count(n)} from {labels[one]} to {labels[other]}"
        ribbons.append(Ribbon(_ribbon(start, end, size), before[one].colour, said))
    height = max(n.y + n.height for of in (before, after) for n in of.values()) + GAP
    return Flow([*before.values()], [*after.values()], ribbons, height, str(rows[0]["previous_as_of"]))


def _figure(r: Judged, names: Mapping[str, str]) -> Figure:
    what = names.get(r.subject) or (r.subject if r.subject in ALL_DIMENSIONS else words.feature_words(r.subject))
    looked_at = CHECKS.get(r.check) or f"key figure: {r.check.removeprefix(PREFIX).replace('_', ' ')}"
    owner = f" ({r.owner})" if r.owner else ""
    return Figure(
        r.dimension, looked_at, what, words.decimal(r.value, 3), words.decimal(r.threshold, 3), r.verdict,
        r.explanation + owner,
    )  # fmt: skip


def _totals(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for r in rows:
        totals[text(r[column])] = totals.get(text(r[column]), 0) + (integer(r["customers"]) or 0)
    return dict(sorted(totals.items(), key=lambda item: (item[0].startswith("("), item[0])))


def _nodes(
    totals: Mapping[str, int], labels: Mapping[str, str], colours: Mapping[str, Mark], scale: float, x: float
) -> dict[str, Node]:
    nodes, y = {}, GAP / 2
    for segment, n in totals.items():
        label = labels[segment] if len(labels[segment]) <= LABEL else labels[segment][: LABEL - 1] + "…"
        colour = colours[segment].colour if segment in colours else NO_DATA_GREY
        nodes[segment] = Node(label, n, x, round(y, 2), round(n * scale, 2), colour)
        y += n * scale + GAP
    return nodes


def _ribbon(start: float, end: float, size: float) -> str:
    left, right = SIDE + COLUMN, WIDTH - SIDE - COLUMN
    middle = (left + right) / 2
    top = f"M{left:g} {start:.2f}C{middle:g} {start:.2f} {middle:g} {end:.2f} {right:g} {end:.2f}"
    bottom = f"C{middle:g} {end + size:.2f} {middle:g} {start + size:.2f} {left:g} {start + size:.2f}Z"
    return f"{top}V{end + size:.2f}{bottom}"
