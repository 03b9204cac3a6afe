"""Whether customers of now still stand where the segments are: sizes, means, centroids, reach and silhouette."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.indices import SAME, measure
from segmentation.clustering.lloyd import Model, Stack, all_sums, fit
from segmentation.clustering.references import RESAMPLES, enough, sampled
from segmentation.clustering.seeding import nearest_squared
from segmentation.clustering.views import Array, Block, Floats32
from segmentation.monitoring.chance import drop_chance, share_chance, shift_chance
from segmentation.monitoring.verdict import Change

INSIDE = 0.99
"""Of the training customers so many are within reach of a centroid."""
SAMPLE = 50_000
"""Training customers whose distances say how far that is, at least; all of them where there are fewer."""
FLOOR = 0.1
"""A segment's spread counts as this share of everybody's at least: to members on one point any step is endless."""

Points = tuple[tuple[float, ...], ...]
"""(k, d)."""


@dataclass(frozen=True)
class Layer:
    """A dimension's model: the segment of each of its centroids (k, d)."""

    dimension: str
    segment_ids: tuple[str, ...]
    centroids: Array


@dataclass(frozen=True)
class Standing:
    """How a layer's k segments stood at training, by cluster, and what chance moves there."""

    members: tuple[float, ...]
    means: Points
    spreads: tuple[float, ...]
    """Root mean square distance of the members to their mean."""
    rest: Points
    """Where Lloyd's algorithm comes to rest on the training customers, from the centroids."""
    overall: float
    """Root mean square distance of everybody to the mean of all; 0 where all are alike."""
    silhouette: float | None
    reach: float
    """Within this squared distance of a centroid were INSIDE of …"""
    reached_of: int
    """… so many customers."""
    resampled: float
    """Customers in a resample, of all."""
    moves: tuple[float, ...]
    """Over resamples the root mean square way of `rest` from its mean."""
    scatter: float
    """Over resamples the standard deviation of the silhouette."""

    @property
    def customers(self) -> float:
        """Those with data in the layer."""
        return sum(self.members)

    def unit(self, cluster: int) -> float:
        """What the cluster's shifts are measured in."""
        return max(self.spreads[cluster], FLOOR * self.overall)


def take_standing(layers: Sequence[Layer], then: Blocks, seed: int, max_iterations: int) -> list[Standing]:
    """Of every layer how its segments stand among the training customers.

    then: packed by the models' own preprocessors, a view for each layer in order, none of them empty. Seven Spark jobs,
    and one an iteration of Lloyd's algorithm: once on everybody, and once on all layers' resamples together.
    """
    models = [Model(v, len(x.centroids), seed, x.centroids) for v, x in enumerate(layers)]
    sides, reaches = _sides(then, models), _reach(then, models)
    rested = fit(then, models, max_iterations)
    seen, resamples = sampled(then, range(len(models)), seed)
    again = [replace(m, view=r) for m, of in zip(models, resamples, strict=True) for r in of]
    starts = [
        replace(m, centroids=rested[v].centroids) for v, of in enumerate(resamples) for m in again if m.view in of
    ]
    wandered = fit(seen, starts, max_iterations)
    drawn = measure(seen, again)
    found = []
    for v, side in enumerate(sides):
        mine, rest = [i for i, m in enumerate(again) if m.view in resamples[v]], rested[v].centroids
        ends = np.stack([_matched(rest, wandered[i].centroids) for i in mine])
        about = ((ends - ends.mean(axis=0)) ** 2).sum(axis=(0, 2)) / (len(mine) - 1)
        silhouettes = [s for i in mine if (s := drawn[i].silhouette) is not None]
        found.append(Standing(
            tuple(side.members.tolist()), _points(side.means), tuple(side.spreads.tolist()), _points(rest),
            side.overall, side.silhouette, reaches[v].squared, reaches[v].customers,
            seen.views[resamples[v][0]].customers / side.customers, tuple(np.sqrt(about).tolist()),
            float(np.std(silhouettes, ddof=1)) if len(silhouettes) > 1 else 0.0,
        ))  # fmt: skip
    return found


def fit_changes(
    layers: Sequence[Layer], then: Sequence[Standing], now: Blocks, max_iterations: int, too_few: int
) -> list[Change]:
    """Of every layer and segment what has changed from the training customers to those of now.

    now: packed by the models' own preprocessors, a view for each layer in order. Distances are in units of a segment's
    own spread at training. A segment of fewer than `too_few` customers at training, or expected now, is not judged. A
    layer in which nobody has data any more is left to what is unknown of its features. Four Spark jobs, and one an
    iteration.
    """
    models = [Model(v, len(x.centroids), 0, x.centroids) for v, x in enumerate(layers) if now.views[v].customers]
    if not models:
        return []
    sides = _sides(now, models)
    outside = _outside(now, models, [then[m.view].reach for m in models])
    rested = fit(now, models, max_iterations)
    found: list[Change] = []
    for m, side, beyond, end in zip(models, sides, outside, rested, strict=True):
        layer, before = layers[m.view], then[m.view]
        rest = np.array(before.rest)
        moves = np.sqrt(((_matched(rest, end.centroids) - rest) ** 2).sum(axis=1))
        found += _of_segments(layer, before, side, moves, too_few)
        found += _of_layer(layer, before, side, beyond)
    return found


@dataclass(frozen=True)
class _Side:
    """Of one layer at one time, per segment (k,): members, their mean (k, d) and their spread about it."""

    members: Array
    means: Array
    spreads: Array
    overall: float
    silhouette: float | None

    @property
    def customers(self) -> float:
        return float(self.members.sum())


@dataclass(frozen=True)
class _Reach:
    squared: float
    customers: int


def _sides(blocks: Blocks, models: Sequence[Model]) -> list[_Side]:
    sums = all_sums(blocks, models, np.float64)
    sides = []
    for total, i in zip(sums, measure(blocks, models, sums), strict=True):
        means, spreads = _about_mean(total)
        _, overall = _about_mean(total.sum(axis=0, keepdims=True))
        sides.append(_Side(total[:, -2], means, spreads, float(overall[0]), i.silhouette))
    return sides


def _about_mean(sums: Array) -> tuple[Array, Array]:
    """Means (k, d) and spreads (k,); members on one point spread by nothing, though rounding may say otherwise."""
    filled = np.maximum(sums[:, -2], 1)
    means, norms = sums[:, :-2] / filled[:, None], sums[:, -1] / filled
    variance = norms - (means**2).sum(axis=1)
    return means, np.sqrt(np.where(variance > SAME * norms, variance, 0.0))


def _matched(start: Array, end: Array) -> Array:
    """(k, d) what became of each centroid of `start`: the assignment that moves least altogether."""
    squared = ((start[:, None, :] - end[None, :, :]) ** 2).sum(axis=2)
    _, columns = linear_sum_assignment(squared)
    return np.asarray(end[columns], dtype=np.float64)


def _points(rows: Array) -> Points:
    return tuple(map(tuple, rows.tolist()))


def _stacks(models: Sequence[Model]) -> list[Stack]:
    return [Stack.of([m.centroids], np.float64) for m in models]


def _reach(blocks: Blocks, models: Sequence[Model]) -> list[_Reach]:
    """By the first blocks, which are a sample of customers by hash."""
    views = [replace(v, blocks=enough(blocks, v, SAMPLE)) for v in (blocks.views[m.view] for m in models)]
    stacks = _stacks(models)

    def run(some: Iterable[Block]) -> Iterator[list[Array]]:
        for block in some:
            yield [
                nearest_squared(v.of(block), stack) if v.within(block) else np.empty(0)
                for v, stack in zip(views, stacks, strict=True)
            ]

    parts = blocks.each(run)
    found = []
    for i in range(len(models)):
        each = np.concatenate([part[i] for part in parts])
        inside = float(np.quantile(each, INSIDE, method="inverted_cdf")) if len(each) else 0.0
        found.append(_Reach(inside, len(each)))
    return found


def _outside(blocks: Blocks, models: Sequence[Model], reaches: Sequence[float]) -> list[float]:
    """Customers beyond reach, by layer."""

    def beyond(stack: Stack, reach: float, x: Floats32, weights: Array | None) -> Array:
        return np.array([np.count_nonzero(nearest_squared(x, stack) > reach)], dtype=np.float64)

    totals = blocks.sums(
        {m.view: partial(beyond, s, r) for m, s, r in zip(models, _stacks(models), reaches, strict=True)},
        {m.view: Grid(np.array([1.0]), blocks.views[m.view].customers) for m in models},
    )
    return [float(totals[m.view][0]) if m.view in totals else 0.0 for m in models]


def _of_segments(layer: Layer, then: Standing, now: _Side, moves: Array, too_few: int) -> Iterator[Change]:
    of, of_now = then.customers, now.customers
    for c, segment in enumerate(layer.segment_ids):
        n, m, unit = then.members[c], float(now.members[c]), then.unit(c)
        share, share_now = n / of, m / of_now
        expected = n >= too_few and share * of_now >= too_few
        yield Change(
            layer.dimension, "segment_share", segment, abs(share_now - share),
            partial(share_chance, n, of, m, of_now) if expected else None,
            f"{share_now:.1%} of the customers, {share:.1%} at training",
        )  # fmt: skip
        if unit <= 0 or m < 1:
            continue  # all customers are alike, or nobody is left: the share says so
        judged = expected and m >= too_few
        shift = float(np.sqrt(((now.means[c] - then.means[c]) ** 2).sum()) / unit)
        yield Change(
            layer.dimension, "members_shift", segment, shift,
            partial(shift_chance, then.spreads[c] / unit, n, m, None) if judged else None,
            f"its {m:,.0f} members are {shift:.2f} spreads from where those at training were",
        )  # fmt: skip
        moved = float(moves[c] / unit)
        # One sampling error of as many members as a resample has, brought to those of then and now.
        error = then.moves[c] / unit * math.sqrt(then.resampled * n)
        yield Change(
            layer.dimension, "centroid_shift", segment, moved,
            partial(shift_chance, error, n, m, RESAMPLES) if judged else None,
            f"refitted on the customers of now its centroid comes to rest {moved:.2f} spreads away",
        )  # fmt: skip


def _of_layer(layer: Layer, then: Standing, now: _Side, outside: float) -> Iterator[Change]:
    d, of_now, expected = layer.dimension, now.customers, 1 - INSIDE
    sample = then.reached_of
    yield Change(
        d, "outside_share", d, outside / of_now,
        lambda alpha: expected + share_chance(expected * sample, sample, expected * of_now, of_now, alpha),
        f"{outside / of_now:.1%} of the customers are farther from every centroid than 99 % were at training",
    )  # fmt: skip
    if then.silhouette is not None and now.silhouette is not None:
        error = then.scatter * math.sqrt(then.resampled * then.customers)
        yield Change(
            d, "silhouette_loss", d, max(then.silhouette - now.silhouette, 0.0),
            partial(drop_chance, error, then.customers, of_now, RESAMPLES),
            f"silhouette {now.silhouette:.3f}, {then.silhouette:.3f} at training",
        )  # fmt: skip
