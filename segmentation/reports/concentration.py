"""Revenue against customers: the Lorenz curve, Gini's coefficient, and both in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from segmentation.reports.style import INK, LINE, Spec, to_spec
from segmentation.reports.words import percent

MOST_POINTS = 200  # of a curve; more are closer than a screen's pixels
FEW = 0.2


@dataclass(frozen=True)
class Concentration:
    """How unevenly customers bring revenue."""

    curve: Sequence[tuple[float, float]]
    """(share of customers, share of revenue) from those who bring least, both 0..1: Lorenz (1905)."""
    gini: float
    """0: all bring the same; 1: one brings everything. Above 1 where some have taken back more than they bought."""
    few: float
    """Share of customers who bring most, as near to a fifth as whole steps of revenue allow."""
    of_few: float
    """What they bring, share of all revenue."""

    has_negative: bool
    """Whether somebody has taken back more than was bought, so that shares go beyond 1."""

    def sentence(self) -> str:
        """For instance: 20.1% of customers bring 62.3% of revenue."""
        return f"{percent(self.few)} of customers bring {percent(self.of_few)} of revenue"


def concentration(steps: pd.DataFrame) -> Concentration | None:
    """From steps of revenue (`segments.concentration`); None where there is no revenue, or a single customer.

    The curve runs straight within a step, where nobody differs by more than 1 %: of Gini less than 0.003 is lost.

    >>> steps = pd.DataFrame({"step": [100, 700], "customers": [4, 1], "revenue": [4.0, 7.0]})
    >>> found = concentration(steps)
    >>> found.sentence(), round(found.gini, 3)
    ('20.0% of customers bring 63.6% of revenue', 0.436)
    """
    if steps.empty:
        return None
    ordered = steps.sort_values("step", ascending=False)
    customers = ordered["customers"].to_numpy(dtype=float)
    revenue = ordered["revenue"].to_numpy(dtype=float)
    if customers.sum() < 2 or revenue.sum() <= 0:
        return None
    who = np.concatenate([[0.0], customers.cumsum() / customers.sum()])
    what = np.concatenate([[0.0], revenue.cumsum() / revenue.sum()])
    area = float(((what[1:] + what[:-1]) / 2 * np.diff(who)).sum())
    edge = 1 + int(np.abs(who[1:] - FEW).argmin())
    shown = np.unique(np.linspace(0, len(who) - 1, min(len(who), MOST_POINTS)).round().astype(int))
    curve = [(1 - float(who[i]), 1 - float(what[i])) for i in reversed(shown)]
    return Concentration(curve, 2 * area - 1, float(who[edge]), float(what[edge]), bool((revenue < 0).any()))


def lorenz(points: Sequence[tuple[float, float]]) -> Spec:
    """Shares of customers and of revenue from those who bring least, and the line of equal shares."""
    rows: list[dict[str, object]] = [
        {"customers": round(x, 5), "revenue": round(y, 5), "of": of}
        for of, line in (("equal", ((0.0, 0.0), (1.0, 1.0))), ("all", points))
        for x, y in line
    ]
    share = alt.Axis(format=".0%", tickCount=5)
    base = alt.Chart().encode(
        x=alt.X("customers:Q", title="Customers, from those who bring least", axis=share),
        y=alt.Y("revenue:Q", title="What they bring", axis=share),
        tooltip=[
            alt.Tooltip("customers:Q", title="Of customers", format=".1%"),
            alt.Tooltip("revenue:Q", title="Of revenue", format=".1%"),
        ],
    )
    chart = alt.LayerChart(
        layer=[
            base.transform_filter("datum.of == 'equal'").mark_line(color=LINE, strokeDash=[5, 3]),
            base.transform_filter("datum.of == 'all'").mark_line(color=INK, strokeWidth=2),
            base.transform_filter("datum.of == 'all'").mark_point(color=INK, size=14, filled=True, opacity=1),
        ]
    )
    return to_spec(chart, rows, 260)
