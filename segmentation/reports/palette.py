"""A colour and a shape for every segment, the same in every figure of its dimension."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from segmentation.core.schemas import NO_DATA

Shape = Literal["circle", "square", "diamond", "triangle-up", "triangle-down"]

# Okabe & Ito (2008) without black, which is the text's, and yellow, which vanishes on white (contrast 1.3:1);
# then three of Tol's muted scheme, https://personal.sron.nl/~pault. Past six no palette is safe by colour
# alone, so a shape goes with it: 9 colours and 5 shapes repeat together only after 45 segments.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#332288", "#999933", "#882255",
)  # fmt: skip
GREYS = ("#6E6E6E", "#8C8C8C", "#565656")
NO_DATA_GREY = "#B0B0B0"
# In a box of 12 by 12, for the swatches in the text; Vega-Lite knows the shapes by name.
SHAPES: dict[Shape, str] = {
    "circle": "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10z",
    "square": "M1.5 1.5h9v9h-9z",
    "diamond": "M6 .2L11.8 6L6 11.8L.2 6z",
    "triangle-up": "M6 .8L11.6 10.8H.4z",
    "triangle-down": "M6 11.2L.4 1.2H11.6z",
}


@dataclass(frozen=True)
class Mark:
    """How a segment looks."""

    colour: str
    shape: Shape

    @property
    def path(self) -> str:
        """The shape as an SVG path in a box of 12 by 12."""
        return SHAPES[self.shape]


def marks(segment_ids: Collection[str], rule_segments: Collection[str] = ()) -> dict[str, Mark]:
    """A mark for every id, given in the ids' own order, so that it depends on no size that changes monthly.

    `no_data` and segments of business rules are grey.

    >>> {i: m.colour for i, m in marks({"s10", "s2", "no_data"}).items()}
    {'no_data': '#B0B0B0', 's2': '#0072B2', 's10': '#E69F00'}
    """
    shapes = tuple(SHAPES)
    ordered = sorted(set(segment_ids), key=_natural)
    ruled = [i for i in ordered if i in rule_segments and i != NO_DATA]
    modelled = [i for i in ordered if i not in rule_segments and i != NO_DATA]
    return {
        **({NO_DATA: Mark(NO_DATA_GREY, "circle")} if NO_DATA in ordered else {}),
        **{i: Mark(GREYS[n % len(GREYS)], shapes[n % len(shapes)]) for n, i in enumerate(ruled)},
        **{i: Mark(COLOURS[n % len(COLOURS)], shapes[n % len(shapes)]) for n, i in enumerate(modelled)},
    }


def _natural(segment_id: str) -> list[tuple[bool, int, str]]:
    """Digits by value, so that s10 comes after s2."""
    parts = re.findall(r"\d{1,9}|\D+", segment_id)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
