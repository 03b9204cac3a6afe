"""Exact sums of what describes customers, by segment: means for profiles and names, squares for what they differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.variance import Spread
from segmentation.core.schemas import NO_DATA, UNIFIED
from segmentation.features import Feature
from segmentation.matrix import NOTHING, Preprocessor

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
class Moments:
    """Sums by dimension and segment (and by what the model alone said, where that is known)."""

    columns: tuple[Described, ...]
    raw: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def means(self) -> dict[tuple[str, str], Means]:
        """(dimension, segment_id) → means; `(dimension, "(everyone)")` for all who have data in the dimension.

        A dimension's segments are described by its own slots, unified ones by those of all dimensions.
        """
        if not any(c.is_slot for c in self.columns):
            return {}
        of: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for r in self.rows:
            of.setdefault((r["dimension"], r["segment_id"]), []).append(r)
            if r["segment_id"] != NO_DATA:
                of.setdefault((r["dimension"], EVERYONE), []).append(r)
        return {key: self._means(key[0], rows) for key, rows in of.items()}

    def spreads(self, dimension: str) -> Iterator[tuple[Described, Spread]]:
        """Every column over the clusters that the dimension's model made, before rules; needs `squares`.

        Of those whose feature is known alone: what stands in for the others says nothing of them.
        """
        of = [r for r in self.rows if r["dimension"] == dimension and r[CLUSTER] != NO_DATA]
        clusters = sorted({r[CLUSTER] for r in of})

        def summed(column: str) -> list[Decimal]:
            return [sum((Decimal(r[column] or 0) for r in of if r[CLUSTER] == c), Decimal(0)) for c in clusters]

        for i, column in enumerate(self.columns):
            yield column, centred(summed(f"n_t_{i}"), summed(f"sum_t_{i}"), summed(f"squares_t_{i}"))

    def _means(self, dimension: str, rows: Sequence[Mapping[str, Any]]) -> Means:
        def mean(column: str) -> float | None:
            n = sum(r[f"n_{column}"] for r in rows)
            return float(sum((r[f"sum_{column}"] for r in rows if r[f"n_{column}"]), Decimal(0)) / n) if n else None

        mine = [
            (i, c) for i, c in enumerate(self.columns) if c.is_slot and dimension in (UNIFIED, c.dimension)
        ]  # fmt: skip
        z = {c.name: mean(f"d_{i}") for i, c in mine}
        means = {f: mean(f"raw_{f}") for f in self.raw if f in {c.feature for _, c in mine}}
        return Means(
            sum(r["customers"] for r in rows),
            {k: v for k, v in z.items() if v is not None},
            {k: v for k, v in means.items() if v is not None},
            {c.name: sum(r[f"n_d_{i}"] for r in rows) for i, c in mine},
        )


def moments(
    segments: DataFrame, features: DataFrame, preprocessors: Mapping[str, Preprocessor],
    others: Sequence[Feature] = (), squares: bool = False,
) -> Moments:  # fmt: skip
    """Sums of every slot of the five dimensions and of `others` (numeric features), by segment: one Spark job.

    A slot's sum is over the members with data in the slot's dimension; of `others` amounts and counts as logs. Sums are
    decimal, so no order of addition can show. segments: customer_id, dimension, segment_id; squares: for `spreads`,
    with raw_segment_id.
    """
    slots = [(p, s) for p in preprocessors.values() if p.dimension != UNIFIED for s in p.slots if s != NOTHING]
    numeric = {f.name for f in features.schema if f.dataType.typeName() != "string"}
    raw = tuple(sorted({s.feature for _, s in slots} & numeric))
    columns = [Described(s.name, s.feature, p.dimension, True) for p, s in slots]
    values = [F.when(F.expr(p.has_data), F.expr(s.sql)) for p, s in slots]
    columns += [Described(f.name, f.name, f.dimension, False) for f in others]
    values += [_value(f) for f in others]
    if not columns:
        return Moments((), (), ())
    tested = [F.when(F.col(c.feature).isNotNull(), v) for c, v in zip(columns, values, strict=True)] if squares else []
    described = features.select(
        "customer_id",
        *(v.alias(f"d_{i}") for i, v in enumerate(values)),
        *(v.alias(f"t_{i}") for i, v in enumerate(tested)),
        *(F.col(f).cast("decimal(30,6)").alias(f"raw_{f}") for f in raw),
    )
    tests = [f"t_{i}" for i in range(len(tested))]
    sums = [s for i in range(len(values)) for s in sums_of(f"d_{i}")[:2]]
    sums += [s for c in tests for s in sums_of(c)]
    sums += [s for f in raw for s in (F.sum(f"raw_{f}").alias(f"sum_raw_{f}"), F.count(f"raw_{f}").alias(f"n_raw_{f}"))]
    keys = [*SEGMENT, CLUSTER] if squares else SEGMENT
    joined = segments.select("customer_id", *keys).join(described, on="customer_id", how="inner")
    rows = joined.groupBy(*keys).agg(F.count("*").alias("customers"), *sums).collect()
    return Moments(tuple(columns), raw, tuple(r.asDict() for r in rows))


def sums_of(column: str) -> tuple[Column, Column, Column]:
    """How many values a column (double) has, their sum and their sum of squares: n_, sum_ and squares_<column>."""
    x = F.col(column)
    return (
        F.count(x).alias(f"n_{column}"),
        F.sum(x.cast("decimal(30,12)")).alias(f"sum_{column}"),
        F.sum((x * x).cast("decimal(30,12)")).alias(f"squares_{column}"),
    )


def cluster_means(
    segments: DataFrame, features: DataFrame, preprocessors: Mapping[str, Preprocessor]
) -> dict[tuple[str, str], Means]:
    """The means alone, of segments that no rule has touched."""
    return moments(segments, features, preprocessors).means()


def difference(segment: Means, everyone: Means | None) -> dict[str, float]:
    """Slot → how many standard deviations the segment's mean lies above everyone's."""
    return {k: v - everyone.z.get(k, 0.0) for k, v in segment.z.items()} if everyone else {}


def centred(customers: Sequence[Decimal], total: Sequence[Decimal], squares: Sequence[Decimal]) -> Spread:
    """Sums over groups, each (g,), about everyone's mean, exactly: as floats they would lose it in large numbers."""
    n = sum(customers)
    c = sum(total) / n if n else Decimal(0)
    about = [(t - m * c, q - 2 * c * t + m * c * c) for m, t, q in zip(customers, total, squares, strict=True)]
    columns = customers, [t for t, _ in about], [q for _, q in about]
    return Spread(*(np.array([float(v) for v in column]) for column in columns))


def _value(f: Feature) -> Column:
    x = F.nanvl(F.col(f.name).cast("double"), F.lit(None))
    of_any_size = f.block.transform == "log1p" or f.block.unit in ("money", "count", "units")
    return F.signum(x) * F.log1p(F.abs(x)) if of_any_size else x
