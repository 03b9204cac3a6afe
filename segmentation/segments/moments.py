"""Exact sums of what describes customers, by segment: means for profiles and names, squares for what they differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.variance import Spread
from segmentation.core.schemas import NO_DATA, UNIFIED
from segmentation.features import Feature
from segmentation.matrix import NOTHING, Preprocessor
from segmentation.segments.sums import Sum, sums_by_segment

SEGMENT = ["dimension", "segment_id"]
CLUSTER = "raw_segment_id"
EVERYONE = "(everyone)"


@dataclass(frozen=True)
class Means:
    """Exact means of one segment: scaled slots, raw features, and how many members had data in each dimension."""

    customers: int
    z: Mapping[str, float]
    raw: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Members behind each mean of `z`: in a dimension that few are known in, far fewer than `customers`."""


@dataclass(frozen=True)
class Described:
    """A column that describes customers: a slot of a dimension, or a feature that no model is fitted on."""

    name: str
    feature: str
    dimension: str
    is_slot: bool
    """Whether it is one of its dimension's slots, fitted or describing."""


@dataclass(frozen=True)
class Group:
    """Members of a segment that the model alone put into one cluster (null where that is not asked), and their sums."""

    dimension: str
    segment_id: str
    cluster: str | None
    customers: int
    sums: Mapping[str, Sum]
    """By name of a column: of those members in whom it is known."""


@dataclass(frozen=True)
class Moments:
    """Sums by dimension and segment (and by what the model alone said, where that is known)."""

    columns: tuple[Described, ...]
    raw: tuple[str, ...]
    groups: tuple[Group, ...]

    def means(self) -> dict[tuple[str, str], Means]:
        """(dimension, segment_id) → means; `(dimension, "(everyone)")` for all who have data in the dimension.

        A dimension's segments are described by its own slots, unified ones by those of all dimensions.
        """
        if not any(c.is_slot for c in self.columns):
            return {}
        of: dict[tuple[str, str], list[Group]] = {}
        for g in self.groups:
            of.setdefault((g.dimension, g.segment_id), []).append(g)
            if g.segment_id != NO_DATA:
                of.setdefault((g.dimension, EVERYONE), []).append(g)
        return {key: self._means(key[0], groups) for key, groups in of.items()}

    def spreads(self, dimension: str) -> Iterator[tuple[Described, Spread]]:
        """Every column over the clusters that the dimension's model made, before rules; needs `squares`.

        Of those whose feature is known alone: what stands in for the others says nothing of them.
        """
        of = [g for g in self.groups if g.dimension == dimension and g.cluster != NO_DATA]
        clusters = sorted({g.cluster for g in of if g.cluster is not None})
        for i, column in enumerate(self.columns):
            yield column, centred([_together([g.sums[f"known_{i}"] for g in of if g.cluster == c]) for c in clusters])

    def _means(self, dimension: str, groups: Sequence[Group]) -> Means:
        def found(columns: Mapping[str, str]) -> dict[str, Sum]:
            sums = {name: _together([g.sums[column] for g in groups]) for name, column in columns.items()}
            return {name: s for name, s in sums.items() if s.count}

        mine = [(i, c) for i, c in enumerate(self.columns) if c.is_slot and dimension in (UNIFIED, c.dimension)]
        of = {c.feature for _, c in mine}
        z = found({c.name: f"slot_{i}" for i, c in mine})
        raw = found({f: f"raw_{f}" for f in self.raw if f in of})
        return Means(
            sum(g.customers for g in groups),
            {name: s.mean for name, s in z.items()},
            {name: s.mean for name, s in raw.items()},
            {c.name: z[c.name].count if c.name in z else 0 for _, c in mine},
        )


def moments(
    segments: DataFrame, features: DataFrame, preprocessors: Mapping[str, Preprocessor],
    others: Sequence[Feature] = (), squares: bool = False,
) -> Moments:  # fmt: skip
    """Sums of every slot of the five dimensions and of `others` (numeric features), by segment: one pass.

    A slot's sum is over the members with data in the slot's dimension; of `others` amounts and counts as logs. No order
    of addition can show. segments: customer_id, dimension, segment_id; squares: for `spreads`, with raw_segment_id.
    """
    slots = [(p, s) for p in preprocessors.values() if p.dimension != UNIFIED for s in p.slots if s != NOTHING]
    numeric = {f.name for f in features.schema if f.dataType.typeName() != "string"}
    raw = tuple(sorted({s.feature for _, s in slots} & numeric))
    columns = [Described(s.name, s.feature, p.dimension, True) for p, s in slots]
    values = [F.when(F.expr(p.has_data), F.expr(s.sql)) for p, s in slots]
    columns += [Described(f.name, f.name, f.dimension, False) for f in others]
    if not columns:
        return Moments((), (), ())
    described = {f"slot_{i}": v for i, v in enumerate(values)}
    described |= {f"raw_{f}": F.col(f).cast("double") for f in raw}
    if squares:
        tested = [*values, *(_value(f) for f in others)]
        described |= {f"known_{i}": F.when(F.col(columns[i].feature).isNotNull(), v) for i, v in enumerate(tested)}
    cluster = F.col(CLUSTER) if squares else F.lit(None).cast("string")
    found = sums_by_segment(segments.select("customer_id", *SEGMENT, cluster.alias(CLUSTER)), features, described)
    return Moments(tuple(columns), raw, tuple(Group(*key, customers, sums) for key, (customers, sums) in found.items()))


def cluster_means(
    segments: DataFrame, features: DataFrame, preprocessors: Mapping[str, Preprocessor]
) -> dict[tuple[str, str], Means]:
    """The means alone, of segments that no rule has touched."""
    return moments(segments, features, preprocessors).means()


def difference(segment: Means, everyone: Means | None) -> dict[str, float]:
    """Slot → how many standard deviations the segment's mean lies above everyone's."""
    return {k: v - everyone.z.get(k, 0.0) for k, v in segment.z.items()} if everyone else {}


def centred(groups: Sequence[Sum]) -> Spread:
    """Sums of groups about everyone's mean, exactly: as floats they would lose it in large numbers."""
    everyone = _together(groups)
    c = everyone.total / everyone.count if everyone.count else Fraction()
    of = [(s.count, s.total - s.count * c, s.squares - 2 * c * s.total + s.count * c * c) for s in groups]
    return Spread(*np.array([[float(v) for v in sums] for sums in of]).reshape(-1, 3).T)


def _together(sums: Sequence[Sum]) -> Sum:
    return Sum(sum(s.count for s in sums), sum(s.whole for s in sums), sum(s.whole_squares for s in sums))


def _value(f: Feature) -> Column:
    x = F.nanvl(F.col(f.name).cast("double"), F.lit(None))
    of_any_size = f.block.transform == "log1p" or f.block.unit in ("money", "count", "units")
    return F.signum(x) * F.log1p(F.abs(x)) if of_any_size else x
