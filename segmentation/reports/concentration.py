"""Revenue against customers: the Lorenz curve, Gini's coefficient, and both in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

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
    return Concentration(curve, 2 * area - 1, float(who[edge]), float(what[edge]))
