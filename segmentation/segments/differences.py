"""In what segments differ, and what of that says more than how they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segmentation.clustering.variance import Anova, Spread, anova
from segmentation.core.periods import YEAR
from segmentation.core.schemas import ALL_DIMENSIONS, UNIFIED
from segmentation.features import Feature, Registry
from segmentation.matrix import Preprocessor
from segmentation.segments.moments import Described, Moments

DESCRIPTIVE, HELD_OUT, NEXT_PERIOD = "descriptive", "held_out", "next_period"
LEVEL = 0.05
"""Of families of tests in which nothing differs, this share shows a difference at most."""


def holm(p: Sequence[float]) -> list[float]:
    """p-values that allow for there being several: at LEVEL a family without differences shows one in LEVEL of cases.

    Source: Holm (1979), https://www.jstor.org/stable/4615733.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    found, least = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * p[i]))
        found[i] = least
    return found


def difference_rows(
    found: Moments, models: Mapping[str, Preprocessor], registry: Registry,
    next_period: Mapping[str, tuple[str, Spread]],
) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of `segment_differences` but as_of, run_id and segments_as_of.

    A dimension's own slots describe it: segments were made of them, and differ in them whatever the customers are like.
    A column is held out of a model where no input tells both of it and of a feature that the model was fitted on: what
    happened does not count on both sides. These are tested together, and with them what the members of an earlier
    date's segments did since (next_period: by dimension a name and its spread).
    """
    rows, inputs = [], registry.inputs
    for d in (d for d in ALL_DIMENSIONS if d in models):
        of = {s.feature for s in models[d].fitted}
        made_of = frozenset().union(*(inputs.get(f, frozenset()) for f in of))
        family: list[tuple[str, str, Anova]] = []
        for column, spread in found.spreads(d):
            role = _role(column, d, inputs.get(column.feature, frozenset()), made_of)
            result = anova(spread) if role else None
            if role == DESCRIPTIVE and result:
                rows.append(_row(d, column.name, DESCRIPTIVE, result, None))
            elif role and result:
                family.append((column.name, role, result))
        if d in next_period and (result := anova(next_period[d][1])):
            family.append((next_period[d][0], NEXT_PERIOD, result))
        adjusted = holm([a.p for _, _, a in family])
        rows += [_row(d, name, role, a, p) for (name, role, a), p in zip(family, adjusted, strict=True)]
    return rows


def outside_every_fit(registry: Registry) -> list[Feature]:
    """Numeric features of which no window takes part in any fit: each once, over a year where it has windows.

    Quintiles, and codes of them, are left out: they say what others say.
    """
    fitted = {f.base for f in registry.features if f.meant_for_fit}
    ranks: set[str] = set()
    for f in registry.features:
        if f.block.quintile_of or f.reads & ranks:
            ranks.add(f.name)
    return [
        f for f in registry.features
        if f.base not in fitted and f.name not in ranks and f.window in (None, YEAR)
        and not f.is_text and not f.off_because
    ]  # fmt: skip


def _role(column: Described, dimension: str, inputs: frozenset[str], made_of: frozenset[str]) -> str | None:
    if column.is_slot and dimension in (column.dimension, UNIFIED):
        return DESCRIPTIVE
    return None if inputs & made_of else HELD_OUT


def _row(dimension: str, feature: str, role: str, a: Anova, p_holm: float | None) -> dict[str, Any]:
    tested = p_holm is not None
    return {"dimension": dimension, "feature": feature, "role": role, "customers": a.customers, "segments": a.groups,
            "f_statistic": a.f, "omega_squared": a.omega_squared, "p_value": a.p if tested else None, "p_holm": p_holm,
            "differs": p_holm < LEVEL if p_holm is not None else None}  # fmt: skip
