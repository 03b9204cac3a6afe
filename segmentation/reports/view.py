"""Collected tables as typed values, in the order in which they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from segmentation.core.schemas import DIMENSIONS, NO_DATA, UNIFIED
from segmentation.reports.data import ReportData, integer, mapping, number, records, structs, text
from segmentation.reports.palette import Mark, marks
from segmentation.segments.differences import DESCRIPTIVE, NEXT_PERIOD


@dataclass(frozen=True)
class Segment:
    """One row of `segment_profiles`; None is what the table calls null."""

    id: str
    name: str
    label: str
    """The name, with the id behind it where two segments of the dimension share the name."""
    mark: Mark
    is_modelled: bool
    """False for `no_data` and the segments of business rules."""
    customers: int
    customer_share: float
    revenue_share: float | None
    revenue_365d: float | None
    margin_365d: float | None
    average_order_value: float | None
    orders_per_customer_365d: float | None
    median_days_since_last_order: float | None
    discount_share_365d: float | None
    channel_mix: Mapping[str, float]
    category_mix: Mapping[str, float]
    differentiators: Sequence[tuple[str, float]]
    """(feature, z), as the table orders them."""
    means: Mapping[str, float]
    z: Mapping[str, float]
    model_mix: Mapping[str, float]
    """Of a rule's segment: segment_id → share of its members whom the model alone would put there."""
    rule_overlap: Mapping[str, float]
    """Of a rule's segment: the segment_id of another rule → share of its members for whom that holds too."""


@dataclass(frozen=True)
class Difference:
    """A comparison of a dimension's segments in what they were not made of."""

    feature: str
    since: str | None
    """The as-of date whose segments are compared in what came after it; None for what was known then."""
    explained: float | None
    """Share of the variance, 0..1."""
    p: float | None
    """Allowing for all comparisons of the dimension."""
    differs: bool


@dataclass(frozen=True)
class Candidate:
    """One fitted k and seed; None is what the tables call null."""

    k: int
    seed: int
    sse: float | None
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None
    min_share: float | None
    stability: float | None = None
    """Adjusted Rand index with refits on resamples."""
    returns: float | None = None
    excess: float | None = None
    separation: int | None = None
    valleys: float | None = None
    usefulness: float | None = None
    against: tuple[str, ...] | None = None
    """What kept it from being chosen, in words."""


@dataclass(frozen=True)
class Merge:
    """Two segments, or what has become of some, would be one."""

    segments: int
    """How many are then left."""
    one: Sequence[str]
    other: Sequence[str]
    """The segment_ids in each."""
    kept: float
    """What is then left of the sum of squares between segments, 0..1."""


@dataclass(frozen=True)
class Choice:
    """How the number of segments of a dimension was found."""

    k: int | None
    by_user: bool
    structure: str
    """clusters, continuum, none, or nothing where it is not known."""
    reason: str
    fits: Sequence[Candidate]
    """All seeds, by k and seed."""
    best: Sequence[Candidate]
    """One for each k: the one the selection weighed, or else that with the lowest SSE."""
    merges: Sequence[Merge] = ()
    """How the chosen segments would join, in order."""


def dimensions(data: ReportData) -> tuple[str, ...]:
    """Unified, the five, and whatever else a user defined and has profiles of."""
    known = (UNIFIED, *DIMENSIONS)
    found = set(data.profiles["dimension"]) if len(data.profiles) else set()
    return known + tuple(sorted(found - set(known)))


def segments(data: ReportData, dimension: str) -> tuple[Segment, ...]:
    """A dimension's segments: the modelled ones by revenue share, then those of rules, then `no_data`."""
    rows = rows_of(data.profiles, dimension)
    ruled = data.rule_segments if dimension == UNIFIED else frozenset[str]()
    mark = marks([text(r["segment_id"]) for r in rows], ruled)
    names = Counter(_name(r) for r in rows)
    found = [_segment(r, names, mark, ruled) for r in rows]
    return tuple(
        sorted(
            found,
            key=lambda s: (s.id == NO_DATA, not s.is_modelled, -(s.revenue_share or 0), -s.customers, s.id),
        )
    )


def choice(sweep: pd.DataFrame, selection: pd.DataFrame, dimension: str) -> Choice | None:
    """How k was chosen, by rows of `k_sweep` and `k_selection`; None where it was neither swept nor decided on."""
    fits = sorted((_candidate(r) for r in rows_of(sweep, dimension)), key=lambda c: (c.k, c.seed))
    decided = rows_of(selection, dimension)
    if not fits and not decided:
        return None
    row = decided[0] if decided else {}
    weighed = {c.k: c for c in (_candidate(r) for r in structs(row.get("candidates")))}
    fitted = {(c.k, c.seed): c for c in fits}
    best = []
    for k in sorted({c.k for c in fits} | set(weighed)):
        lowest = min((c for c in fits if c.k == k), key=lambda c: (c.sse is None, c.sse, c.seed), default=None)
        if k in weighed:
            same = fitted.get((k, weighed[k].seed))
            best.append(replace(weighed[k], sse=same.sse if same else None))
        elif lowest:
            best.append(lowest)
    return Choice(
        integer(row.get("k")),
        row.get("chosen_by") == "user",
        text(row.get("structure")),
        text(row.get("reason")),
        fits,
        best,
        [
            Merge(integer(m["segments"]) or 0, list(m["one"]), list(m["other"]), number(m["kept"]) or 0.0)
            for m in structs(row.get("merges"))
        ],
    )


def differences(data: ReportData, dimension: str) -> tuple[Difference, ...]:
    """What tells more of a dimension's segments than how they were made: the greatest first."""
    found = [
        Difference(
            text(r["feature"]),
            str(r["segments_as_of"]) if r["role"] == NEXT_PERIOD else None,
            number(r["omega_squared"]),
            number(r["p_holm"]),
            bool(r["differs"]),
        )
        for r in rows_of(data.differences, dimension)
        if r["role"] != DESCRIPTIVE
    ]
    return tuple(sorted(found, key=lambda d: (d.since is None, not d.differs, -(d.explained or 0), d.feature)))


@dataclass(frozen=True)
class Described:
    """How much of a feature the segments that were made of it explain, which proves nothing."""

    feature: str
    f: float | None
    """Variance between segments over variance within, per degree of freedom."""
    explained: float | None
    """Share of the variance beyond chance, 0..1."""


def described(data: ReportData, dimension: str) -> tuple[Described, ...]:
    """The features that a dimension's segments were made of: those first of which they explain most."""
    found = [
        Described(text(r["feature"]), number(r["f_statistic"]), number(r["omega_squared"]))
        for r in rows_of(data.differences, dimension)
        if r["role"] == DESCRIPTIVE
    ]
    return tuple(sorted(found, key=lambda d: (-(d.explained or 0), d.feature)))


@dataclass(frozen=True)
class LeftOut:
    """A feature that takes no part in a dimension's fit."""

    feature: str
    why: str


def left_out(data: ReportData, dimension: str) -> list[LeftOut]:
    """Of a dimension, in the order of its features."""
    return [LeftOut(text(r["feature"]), text(r["reason"])) for r in rows_of(data.left_out, dimension)]


def rows_of(frame: Any, dimension: str) -> list[dict[str, Any]]:
    """The rows of a dimension; none of an empty frame."""
    return [r for r in records(frame) if r["dimension"] == dimension]


def _name(row: Mapping[str, Any]) -> str:
    return text(row["segment_name"]) or text(row["segment_id"])


def _segment(
    row: Mapping[str, Any], names: Mapping[str, int], mark: Mapping[str, Mark], ruled: frozenset[str]
) -> Segment:
    segment_id, name = text(row["segment_id"]), _name(row)
    apart = [(text(d.get("feature")), number(d.get("z"))) for d in structs(row["top_differentiators"])]
    return Segment(
        id=segment_id,
        name=name,
        label=name if names[name] == 1 else f"{name} ({segment_id})",
        mark=mark[segment_id],
        is_modelled=segment_id != NO_DATA and segment_id not in ruled,
        customers=integer(row["customers"]) or 0,
        customer_share=number(row["customer_share"]) or 0.0,
        revenue_share=number(row["revenue_share"]),
        revenue_365d=number(row["revenue_365d"]),
        margin_365d=number(row["margin_365d"]),
        average_order_value=number(row["average_order_value"]),
        orders_per_customer_365d=number(row["orders_per_customer_365d"]),
        median_days_since_last_order=number(row["median_days_since_last_order"]),
        discount_share_365d=number(row["discount_share_365d"]),
        channel_mix=mapping(row["channel_mix"]),
        category_mix=mapping(row["category_mix"]),
        differentiators=[(feature, z) for feature, z in apart if z is not None],
        means=mapping(row["feature_means"]),
        z=mapping(row["feature_z"]),
        model_mix=mapping(row.get("model_mix")),
        rule_overlap=mapping(row.get("rule_overlap")),
    )


def _candidate(row: Mapping[str, Any]) -> Candidate:
    flaws = row.get("flaws")
    return Candidate(
        k=integer(row["k"]) or 0,
        seed=integer(row["seed"]) or 0,
        sse=number(row.get("sse")),
        silhouette=number(row["silhouette"]),
        davies_bouldin=number(row["davies_bouldin"]),
        calinski_harabasz=number(row["calinski_harabasz"]),
        min_share=number(row["min_share"]),
        stability=number(row.get("stability")),
        returns=number(row.get("returns")),
        excess=number(row.get("excess")),
        separation=integer(row.get("separation")),
        valleys=number(row.get("valleys")),
        usefulness=number(row.get("usefulness")),
        against=None if flaws is None else tuple(text(f) for f in flaws),
    )
