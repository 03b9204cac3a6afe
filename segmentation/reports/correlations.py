"""What goes together among the features that customers were grouped by: a picture, and the strongest pairs in words."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from segmentation.reports.data import number, records, text
from segmentation.reports.figures import BLUE_TO_ORANGE, short_labels
from segmentation.reports.style import Spec, on_phone, to_spec

MOST_SLOTS = 30  # a row and a column each
MOST_PAIRS = 10

Pair = tuple[str, str, float]
"""Two slots by name, and Pearson's r."""


def pairs(frame: pd.DataFrame) -> list[Pair]:
    """The pairs whose correlation is known, in the order of the slots."""
    read = [(text(r["one"]), text(r["other"]), number(r["r"])) for r in records(frame)]
    return [(one, other, r) for one, other, r in read if r is not None]


def strongest(found: Sequence[Pair]) -> list[Pair]:
    """The ten that go together most, in words."""
    label = short_labels(_slots(found))
    ordered = sorted(found, key=lambda pair: (-abs(pair[2]), pair[0], pair[1]))[:MOST_PAIRS]
    return [(label[one], label[other], r) for one, other, r in ordered]


def correlation_map(found: Sequence[Pair]) -> tuple[Spec, int, int] | None:
    """The slots that go together most, in their order, and how many are shown of how many; None without pairs."""
    order = _slots(found)
    closest = {name: max(abs(r) for one, other, r in found if name in (one, other)) for name in order}
    top = sorted(sorted(order, key=lambda name: (-closest[name], name))[:MOST_SLOTS], key=order.index)
    if not top:
        return None
    place = {name: n for n, name in enumerate(top, 1)}
    label = {name: f"{place[name]} {words}" for name, words in short_labels(top).items()}
    both = [*found, *((other, one, r) for one, other, r in found)]
    shown = sorted((place[a], place[b], a, b, r) for a, b, r in both if a in place and b in place)
    rows = [{"one": label[a], "other": label[b], "column": at, "r": round(r, 3)} for _, at, a, b, r in shown]
    scale = alt.Scale(domain=[-1, -0.5, 0, 0.5, 1], range=list(BLUE_TO_ORANGE), interpolate="rgb", clamp=True)
    names = alt.Axis(labelLimit=on_phone(150, 230), labelFontSize=on_phone(10, 11), domain=False, ticks=False)
    numbers = alt.Axis(labelAngle=0, domain=False, ticks=False, labelOverlap=True)
    chart = (
        alt.Chart()
        .mark_rect(stroke="#ffffff", strokeWidth=1)
        .encode(
            x=alt.X("column:O", title=None, axis=numbers),
            y=alt.Y("one:N", sort=None, title=None, axis=names),
            color=alt.Color("r:Q", scale=scale, legend=None),
            tooltip=[
                alt.Tooltip("one:N", title="One"),
                alt.Tooltip("other:N", title="Other"),
                alt.Tooltip("r:Q", title="Correlation", format=".2f"),
            ],
        )
    )
    return to_spec(chart, rows, alt.Step(16)), len(top), len(order)


def _slots(found: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(name for one, other, _ in found for name in (one, other)))
