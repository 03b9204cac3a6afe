"""The sweep: every k and seed of all dimensions, fitted by an engine and measured together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.evidence import Evidence, gather
from segmentation.clustering.indices import Indices, measure
from segmentation.clustering.lloyd import Model, fit
from segmentation.clustering.mllib import fit_kmeans
from segmentation.clustering.references import Reference, referenced
from segmentation.clustering.seeding import best_starts, draw_pools, starts
from segmentation.clustering.views import Array, View
from segmentation.core.config import Strict
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import DIMENSIONS, UNIFIED
from segmentation.matrix import Preprocessor


class SweepConfig(Strict):
    """`conf/sweep.yml`."""

    engine: Literal["lloyd", "mllib"] = "lloyd"
    k_min: int = Field(2, ge=2)
    k_max: int = Field(8, ge=2)
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
            if dimension not in (*DIMENSIONS, UNIFIED):
                raise ValueError(
                    f'pinned_k of "{dimension}": no dimension. {nearest(dimension, (*DIMENSIONS, UNIFIED))}'
                )
            if k < 1:
                raise ValueError(f"pinned_k of {dimension} must be 1 or more")
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


def run_sweep(config: SweepConfig, features: DataFrame, parts: Sequence[Preprocessor], unified: Preprocessor,
              customers: int) -> dict[str, Swept]:  # fmt: skip
    """Fits and measures the grid of every dimension and of the unified layer, all in the same Spark jobs.

    features: `customer_features` of `customers` customers. Raises ConfigError for a pinned k that a dimension cannot
    fill.
    """
    views = _views(parts, unified)
    columns = [F.expr(f"CASE WHEN {p.has_data} THEN {s.sql} ELSE 0.0D END") for p in parts for s in p.fitted]
    blocks = pack(features, columns, [F.expr(p.has_data) for p in parts], views, customers)
    try:
        seen, references = referenced(blocks, config.sample_seed)
        begun, again = begin(config, seen, references)
        if config.engine == "mllib":
            begun = [replace(m, at_rest=True) for m in _with_mllib(config, features, [*parts, unified], begun)]
        models = fit(seen, [*begun, *again], config.max_iterations)
        measured = list(zip(models, measure(seen, models), strict=True))
        evidence = gather(seen, references, measured)
    finally:
        blocks.release()
    return {
        view.name: Swept(
            [Candidate(m.k, m.seed, m.iterations, config.engine, m.centroids, i) for m, i in measured if m.view == v],
            int(view.customers),
            evidence[v],
        )
        for v, view in enumerate(blocks.views)
    }


def indices_of(features: DataFrame, p: Preprocessor, centroids: Array, customers: int) -> Indices:
    """The indices of a model that is there already, on `features` of about `customers` customers: four Spark jobs."""
    columns = [F.expr(f"CASE WHEN {p.has_data} THEN {s.sql} ELSE 0.0D END") for s in p.fitted]
    views = [View(p.dimension, tuple(range(len(columns))), 0)]
    blocks = pack(features, columns, [F.expr(p.has_data)], views, customers)
    try:
        [found] = measure(blocks, [Model(0, len(centroids), 0, centroids)])
    finally:
        blocks.release()
    return found


def begin(config: SweepConfig, blocks: Blocks, references: Sequence[Reference] = ()) -> tuple[list[Model], list[Model]]:
    """A start for every view, k and seed, in this order; and one for every k of each view's resamples and noises."""
    views, bases = blocks.views, range(len(references) or len(blocks.views))
    noises = [v for r in references for v in r.noises]
    k_max = max([config.k_max, *config.pinned_k.values()])
    pools = draw_pools(blocks, [*bases, *noises], k_max, config.sample_seed)
    for r in references:
        for i, v in enumerate(r.resamples):
            share = views[v].customers / max(views[r.base].customers, 1)
            pools[v] = pools[r.base].again(share, np.random.default_rng([config.sample_seed, i]))
    ks = {v: grid(config, views[v].name, pools[v].distinct) for v in bases}
    for r in references:
        ks |= {v: [k for k in ks[r.base] if k <= pools[v].distinct] for v in (*r.resamples, *r.noises)}

    # Short work on few points, but for some hundred models: all cores take part.
    work = [(starts if v in bases else best_starts, pools[v], v, views[v].name, ks[v], config.seeds) for v in ks]
    found = dict(zip(ks, blocks.spread(_start, work), strict=True))
    begun, again = ([m for v in ks if (v in bases) == own for m in found[v]] for own in (True, False))
    return begun, again


def _start(work: tuple[Callable[..., list[Model]], *tuple[Any, ...]]) -> list[Model]:
    way, *arguments = work
    return way(*arguments)


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


def _views(parts: Sequence[Preprocessor], unified: Preprocessor) -> list[View]:
    """A slice of the columns for each dimension; for the unified layer those of its blocks, scaled by their factors."""
    views, at = list[View](), 0
    for i, p in enumerate(parts):
        views.append(View(p.dimension, tuple(range(at, at + len(p.fitted))), i))
        at += len(p.fitted)
    factors = {b.dimension: b.factor for b in unified.blocks}
    of = [v for v in views if v.name in factors]
    columns = tuple(c for v in of for c in v.columns)
    # Where no dimension tells customers apart, neither does the unified layer: any column says so.
    scale = tuple(factors[v.name] for v in of for _ in v.columns)
    return [*views, View(unified.dimension, columns or (0,), None, scale or (0.0,))]


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
