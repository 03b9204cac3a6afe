"""What segments would have been good for: how far those of some time ago part what customers have done since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Grid
from segmentation.clustering.indices import Indices, best_first
from segmentation.clustering.layers import layers, pack_layers
from segmentation.clustering.lloyd import Model, Stack, with_norms
from segmentation.clustering.references import moments
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
    models: dict[int, dict[int, Model]] = {}
    for model, _ in best_first(measured):
        if model.view < len(views):
            models.setdefault(model.view, {}).setdefault(model.k, model)
    at = sum(len(p.fitted) for p in parts)
    seen = [
        replace(v, columns=(*v.columns, at), scale=None if v.scale is None else (*v.scale, 1.0)) for v in views
    ]  # fmt: skip
    blocks = pack_layers(holdout.customers, parts, seen, holdout.count, [F.col(OUTCOME)])
    try:
        stacks = {}
        for v, (mean, covariance) in moments(blocks, list(models)).items():
            scale = _ratio(np.sqrt(np.maximum(np.diag(covariance)[:-1], 0.0)), deviations[v])
            stacks[v] = Stack.of([mean[:-1] + m.centroids * scale for m in models[v].values()], np.float64)
        most = {v: float(blocks.views[v].reach[-1]) for v in stacks}
        totals = blocks.sums(
            {v: partial(_sums, stack, list(models[v])) for v, stack in stacks.items()},
            {v: Grid(np.array([[1.0], [most[v]], [most[v] ** 2]]), blocks.views[v].customers) for v in stacks},
        )
    finally:
        blocks.release()
    found = {}
    for v, total in totals.items():
        ends = np.cumsum(list(models[v]))[:-1]
        for k, sums in zip(models[v], np.split(total, ends, axis=1), strict=True):
            result = anova(Spread(*sums))
            share = result.omega_squared if result else 0.0
            found[v, k] = Useful(share, 2 * (1 - share) * float(np.sqrt(share / blocks.views[v].customers)))
    return found


def _ratio(then: Array, today: Array) -> Array:
    """Deviations of then over those of today; a column that is the same for all today has none."""
    ratio: Array = then / np.where(today > 0, today, 1.0)
    return ratio


def _sums(stack: Stack, ks: Sequence[int], x: Floats32, weights: Array | None) -> Array:
    """(3, all clusters): customers, sum and sum of squares of the outcome, which is the last row of x."""
    doubles = x.astype(np.float64)
    y = doubles[-1]
    ones = np.ones_like(y) if weights is None else weights
    of = labels(with_norms(doubles[:-1]), stack)
    powers = (ones, ones * y, ones * y * y)
    each = [[np.bincount(own, power, minlength=k) for power in powers] for own, k in zip(of, ks, strict=True)]
    return np.concatenate(each, axis=1)
