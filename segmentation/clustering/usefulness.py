"""What segments would have been good for: how far those of some time ago part what customers have done since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.indices import Indices
from segmentation.clustering.layers import layers, pack_layers
from segmentation.clustering.lloyd import Model, Stack, by_view, with_norms
from segmentation.clustering.stability import labels
from segmentation.clustering.variance import Spread, anova
from segmentation.clustering.views import Array, Floats32
from segmentation.matrix import Preprocessor

OUTCOME = "_outcome"  # no feature's name begins like this


@dataclass(frozen=True)
class Holdout:
    """Customers as they were some time ago: the features that models read, and OUTCOME (double), what they did since.

    The models are those of today, so this is no forecast: it says which k parts customers better, not how well.
    """

    customers: DataFrame
    count: int


@dataclass(frozen=True)
class Useful:
    """Of one k."""

    share: float
    """Of the outcome's variance that its clusters explain (ω²), 0..1."""
    error: float
    """Its standard error."""


def usefulness(
    holdout: Holdout, parts: Sequence[Preprocessor], unified: Preprocessor,
    measured: Sequence[tuple[Model, Indices]], deviations: Mapping[int, Array],
) -> dict[tuple[int, int], Useful]:  # fmt: skip
    """By view and k what the clusters of the best seed explain of the outcome. Four Spark jobs.

    deviations: of each view's columns (d,) today. Columns of then are put to today's mean (0) and deviation first: a
    season or a shorter history would else move everybody to one side. Models of views beyond the parts and the unified
    layer are left out. Source of the standard error: Olkin & Finn (1995), doi:10.1037/0033-2909.118.1.155.
    """
    views = layers(parts, unified)
    best: dict[tuple[int, int], Model] = {}
    for model, _ in sorted(measured, key=lambda fit: (fit[0].k, fit[1].sse, fit[0].seed)):
        if model.view < len(views):
            best.setdefault((model.view, model.k), model)
    at = sum(len(p.fitted) for p in parts)
    seen = [
        replace(v, columns=(*v.columns, at), scale=None if v.scale is None else (*v.scale, 1.0)) for v in views
    ]  # fmt: skip
    placed = by_view(list(best.values()))
    models = {v: [list(best.values())[i] for i in of] for v, of in placed.items()}
    blocks = pack_layers(holdout.customers, parts, seen, holdout.count, [F.col(OUTCOME)])
    try:
        moments = _moments(blocks, list(models))
        stacks = {
            v: Stack.of([_as_then(m.centroids, moments[v], deviations[v]) for m in of], np.float64)
            for v, of in models.items() if v in moments
        }  # fmt: skip
        most = {v: float(blocks.views[v].reach[-1]) for v in stacks}
        totals = blocks.sums(
            {v: partial(_sums, stack, [m.k for m in models[v]]) for v, stack in stacks.items()},
            {v: Grid(np.array([[1.0], [most[v]], [most[v] ** 2]]), blocks.views[v].customers) for v in stacks},
        )
    finally:
        blocks.release()
    found = {}
    for v, total in totals.items():
        ends = np.cumsum([m.k for m in models[v]])[:-1]
        for model, sums in zip(models[v], np.split(total, ends, axis=1), strict=True):
            result = anova(Spread(*sums))
            share = result.omega_squared if result else 0.0
            found[v, model.k] = Useful(share, 2 * (1 - share) * float(np.sqrt(share / blocks.views[v].customers)))
    return found


def _moments(blocks: Blocks, views: Sequence[int]) -> dict[int, tuple[Array, Array]]:
    """(mean, deviation) of the columns of each view in which somebody takes part, the outcome left out."""

    def powers(x: Floats32, weights: Array | None) -> Array:
        doubles = x[:-1].astype(np.float64)
        ones = np.ones(x.shape[1]) if weights is None else weights
        return np.column_stack([doubles @ ones, (doubles * doubles) @ ones])

    reach = {v: np.array(blocks.views[v].reach[:-1]) for v in views}
    grids = {v: Grid(np.column_stack([r, r**2]), blocks.views[v].customers) for v, r in reach.items()}
    found = {}
    for v, total in blocks.sums(dict.fromkeys(views, powers), grids).items():
        mean, square = (total / max(blocks.views[v].customers, 1)).T
        found[v] = mean, np.sqrt(np.maximum(square - mean**2, 0.0))
    return found


def _as_then(centroids: Array, then: tuple[Array, Array], deviations: Array) -> Array:
    """Where today's centroids would stand among the customers of then: as many of their deviations from their mean."""
    mean, deviation = then
    scaled: Array = mean + centroids * (deviation / np.where(deviations > 0, deviations, 1.0))
    return scaled


def _sums(stack: Stack, ks: Sequence[int], x: Floats32, weights: Array | None) -> Array:
    """(3, all clusters): customers, sum and sum of squares of the outcome, which is the last row of x."""
    doubles = x.astype(np.float64)
    y = doubles[-1]
    ones = np.ones_like(y) if weights is None else weights
    of = labels(with_norms(doubles[:-1]), stack)
    powers = (ones, ones * y, ones * y * y)
    each = [[np.bincount(own, power, minlength=k) for power in powers] for own, k in zip(of, ks, strict=True)]
    return np.concatenate(each, axis=1)
