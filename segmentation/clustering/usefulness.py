"""What segments would have been good for: how far those of some time ago part what customers have done since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Grid
from segmentation.clustering.indices import Indices
from segmentation.clustering.layers import layers, pack_layers
from segmentation.clustering.lloyd import Model, Stack, by_view, with_norms
from segmentation.clustering.stability import labels
from segmentation.clustering.variance import Spread, anova
from segmentation.clustering.views import Array, Floats32
from segmentation.matrix import Preprocessor

OUTCOME = "outcome"


@dataclass(frozen=True)
class Holdout:
    """Customers as they were some time ago: the features that models read, and `outcome` (double), what they did since.

    The outcome says nothing of the models, whose features then end where it begins; only their centroids are of today.
    """

    customers: DataFrame
    count: int


def usefulness(
    holdout: Holdout, parts: Sequence[Preprocessor], unified: Preprocessor,
    measured: Sequence[tuple[Model, Indices]],
) -> dict[tuple[int, int], float]:  # fmt: skip
    """By view and k the share of the outcome's variance (ω²) that the clusters of the best seed explain, 0..1.

    None of a k whose clusters are all but one empty then. Models of views beyond the parts and the unified layer are
    left out. Three Spark jobs.
    """
    views = layers(parts, unified)
    best: dict[tuple[int, int], Model] = {}
    for model, _ in sorted(measured, key=lambda fit: (fit[0].k, fit[1].sse, fit[0].seed)):
        if model.view < len(views):
            best.setdefault((model.view, model.k), model)
    models = list(best.values())
    at = sum(len(p.fitted) for p in parts)
    seen = [
        replace(v, columns=(*v.columns, at), scale=None if v.scale is None else (*v.scale, 1.0)) for v in views
    ]  # fmt: skip
    blocks = pack_layers(holdout.customers, parts, seen, holdout.count, [F.col(OUTCOME)])
    try:
        placed = by_view(models)
        centroids = {v: [models[i].centroids for i in of] for v, of in placed.items()}
        most = {v: float(blocks.views[v].reach[-1]) for v in placed}
        totals = blocks.sums(
            {v: partial(_sums, centroids[v]) for v in placed},
            {v: Grid(np.array([[1.0], [most[v]], [most[v] ** 2]]), blocks.views[v].customers) for v in placed},
        )
    finally:
        blocks.release()
    found = {}
    for v, total in totals.items():
        ends = np.cumsum([models[i].k for i in placed[v]])[:-1]
        for i, sums in zip(placed[v], np.split(total, ends, axis=1), strict=True):
            result = anova(Spread(*sums))
            if result is not None:
                found[v, models[i].k] = result.omega_squared
    return found


def _sums(centroids: Sequence[Array], x: Floats32, weights: Array | None) -> Array:
    """(3, all clusters): customers, sum and sum of squares of the outcome, which is the last row of x."""
    doubles = x.astype(np.float64)
    y = doubles[-1]
    ones = np.ones_like(y) if weights is None else weights
    of = labels(with_norms(doubles[:-1]), Stack.of(centroids, np.float64))
    return np.concatenate(
        [[np.bincount(own, w, minlength=len(c)) for w in (ones, ones * y, ones * y * y)]
         for own, c in zip(of, centroids, strict=True)],
        axis=1,
    )  # fmt: skip
