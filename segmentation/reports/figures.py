"""The figures as Vega-Lite declarations; each comes with how much of the data it shows."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from segmentation.reports.data import number, records, text
from segmentation.reports.palette import NO_DATA_GREY, Mark
from segmentation.reports.style import FAINT, INK, LINE, Spec, looks, on_phone, to_spec
from segmentation.reports.view import Choice, Segment
from segmentation.reports.words import feature_words, percent, signed

Index = Literal["silhouette", "stability", "sse"]
CHOSEN, CHOSEN_WORDS = "#D55E00", "#A34700"
BLUE_TO_ORANGE = (
    "#0b4a83",
    "#5fa2ce",
    "#f2f1ec",
    "#f0a350",
    "#8a3d00",
)  # told apart by all colour-blind people
LINE_LENGTH = 24  # characters of a name; what a phone has room for beside the marks
USUAL_WINDOW = "365d"
MOST_FEATURES = 20  # what fits on a phone's screen
MOST_POINTS = 3000  # more only hide one another, and each is 75 bytes and a node of the page


def size_and_revenue(segments: Sequence[Segment]) -> Spec:
    """Each segment's share of customers (ring) and of revenue (filled), joined by a line, a row a segment.

    Where the revenue is unknown the ring stands alone.
    """
    lines = {s.id: textwrap.wrap(s.label, LINE_LENGTH, max_lines=3, placeholder=" …") for s in segments}
    rows = [
        {
            "label": s.label,
            "lines": "\n".join(lines[s.id]),
            "id": s.id,
            "customers": s.customer_share,
            "revenue": s.revenue_share,
            "end": max(s.customer_share, s.revenue_share or 0.0),
            "ratio": _ratio(s),
            "customers in words": percent(s.customer_share),
            "revenue in words": percent(s.revenue_share),
        }
        for s in segments
    ]
    highest = max((max(s.customer_share, s.revenue_share or 0.0) for s in segments), default=0.0) or 1.0
    colour, shape = looks({s.id: s.mark for s in segments})
    x = alt.X(
        "customers:Q",
        title=None,
        scale=alt.Scale(domain=[0, highest], nice=False),
        axis=alt.Axis(format=".0%", tickCount=5, grid=False),
    )
    base = alt.Chart().encode(
        y=alt.Y("id:N", sort=None, title=None, axis=alt.Axis(labels=False, domain=False, ticks=False, grid=True)),
        tooltip=[
            alt.Tooltip("label:N", title="Segment"),
            alt.Tooltip("customers in words:N", title="Of customers"),
            alt.Tooltip("revenue in words:N", title="Of revenue"),
        ],
    )
    # As text marks, because labels of an axis do not break into lines.
    name = base.mark_text(align="right", baseline="middle", lineBreak="\n", lineHeight=14, color=INK, fontSize=12)
    known = base.transform_filter("isValid(datum.revenue)")
    ring = base.mark_point(filled=True, fill="#ffffff", stroke=INK, strokeWidth=1.5, size=90, opacity=1)
    filled = known.mark_point(filled=True, size=130, opacity=1)
    chart = alt.LayerChart(
        layer=[
            name.encode(x=alt.value(-14), text="lines:N"),
            known.mark_rule(color=LINE, strokeWidth=2).encode(x=x, x2="revenue:Q"),
            ring.encode(x=x),
            filled.encode(x="revenue:Q", color=colour, shape=shape),
            known.mark_text(align="left", dx=12, color=INK, fontSize=12).encode(x="end:Q", text="ratio:N"),
        ]
    )
    return to_spec(chart, rows, alt.Step(18 + 14 * max((len(found) for found in lines.values()), default=1)))


def heat_map(segments: Sequence[Segment], descriptions: Mapping[str, str]) -> tuple[Spec, int, int] | None:
    """The features that tell a dimension's segments apart, and how many are shown of how many.

    Rows are grouped by the segment that stands out most; columns are the modelled segments in their order, each
    under its mark. None where fewer than two segments have figures. The scale is symmetric about 0 and ends at
    the largest |z|, though never below 1 or above 3.
    """
    shown = [s for s in segments if s.is_modelled and s.z]
    # Where a feature stands out most: (|z|, the segment's place, from the last).
    most = {
        f: max((abs(s.z[f]), -place) for place, s in enumerate(shown) if f in s.z)
        for f in {f for s in shown for f in s.z}
    }
    if len(shown) < 2 or not most:
        return None
    top = sorted(most, key=lambda f: (-most[f][0], f))[:MOST_FEATURES]
    top.sort(key=lambda f: (-most[f][1], -most[f][0], f))
    label = short_labels(top)
    limit = min(3.0, max(1.0, *(most[f][0] for f in top)))
    rows: list[dict[str, object]] = [
        {
            "feature": label[f],
            "segment": s.label,
            "id": s.id,
            "z": round(s.z[f], 3),
            "shown": signed(s.z[f]),
            "mean": f"{s.means[f]:,.4g}" if f in s.means else "not recorded",
            "meaning": descriptions.get(f, ""),
            "row": row,
            "column": column,
        }
        for row, f in enumerate(top)
        for column, s in enumerate(shown)
        if f in s.z
    ]
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("feature:N", title="Feature"),
        alt.Tooltip("shown:N", title="Standard deviations from everyone"),
        alt.Tooltip("mean:N", title="Mean of the members"),
    ]
    if any(descriptions.get(f) for f in top):
        tooltip.append(alt.Tooltip("meaning:N", title="What it is"))
    features = alt.Axis(
        labelLimit=on_phone(150, 230),
        labelFontSize=on_phone(11, 12),
        labelPadding=6,
        domain=False,
        ticks=False,
    )
    x = alt.X("column:O", axis=None)
    base = (
        alt.Chart()
        .transform_filter("datum.row >= 0")
        .encode(
            x=x,
            # As the rows come. A list of names would become an expression, which some characters break (U+2028).
            y=alt.Y("feature:N", sort=None, title=None, axis=features),
            tooltip=tooltip,
        )
    )
    # Names have no room over narrow columns; the page explains the marks.
    rows += [{"segment": s.label, "id": s.id, "row": -1, "column": column} for column, s in enumerate(shown)]
    colour, shape = looks({s.id: s.mark for s in shown})
    header = alt.Chart().mark_point(filled=True, size=110, opacity=1).transform_filter("datum.row < 0")
    steps = [-limit, -limit / 2, 0, limit / 2, limit]
    scale = alt.Scale(domain=steps, range=list(BLUE_TO_ORANGE), interpolate="rgb", clamp=True)
    # Figures in the cells, so that nobody depends on the colour; white where white has the higher contrast.
    is_dark = alt.when(f"datum.z < {-0.68 * limit} || datum.z > {0.79 * limit}")
    # A cell narrower than its figure shows the colour alone.
    figure = base.mark_text(fontSize=11, opacity=alt.ExprRef(f"width / {len(shown)} < 25 ? 0 : 1"))
    chart = alt.LayerChart(
        layer=[
            header.encode(x=x, y=alt.value(-12), color=colour, shape=shape, tooltip=tooltip[0]),
            base.mark_rect(stroke="#ffffff", strokeWidth=1.5).encode(color=alt.Color("z:Q", scale=scale, legend=None)),
            figure.encode(text="shown:N", color=is_dark.then(alt.value("#ffffff")).otherwise(alt.value(INK))),
        ]
    )
    return to_spec(chart.resolve_scale(color="independent"), rows, alt.Step(25)), len(top), len(most)


def curve(choice: Choice, index: Index, title: str) -> Spec | None:
    """An index over k: every seed faint, the best seed of each k in front, the chosen k marked.

    None where no fit has the index. The axis includes 0, so that a weak structure looks weak.
    """
    fits = [(c.k, c.seed, getattr(c, index)) for c in choice.fits]
    best = [(c.k, c.seed, getattr(c, index)) for c in choice.best]
    rows = [
        {"k": k, "seed": str(seed), "value": float(f"{value:.6g}"), "of": of}
        for of, found in (("seed", fits), ("best", best))
        for k, seed, value in found
        if value is not None
    ]
    if not rows:
        return None
    ks = sorted({k for k, _, _ in fits + best})
    x = alt.X(
        "k:Q",
        title="Number of segments, k",
        scale=alt.Scale(domain=[ks[0] - 0.3, ks[-1] + 0.3], nice=False, zero=False),
        axis=alt.Axis(values=ks, format="d", grid=False, labelOverlap=True),
    )
    form, exact = ("~s", ",.4~g") if index == "sse" else (".2f", ".3f")
    axis = alt.Axis(format=form, tickCount=5)
    base = alt.Chart().encode(
        x=x,
        y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=True), axis=axis),
        tooltip=[
            alt.Tooltip("k:Q", title="k"),
            alt.Tooltip("value:Q", title=title, format=exact),
            alt.Tooltip("seed:N", title="Seed"),
        ],
    )
    seeds, front = base.transform_filter("datum.of == 'seed'"), base.transform_filter("datum.of == 'best'")
    layers = [
        seeds.mark_line(color=FAINT, strokeWidth=1, opacity=0.35).encode(detail="seed:N"),
        seeds.mark_point(color=FAINT, size=20, filled=True, opacity=0.45),
        front.mark_line(color=INK, strokeWidth=2),
        front.mark_point(color=INK, size=40, filled=True, opacity=1),
    ]
    if choice.k in ks:
        chosen = front.transform_filter(f"datum.k == {choice.k}")
        there = alt.Chart().transform_filter(f"datum.of == 'best' && datum.k == {choice.k}").encode(x=x)
        words = there.encode(text=alt.value(f"k = {choice.k}"), y=alt.value(2))
        style: dict[str, Any] = {
            "color": CHOSEN_WORDS,
            "fontSize": 12,
            "fontWeight": "bold",
            "baseline": "top",
        }
        # Beside the line, on the side where there is room.
        right = choice.k <= (ks[0] + ks[-1]) / 2
        layers = [
            there.mark_rule(color=CHOSEN, strokeWidth=1.5, strokeDash=[5, 3]),
            *layers,
            words.mark_text(align="left" if right else "right", dx=6 if right else -6, **style),
            chosen.mark_point(color=CHOSEN, size=110, filled=True, opacity=1),
        ]
    return to_spec(alt.LayerChart(layer=layers), rows, 210)


def customer_map(
    points: pd.DataFrame, marks: Mapping[str, Mark], labels: Mapping[str, str], explained: tuple[float, float]
) -> tuple[Spec, int] | None:
    """Customers on two principal components, and how many are drawn; None without points.

    Of more than 3,000 every nth is drawn, so the given order decides. The page sets `highlight` to a
    segment_id to bring that segment to the front; empty shows all alike.
    """
    read = [(number(r["x"]), number(r["y"]), r) for r in records(points)]
    found = [
        (x, y, text(r["segment_id"]), text(r["segment_name"])) for x, y, r in read if x is not None and y is not None
    ]
    if not found:
        return None
    drawn = found[:: -(-len(found) // MOST_POINTS)]
    rows = [{"x": round(x, 3), "y": round(y, 3), "id": i, "name": labels.get(i, name)} for x, y, i, name in drawn]
    strangers = sorted({i for _, _, i, _ in drawn} - set(marks))
    colour, shape = looks({**marks, **dict.fromkeys(strangers, Mark(NO_DATA_GREY, "circle"))})
    across, up = (
        alt.Axis(title=f"Component {n} ({percent(number(share))} of the variance)", tickCount=5)
        for n, share in enumerate(explained, 1)
    )
    in_front = alt.when("highlight == '' || datum.id == highlight")
    chart = (
        alt.Chart()
        .mark_point(filled=True, size=26, strokeWidth=0)
        .encode(
            x=alt.X("x:Q", axis=across, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", axis=up, scale=alt.Scale(zero=False)),
            color=colour,
            shape=shape,
            opacity=in_front.then(alt.value(0.75)).otherwise(alt.value(0.05)),
            tooltip=[alt.Tooltip("name:N", title="Segment")],
        )
        .add_params(alt.param(name="highlight", value=""))
    )
    return to_spec(chart, rows, 440), len(rows)


def _ratio(segment: Segment) -> str:
    if segment.revenue_share is None or not segment.customer_share:
        return ""
    ratio = segment.revenue_share / segment.customer_share
    return "<0.1×" if 0 < ratio < 0.05 else f"{ratio:.1f}×"


def short_labels(features: Sequence[str]) -> dict[str, str]:
    """In words without the usual window, which the caption names; two that read alike keep their names."""
    short = {f: feature_words(f.removesuffix(f"_{USUAL_WINDOW}")) for f in features}
    often = Counter(short.values())
    return {f: words if often[words] == 1 else f for f, words in short.items()}
