"""How much of a column groups explain, and whether by more than chance."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import fdtrc  # scipy.stats has the same by name, and takes more than a second to import

from segmentation.clustering.views import Array

NOTHING = 1e-12
"""A sum of squares below this is rounding; below this share of the whole, nothing varies within groups."""


@dataclass(frozen=True)
class Spread:
    """One column over groups, each (g,): members with a value, their sum, their sum of squares."""

    customers: Array
    total: Array
    squares: Array


@dataclass(frozen=True)
class Anova:
    """One-way analysis of variance of one column over groups."""

    customers: int
    groups: int
    f: float | None
    """Variance between groups over variance within, each per degree of freedom; None where nothing varies within."""
    omega_squared: float
    """Share of the variance that the groups explain, less what as many drawn by lot would, 0..1."""
    p: float
    """How often groups drawn by lot have as great an f, 0..1."""


def anova(spread: Spread) -> Anova | None:
    """None where fewer than two groups have a value, or the value is the same for everybody.

    Sources: Fisher (1925), Statistical Methods for Research Workers; Hays (1963), Statistics for Psychologists (ω²).

    >>> import numpy as np
    >>> found = anova(Spread(np.array([2.0, 2.0]), np.array([3.0, 7.0]), np.array([5.0, 25.0])))
    >>> found.f, round(found.omega_squared, 3), round(found.p, 3)
    (8.0, 0.636, 0.106)
    """
    filled = spread.customers > 0
    n, total, squares = spread.customers[filled], spread.total[filled], spread.squares[filled]
    everyone, groups = float(n.sum()), len(n)
    if groups < 2 or everyone <= groups:
        return None
    within = max(float((squares - total**2 / n).sum()), 0.0)
    between = float((n * (total / n - total.sum() / everyone) ** 2).sum())
    if within + between <= NOTHING:
        return None
    if within <= NOTHING * between:
        return Anova(int(everyone), groups, None, 1.0, 0.0)
    error = within / (everyone - groups)
    f = between / (groups - 1) / error
    omega = (between - (groups - 1) * error) / (between + within + error)
    return Anova(int(everyone), groups, f, max(omega, 0.0), float(fdtrc(groups - 1, everyone - groups, f)))
