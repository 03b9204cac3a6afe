"""Ids and names of a new bundle: those of the champion's segments where they are the same, new ones where not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.stability import jaccard
from segmentation.clustering.views import Array
from segmentation.core.schemas import NO_DATA, UNIFIED
from segmentation.matrix import Preprocessor
from segmentation.pipeline.bundle import Fitted, published_models
from segmentation.pipeline.context import Context
from segmentation.pipeline.dimensions import Dimensions
from segmentation.segments import (
    Kin,
    Model,
    Personas,
    beyond_chance,
    cluster_means,
    lineage,
    load_personas,
    means_apart,
    moved_share,
    name_segments,
    new_ids,
    same_as,
    segment_ids,
    segment_rows,
)
from segmentation.segments.moments import EVERYONE, Means, difference

ALL = "all"


@dataclass(frozen=True)
class Identified:
    """A model with ids and names, and what became of its predecessor's segments; nothing where there was none."""

    model: Model
    kin: tuple[Kin, ...] = ()
    moved: float | None = None
    """Share of the customers that the predecessor knew who are in another segment now; None without predecessor."""
    before: Array | None = None
    """(k, d) means of the predecessor's segments in the model's own space: of the unified layer alone, for the gate."""


def identify(
    context: Context,
    fitted: Mapping[str, Fitted],
    champion: Mapping[str, Model],
    features: DataFrame,
    dimensions: Dimensions,
    tiles: DataFrame,
    as_of: dt.date,
    version: str,
) -> dict[str, Identified]:
    """A model of each dimension of `fitted`, by what is true of the training customers.

    The champion's models score the same customers on the same features: a cluster that has more than half in common
    with one of their segments (Jaccard) keeps its id and its name. Others get an id of dimension, birthday and rank by
    lifetime revenue a customer, and a name by `conf/personas.yml`.
    """
    personas = load_personas(context.config, context.registry.meant_for_fit)
    with context.steps.step("names") as facts:
        clusters = {d: tuple(str(c) for c in range(len(f.centroids))) for d, f in fitted.items()}
        own = {d: f.model(version, clusters[d], clusters[d]) for d, f in fitted.items()}
        assigned = _assigned(own, features, dimensions)
        preprocessors = {d: f.preprocessor for d, f in fitted.items()}
        means = cluster_means(assigned, features, preprocessors)
        revenue = _revenue(assigned, tiles)
        old = {d: m for d, m in champion.items() if d in fitted}
        before = _assigned(old, features, dimensions) if old else None
        tables = _tables(before, assigned) if before else {}
        old_means = cluster_means(before, features, preprocessors) if before else {}
        taken = _ids_ever(context)
        found = {}
        for d, f in fitted.items():
            fresh = segment_ids(d, as_of, [revenue.get((d, c), 0.0) for c in clusters[d]])
            names = _names(personas, d, clusters[d], means)
            if d not in old:
                ids = new_ids([None] * len(fresh), (), fresh, taken.get(d, set()))
                found[d] = Identified(f.model(version, *_single(f, tuple(ids), names)))
                continue
            rows = old[d].segment_ids
            counts = np.array([[tables.get((d, r, c), 0) for c in clusters[d]] for r in rows], dtype=np.float64)
            apart = means_apart(_z(old_means, d, rows), _z(means, d, clusters[d]))
            related = _related(f, old[d], counts, apart, fresh, names, version, taken.get(d, set()))
            then = [m for s in rows if (m := old_means.get((d, s)))] if d == UNIFIED else []
            centres = np.array([centre(m, f.preprocessor, preprocessors) for m in then]) if then else None
            found[d] = replace(related, before=centres)
        for frame in (assigned, before):
            if frame is not None:
                frame.unpersist()
        kept = sum(k.relation == "same" for i in found.values() for k in i.kin)
        facts.append(f"{sum(len(i.model.segment_ids) for i in found.values())} segments")
        if old:
            facts.append(f"{kept} of the champion's {sum(len(m.segment_ids) for m in old.values())} kept")
    return found


def _related(
    f: Fitted, old: Model, counts: Array, apart: Array, fresh: tuple[str, ...], names: tuple[str, ...], version: str,
    taken: set[str],
) -> Identified:  # fmt: skip
    # Where one of the two has a single segment for all, being most of the customers makes nothing the same.
    comparable = (len(f.centroids) > 1) == (len(old.centroids) > 1)
    same = same_as(jaccard(counts)) if comparable else [None] * len(f.centroids)
    ids, names = _single(f, tuple(new_ids(same, old.segment_ids, fresh, taken)), names)
    kept = [old.segment_names[row] if row is not None else None for row in same]
    called = _called(kept, names)
    kin = lineage(counts, apart, same, old.segment_ids, ids)
    return Identified(f.model(version, ids, called), tuple(kin), moved_share(counts, same))


def _single(f: Fitted, ids: tuple[str, ...], names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (ids, names) if f.choice.candidate is not None else ((ALL,), ("All customers",))


def _called(kept: Sequence[str | None], names: Sequence[str]) -> tuple[str, ...]:
    """The kept names, and in their gaps those of `names`: a new segment never takes the name of another one.

    >>> _called(["Savers", None, None, "Savers (2)", None], ["", "Savers", "Savers", "", "New"])
    ('Savers', 'Savers (3)', 'Savers (4)', 'Savers (2)', 'New')
    """
    taken = {k for k in kept if k}
    called = []
    for k, name in zip(kept, names, strict=True):
        free = (n for n in (name, *(f"{name} ({i})" for i in range(2, len(kept) + 2))) if n not in taken)
        called.append(k or next(free))
        taken.add(called[-1])
    return tuple(called)


def _names(
    personas: Personas, d: str, clusters: tuple[str, ...], means: Mapping[tuple[str, str], Means]
) -> tuple[str, ...]:
    of = [means.get((d, c)) for c in clusters]
    sizes = [m.customers if m else 0 for m in of]
    z = [beyond_chance(difference(m, means.get((d, EVERYONE))), m.counts) if m else {} for m in of]
    return name_segments(personas, d, z, sizes)


def centre(m: Means, own: Preprocessor, preprocessors: Mapping[str, Preprocessor]) -> list[float]:
    """The mean of a segment's vectors in the unified layer, where a block counts 0 for those who lack it."""
    return [
        b.factor * m.z.get(s.name, 0.0) * m.counts.get(s.name, 0) / m.customers
        for b in own.blocks for s in preprocessors[b.dimension].fitted
    ]  # fmt: skip


def _ids_ever(context: Context) -> dict[str, set[str]]:
    """By dimension every id that a published bundle ever gave: what a dead attempt wrote gave nobody a name."""
    found: dict[str, set[str]] = {}
    for r in published_models(context):
        found.setdefault(r["dimension"], set()).update(r["segment_ids"])
    return found


def _z(means: Mapping[tuple[str, str], Means], d: str, ids: tuple[str, ...]) -> list[Mapping[str, float]]:
    return [m.z if (m := means.get((d, s))) else {} for s in ids]


def _assigned(models: Mapping[str, Model], features: DataFrame, dimensions: Dimensions) -> DataFrame:
    """customer_id, dimension, segment_id by each model."""
    rows = segment_rows(models, features, dimensions.conditions).where(F.col("dimension").isin(*models))
    return rows.select("customer_id", "dimension", "segment_id").persist()


def _tables(before: DataFrame, after: DataFrame) -> dict[tuple[str, str, str], int]:
    """Customers by dimension, segment then and cluster now."""
    then = before.where(F.col("segment_id") != NO_DATA).withColumnRenamed("segment_id", "then")
    both = then.join(after.where(F.col("segment_id") != NO_DATA), on=["customer_id", "dimension"], how="inner")
    rows = both.groupBy("dimension", "then", "segment_id").count().collect()
    return {(r["dimension"], r["then"], r["segment_id"]): r["count"] for r in rows}


def _revenue(assigned: DataFrame, tiles: DataFrame) -> dict[tuple[str, str], float]:
    """Lifetime revenue a customer, by dimension and segment."""
    money = tiles.groupBy("customer_id").agg(F.sum("net_amount").alias("money"))
    rows = assigned.join(money, on="customer_id", how="left").groupBy("dimension", "segment_id").agg(
        (F.sum("money") / F.count("*")).cast("double").alias("revenue")
    ).collect()  # fmt: skip
    return {(r["dimension"], r["segment_id"]): r["revenue"] or 0.0 for r in rows}
