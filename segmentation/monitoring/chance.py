"""What chance alone gives: by how much a figure differs in a share `alpha` of months in which nothing has drifted."""

from __future__ import annotations

import math

from scipy import special  # scipy.stats has the same by name, and takes more than a second to import


def psi_chance(bins: int, n: int, m: int, alpha: float) -> float:
    """Of the population stability index over `bins` bins, n customers then and m now.

    Source: Yurdakul & Naranjo (2020), doi:10.21314/JRMV.2020.227: without drift it is χ² with one degree of freedom
    less than bins, times 1/n + 1/m.
    """
    return float(special.chdtri(bins - 1, alpha) * (1 / n + 1 / m))


def share_chance(n: float, of: float, m: float, of_now: float, alpha: float) -> float:
    """Of two shares, n of `of` then and m of `of_now` now: how far apart they lie, either way."""
    # As if one customer more of each kind had been seen: where nobody is, chance may still bring some.
    rate = (n + m + 1) / (of + of_now + 2)
    return float(-special.ndtri(alpha / 2) * math.sqrt(rate * (1 - rate) * (1 / of + 1 / of_now)))


def shift_chance(error: float, n: float, m: float, draws: int | None, alpha: float) -> float:
    """Of the way between two points of n and m members; `error` is that of one member, known or from so many draws.

    As if all of it lay along one axis: over several it would reach less far.
    """
    axis = -special.ndtri(alpha / 2) if draws is None else _student(alpha / 2, draws)
    return error * float(axis) * math.sqrt(1 / n + 1 / m)


def drop_chance(error: float, n: float, m: float, draws: int, alpha: float) -> float:
    """Of a mean over n customers then that is lower over m now; `error` is that of one customer, from so many draws."""
    return error * _student(alpha, draws) * math.sqrt(1 / n + 1 / m)


def next_chance(deviation: float, draws: int, alpha: float) -> float:
    """Of one more draw above the mean of so many with this standard deviation (prediction interval, one-sided)."""
    return deviation * _student(alpha, draws) * math.sqrt(1 + 1 / draws)


def _student(alpha: float, draws: int) -> float:
    """What a mean of so many draws exceeds in a share `alpha` of cases, in units of its estimated error."""
    return float(-special.stdtrit(draws - 1, alpha))
