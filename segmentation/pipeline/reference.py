"""The customers of training, as every bundle remembers them: taken by the fit, read back by the drift report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig, layers, pack_layers
from segmentation.clustering.blocks import Blocks
from segmentation.core.errors import BadInputError
from segmentation.core.schemas import (
    ALL_DIMENSIONS,
    DIMENSIONS,
    STG_FEEDBACK,
    STG_INTERACTIONS,
    STG_TRANSACTIONS,
    UNIFIED,
)
from segmentation.matrix import NOTHING, Preprocessor, hash_sample
from segmentation.monitoring import Histogram, Layer, Reference, count, fit_bins, take_standing
from segmentation.pipeline.bundle import models_of
from segmentation.pipeline.context import Context
from segmentation.pipeline.population import Everyone
from segmentation.segments import Model

EVENTS = {"transactions": STG_TRANSACTIONS, "interactions": STG_INTERACTIONS, "feedback": STG_FEEDBACK}
"""Inputs whose history is as long as their first event is old; what is known of a customer has none."""
YOUNG = 0.2
"""A layer is young where features that have not settled at training make up more than this share of its variance."""


def take_references(
    context: Context, models: Mapping[str, Model], everyone: Everyone, features_run: Row, sweep: SweepConfig
) -> dict[str, Reference]:
    """By dimension what the drift reports of later months compare with."""
    with context.steps.step("reference") as facts:
        slots = {d: features_of(m) for d, m in models.items()}
        fitted = [f for f in context.registry.features if f.name in slots.get(f.dimension, ())]
        recent = [f for f in context.registry.features if f.is_watched and f.dimension in models]
        growing = unsettled(context, features_run, {f.name for f in (*fitted, *recent)})
        watched = [f for f in (*fitted, *recent) if f.name not in growing]
        features = everyone.features.select("customer_id", *(f.name for f in watched))
        sample = hash_sample(features, sweep.sample_size, sweep.sample_seed)
        bins = [b for f in watched if (b := fit_bins(f, sample[f.name]))]
        values = [Histogram(b, tuple(c.tolist())) for b, c in zip(bins, count(features, bins), strict=True)]
        ordered = in_order(models)
        blocks = pack_models(everyone.features, ordered, everyone.scored)
        try:
            standing = take_standing([layer(m) for m in ordered], blocks, sweep.sample_seed, sweep.max_iterations)
        finally:
            blocks.release()
        young = young_layers(models, growing)
        facts.append(f"{len(values)} features and {sum(len(m.centroids) for m in ordered)} segments to compare with")
        if growing:
            facts.append(f"{len(growing)} features have not settled")
    return {
        m.dimension: Reference(
            tuple(h for h in values if h.bins.dimension == m.dimension), s, m.dimension in young
        )
        for m, s in zip(ordered, standing, strict=True)
    }  # fmt: skip


def load_references(context: Context, bundle: str) -> dict[str, Reference]:
    """By dimension what `take_references` said when the bundle was fitted.

    Raises BadInputError for a bundle that was fitted before there were references.
    """
    found = {r["dimension"]: r["reference"] for r in models_of(context, bundle)}
    if None in found.values():
        raise BadInputError(
            f"bundle {bundle} does not remember its training customers: an earlier version fitted it. Fit another with "
            "jobs/fit_segments.py --as-of DATE, and make it champion with jobs/promote.py --bundle."
        )
    return {dimension: Reference.from_json(text) for dimension, text in found.items()}


def in_order(models: Mapping[str, Model]) -> list[Model]:
    """Those of the dimensions, and last the unified one: the order of the views of `pack_models`."""
    return [models[d] for d in ALL_DIMENSIONS if d in models]


def features_of(model: Model) -> set[str]:
    """The features that it is fitted on."""
    return {s.feature for s in model.preprocessor.slots if s != NOTHING}


def layer(model: Model) -> Layer:
    """A model as the drift report sees it."""
    return Layer(model.dimension, model.segment_ids, model.centroids)


def pack_models(features: DataFrame, ordered: Sequence[Model], customers: int) -> Blocks:
    """Customers as the models see them, a view for each."""
    parts = [m.preprocessor for m in ordered if m.dimension != UNIFIED]
    unified = next((m.preprocessor for m in ordered if m.dimension == UNIFIED), None)
    return pack_layers(features, parts, layers(parts, unified), customers)


def unsettled(context: Context, features_run: Row, features: set[str]) -> frozenset[str]:
    """Those whose values change by themselves in a stationary shop: history is too short for them yet, or always."""
    first: dict[str, dt.date] = {}
    for name, table in EVENTS.items():
        events = context.warehouse.read(table, features_run["input_versions"].get(table.name))
        day = events.agg(F.min("event_date")).collect()[0][0]
        if day is not None:
            first[name] = day
    settles, inputs = context.registry.settles, context.registry.inputs

    def grows(name: str) -> bool:
        days = settles[name]
        if days is None:
            return True
        start = features_run["as_of"] - dt.timedelta(days=days)
        return any(start < first[of] for of in inputs[name] if of in first)

    return frozenset(name for name in features if grows(name))


def young_layers(models: Mapping[str, Model], growing: frozenset[str]) -> frozenset[str]:
    """The layers that features which grow have a good part in; in the unified one by the dimensions' weights."""

    def part(p: Preprocessor) -> float:
        return sum(s.feature in growing for s in p.fitted) / max(len(p.fitted), 1)

    of = {d: part(models[d].preprocessor) for d in DIMENSIONS if d in models}
    if UNIFIED in models:
        # A block's variance is its weight.
        weights = {b.dimension: b.factor**2 * models[b.dimension].preprocessor.variance
                   for b in models[UNIFIED].preprocessor.blocks if b.dimension in of}  # fmt: skip
        of[UNIFIED] = sum(w * of[d] for d, w in weights.items()) / max(sum(weights.values()), 1e-12)
    return frozenset(d for d, share in of.items() if share > YOUNG)
