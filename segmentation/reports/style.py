"""What all figures share: type, greys, and a width that follows the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from segmentation.reports.palette import Mark

Spec = dict[str, Any]
INK, FAINT, LINE = "#1c1c1a", "#8a8a84", "#b9b9b3"
# aria off: the page names each figure once, as an image; 3,000 labelled points would drown a screen reader.
CONFIG: Spec = {
    "aria": False,
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#e4e4df",
        "domainColor": LINE,
        "tickColor": LINE,
    },
}


def to_spec(chart: alt.Chart | alt.LayerChart, rows: Sequence[Mapping[str, object]], height: int | alt.Step) -> Spec:
    """The declaration with its data, as wide as its place; without Altair's theme, since the page has one."""
    fitted = chart.properties(
        data=alt.NamedData("rows"),
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding", resize=True),
    )
    spec: Spec = fitted.to_dict(validate=False)  # tests hold it against the schema; here it would take half the time
    del spec["config"], spec["$schema"]
    return {**spec, "data": {"values": list(rows)}}


def on_phone(phone: int, desktop: int) -> alt.ExprRef:
    """A number that depends on the width of the figure's place, such as the room for labels."""
    return alt.ExprRef(f"containerSize()[0] < 420 ? {phone} : {desktop}")


def looks(marks: Mapping[str, Mark]) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape of the field `id`; legends stand in the page."""
    ids, shown = list(marks), list(marks.values())
    return (
        alt.Color("id:N", legend=None, scale=alt.Scale(domain=ids, range=[m.colour for m in shown])),
        alt.Shape("id:N", legend=None, scale=alt.Scale(domain=ids, range=[m.shape for m in shown])),
    )


def to_png(spec: Spec) -> bytes:
    """A figure as a picture of its own, on white, for where no page gives it a width and a style."""
    alone = {k: v for k, v in spec.items() if k != "autosize"} | {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json", "width": 420, "height": 260,
        "config": {**CONFIG, "background": "#ffffff"},
    }  # fmt: skip
    png: bytes = vl_convert.vegalite_to_png(alone, scale=2)
    return png
