"""The sweep: every k and seed of all dimensions, fitted by an engine and measured together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Blocks
from segmentation.clustering.coreset import bound, draw_coreset
from segmentation.clustering.evidence import Evidence, gather
from segmentation.clustering.indices import Indices, measure
from segmentation.clustering.layers import layers, pack_layers
from segmentation.clustering.lloyd import Model, all_sums, fit, sse_of
from segmentation.clustering.mllib import fit_kmeans
from segmentation.clustering.references import Reference, referenced
from segmentation.clustering.seeding import best_starts, draw_pools, starts
from segmentation.clustering.usefulness import Holdout, usefulness
from segmentation.clustering.views import Array
from segmentation.core.config import Strict
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import ALL_DIMENSIONS
from segmentation.matrix import Preprocessor

SETTLED = 1e-4
"""What a coreset has found is refined on everybody until an iteration lowers SSE by less than this share of it."""
MOST_CLUSTERS = 1000
"""Clusters of a dimension; their numbers are kept in ten bits (`segments.stickiness`)."""


class SweepConfig(Strict):
    """`conf/sweep.yml`."""

    engine: Literal["lloyd", "coreset", "mllib"] = "lloyd"
    k_min: int = Field(2, ge=2)
    k_max: int = Field(8, ge=2, le=MOST_CLUSTERS)
    seeds: list[int] = Field([11, 23], min_length=1)
    max_iterations: int = Field(50, ge=1)
    sample_size: int = Field(50_000, ge=100)
    sample_seed: int = 7
    max_correlation: float = Field(0.9, gt=0, le=1)
    min_share: float = Field(0.03, ge=0, lt=0.5)
    min_actionable_k: int = Field(3, ge=1)
    min_excess: float = Field(0.02, ge=0)
    min_stability: float = Field(0.75, ge=0, le=1)
    min_different: int = Field(2, ge=0)
    holdout_days: int = Field(90, ge=0)
    pinned_k: dict[str, int] = {}

    @model_validator(mode="after")
    def _consistent(self) -> SweepConfig:
        if self.k_max < self.k_min:
            raise ValueError(f"k_max {self.k_max} is below k_min {self.k_min}")
        if self.k_max < self.min_actionable_k:
            raise ValueError(
                f"k_max {self.k_max} is below min_actionable_k {self.min_actionable_k}: no k can be chosen"
            )
        for dimension, k in self.pinned_k.items():
            if dimension not in ALL_DIMENSIONS:
                raise ValueError(f'pinned_k of "{dimension}": no dimension. {nearest(dimension, ALL_DIMENSIONS)}')
            if not 1 <= k <= MOST_CLUSTERS:
                raise ValueError(f"pinned_k of {dimension} must be 1 to {MOST_CLUSTERS}, {k} found")
        return self


@dataclass(frozen=True)
class Candidate:
    """One fitted (k, seed) of one dimension."""

    k: int
    seed: int
    iterations: int
    engine: str
    centroids: Array
    indices: Indices


@dataclass(frozen=True)
class Swept:
    """What the sweep found in one dimension: candidates by k and seed, none where there is nothing to split."""

    candidates: list[Candidate]
    customers: int
    """Those with data in the dimension."""
    evidence: dict[int, Evidence] = field(default_factory=dict)
    """By k."""
    note: str | None = None
    """What the engine left out, and what that has cost."""

    @property
    def best(self) -> list[Candidate]:
        """Of each k the seed with the lowest SSE, of equals the lower seed; by k."""
        first: dict[int, Candidate] = {}
        for c in sorted(self.candidates, key=lambda c: (c.k, c.indices.sse, c.seed)):
            first.setdefault(c.k, c)
        return list(first.values())


def run_sweep(config: SweepConfig, features: DataFrame, parts: Sequence[Preprocessor], unified: Preprocessor,
              customers: int, holdout: Holdout | None = None) -> dict[str, Swept]:  # fmt: skip
    """Fits and measures the grid of every dimension and of the unified layer, all in the same Spark jobs.

    features: `customer_features` of `customers` customers. With a holdout the evidence says how useful each k would
    have been. Raises ConfigError for a pinned k that a dimension cannot fill.
    """
    blocks = pack_layers(features, parts, layers(parts, unified), customers)
    small: Blocks | None = None
    try:
        seen, references = referenced(blocks, config.sample_seed)
        small = draw_coreset(blocks, config.sample_seed) if config.engine == "coreset" else None
        begun, again = begin(config, seen, references, small)
        if small is not None:
            begun = finalists(config, small, begun)
        elif config.engine == "mllib":
            begun = [replace(m, at_rest=True) for m in _with_mllib(config, features, [*parts, unified], begun)]
        models = fit(seen, [*begun, *again], config.max_iterations)
        measured = list(zip(models, measure(seen, models), strict=True))
        evidence = gather(seen, references, measured)
        if holdout is not None:
            spreads = {v: r.deviations for v, r in enumerate(references)}
            useful = usefulness(holdout, parts, unified, measured, spreads)
            evidence = [
                {k: replace(e, useful=useful.get((v, k))) for k, e in of.items()} for v, of in enumerate(evidence)
            ]
        notes = losses(blocks, begun, measured) if small is not None else {}
    finally:
        blocks.release()
        if small is not None:
            small.release()
    return {
        view.name: Swept(
            [Candidate(m.k, m.seed, m.iterations, config.engine, m.centroids, i) for m, i in measured if m.view == v],
            int(view.customers),
            evidence[v],
            notes.get(v),
        )
        for v, view in enumerate(blocks.views)
    }


def indices_of(features: DataFrame, p: Preprocessor, centroids: Array, customers: int) -> Indices:
    """The indices of a model that is there already, on `features` of about `customers` customers: four Spark jobs."""
    blocks = pack_layers(features, [p], layers([p]), customers)
    try:
        [found] = measure(blocks, [Model(0, len(centroids), 0, centroids)])
    finally:
        blocks.release()
    return found


def finalists(config: SweepConfig, small: Blocks, begun: Sequence[Model]) -> list[Model]:
    """Of every view and k the best seed on a coreset, still to be refined on everybody until SSE hardly falls."""
    fitted = fit(small, begun, config.max_iterations)
    sse = map(sse_of, fitted, all_sums(small, fitted, np.float64))
    best: dict[tuple[int, int], tuple[float, Model]] = {}
    for model, found in zip(fitted, sse, strict=True):
        if (model.view, model.k) not in best or found < best[model.view, model.k][0]:
            best[model.view, model.k] = found, replace(model, at_rest=False, least_gain=SETTLED)
    return [model for _, model in best.values()]


def losses(blocks: Blocks, begun: Sequence[Model], measured: Sequence[tuple[Model, Indices]]) -> dict[int, str]:
    """By view what the coreset has cost: how far its models' SSE over everybody lay above that of the refined ones."""
    if not begun:
        return {}
    refined = {(m.view, m.k): i.sse for m, i in measured}
    found: dict[int, float] = {}
    for model, sse in zip(begun, map(sse_of, begun, all_sums(blocks, begun, np.float64)), strict=True):
        after = refined[model.view, model.k]
        found[model.view] = max(found.get(model.view, 0.0), sse / after - 1 if after > 0 else 0.0)
    k = max(m.k for m in begun)
    return {
        v: f"{blocks.views[v].name}: swept on a coreset and refined on all {blocks.views[v].customers:,.0f} customers; "
        f"before that SSE was at most {loss:.2%} higher (expected of the order of {bound(blocks.views[v], k):.1%})"
        for v, loss in found.items()
    }  # fmt: skip


def begin(
    config: SweepConfig, blocks: Blocks, references: Sequence[Reference] = (), small: Blocks | None = None
) -> tuple[list[Model], list[Model]]:
    """A start for every view, k and seed, in this order; and one for every k of each view's resamples and noises.

    small: what the first are drawn from, where that is not `blocks`.
    """
    views, bases = blocks.views, range(len(references) or len(blocks.views))
    widest = {v: max(config.k_max, config.pinned_k.get(views[v].name, 0)) for v in bases}
    noises = {v: widest[r.base] for r in references for v in r.noises}
    pools = draw_pools(small or blocks, widest if small is not None else widest | noises, config.sample_seed)
    if small is not None and noises:
        pools |= draw_pools(blocks, noises, config.sample_seed)
    for r in references:
        for i, v in enumerate(r.resamples):
            share = views[v].customers / max(views[r.base].customers, 1)
            pools[v] = pools[r.base].again(share, np.random.default_rng([config.sample_seed, i]))
    ks = {v: grid(config, views[v].name, pools[v].distinct) for v in bases}
    for r in references:
        ks |= {v: [k for k in ks[r.base] if k <= pools[v].distinct] for v in (*r.resamples, *r.noises)}

    # Short work on few points, but for some hundred models: all cores take part.
    calls = [
        partial(starts if v in bases else best_starts, pools[v], v, views[v].name, ks[v], config.seeds) for v in ks
    ]
    found = dict(zip(ks, blocks.spread(calls), strict=True))
    begun, again = ([m for v in ks if (v in bases) == own for m in found[v]] for own in (True, False))
    return begun, again


def grid(config: SweepConfig, dimension: str, distinct: int) -> list[int]:
    """The values of k to try, at most the number of distinct points; the pinned one where a user says so.

    Raises ConfigError for a pinned k that the data cannot fill.
    """
    pinned = config.pinned_k.get(dimension)
    if pinned is not None:
        if pinned > distinct:
            raise ConfigError(
                f'k={pinned} needs at least {pinned} distinct customers in dimension "{dimension}"; it has {distinct}. '
                "Lower pinned_k in conf/sweep.yml."
            )
        return [pinned] if pinned > 1 else []
    return list(range(config.k_min, min(config.k_max, distinct) + 1))


def _with_mllib(
    config: SweepConfig, features: DataFrame, preprocessors: Sequence[Preprocessor], begun: Sequence[Model]
) -> list[Model]:
    """The models asked for, from MLlib's own starts."""
    models: list[Model] = []
    for v, p in enumerate(preprocessors):
        members = features.where(F.expr(p.has_data)).repartition("customer_id").sortWithinPartitions("customer_id")
        vectors = p.stages().transform(members).select("features").persist()

        def one(model: Model, vectors: DataFrame = vectors) -> Model:
            centroids, iterations = fit_kmeans(vectors, model.k, model.seed, config.max_iterations)
            return replace(model, centroids=centroids, iterations=iterations)

        # A fit is a chain of short jobs, most of it the driver's overhead: four at once keep two cores busy.
        with ThreadPoolExecutor(4) as threads:
            models += threads.map(one, [m for m in begun if m.view == v])
        vectors.unpersist()
    return models
