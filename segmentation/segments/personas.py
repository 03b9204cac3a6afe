"""Names that are true: `conf/personas.yml`, predicates over a segment's profile."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from segmentation.core.config import Strict, load
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import ALL_DIMENSIONS

MIXED = "Mixed"
NOISE = 4.0
"""A mean must differ by this many of its own standard errors (4: once in 16,000 by chance)."""

Level = Literal["very_low", "low", "high", "very_high"]


class Persona(Strict):
    """A name, and what must be true of a segment that bears it: feature → level."""

    name: str
    when: dict[str, Level]


class Thresholds(Strict):
    """How many standard deviations from everyone's mean a level asks for."""

    high: float = 0.4
    very_high: float = 0.9


class Personas(Strict):
    """The file."""

    thresholds: Thresholds = Thresholds()
    personas: dict[str, list[Persona]]


def load_personas(folder: Path, features: Collection[str]) -> Personas:
    """The personas. Raises ConfigError for an unknown dimension, or a feature that is not among those in the fit."""
    path = folder / "personas.yml"
    personas = load(path, Personas)
    for dimension, listed in personas.personas.items():
        if dimension not in ALL_DIMENSIONS:
            raise ConfigError(f'{path}: "{dimension}" is not a dimension. {nearest(dimension, ALL_DIMENSIONS)}')
        for persona in listed:
            for feature in persona.when:
                if feature.split("=")[0] not in features:
                    raise ConfigError(f'{path}: {dimension}: {persona.name}: "{feature}" is no feature of the fit. '
                                      f"{nearest(feature, features)}")  # fmt: skip
    return personas


def holds(level: Level, z: float, customers: int, thresholds: Thresholds) -> bool:
    """Whether a segment of `customers` with mean `z` (standard deviations from everyone's) is at the level.

    >>> holds("high", 0.6, 400, Thresholds()), holds("high", 0.6, 9, Thresholds())
    (True, False)
    """
    needed = thresholds.very_high if level.startswith("very_") else thresholds.high
    signed = -z if level.endswith("low") else z
    return signed >= needed and signed * math.sqrt(customers) >= NOISE


def beyond_chance(z: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, float]:
    """The differences that no draw of so many customers gives: at least four standard errors from zero.

    counts: members behind each mean.

    >>> beyond_chance({"a": 0.5, "b": 0.5}, {"a": 100, "b": 20})
    {'a': 0.5}
    """
    return {f: d for f, d in z.items() if abs(d) * math.sqrt(counts.get(f, 0)) >= NOISE}


def name_segments(
    personas: Personas, dimension: str, z: Sequence[Mapping[str, float]], customers: Sequence[int]
) -> tuple[str, ...]:
    """A name for each segment: the first persona whose every predicate holds, or else Mixed.

    z: per segment, feature → mean minus everyone's in standard deviations. Where two segments earn the same name,
    each adds the feature in which they differ most, as long as that differs from everyone's beyond chance.
    """
    listed = personas.personas.get(dimension, [])
    found: list[Persona] = []
    for means, n in zip(z, customers, strict=True):
        fits = (
            p for p in listed
            if all(f in means and holds(level, means[f], n, personas.thresholds) for f, level in p.when.items())
        )  # fmt: skip
        found.append(next(fits, Persona(name=MIXED, when={})))
    return tuple(_distinct(found, i, z, customers, personas.thresholds) for i in range(len(found)))


def _distinct(
    found: Sequence[Persona], i: int, z: Sequence[Mapping[str, float]], customers: Sequence[int], thresholds: Thresholds
) -> str:
    name = found[i].name
    twins = [j for j, persona in enumerate(found) if persona.name == name and j != i]
    if not twins:
        return name

    def lead(feature: str) -> float:
        """How far this segment stands out from its twins, in the direction in which it differs from everyone."""
        own = z[i][feature]
        return min((own - z[j].get(feature, 0.0)) * math.copysign(1, own) for j in twins)

    able = [
        f for f in z[i]
        if f not in found[i].when and holds("high", abs(z[i][f]), customers[i], thresholds) and lead(f) > 0
    ]  # fmt: skip
    if not able:
        return name
    best = max(able, key=lambda f: (lead(f), f))
    is_value, above = "=" in best, z[i][best] > 0
    word = ("more" if above else "fewer") if is_value else ("high" if above else "low")
    return f"{name}, {word} {words(best)}"


def words(feature: str) -> str:
    """A feature's name as a reader says it.

    >>> words("net_revenue_365d"), words("home_ownership=Renter")
    ('net revenue', 'Renter (home ownership)')
    """
    feature, is_value, value = feature.partition("=")
    if is_value:
        return f"{value} ({words(feature)})"
    base = feature.removesuffix("_lifetime")
    head, _, tail = base.rpartition("_")
    base = head if head and tail.endswith("d") and tail[:-1].isdigit() else base
    return base.replace("_", " ")
