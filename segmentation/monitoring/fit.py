"""Whether customers of now still stand where the segments are: sizes, means, centroids, reach and silhouette."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2, norm

from segmentation.clustering.blocks import Blocks, Grid
from segmentation.clustering.indices import measure
from segmentation.clustering.lloyd import Model, Stack, all_sums, fit
from segmentation.clustering.references import enough, sampled
from segmentation.clustering.seeding import nearest_squared
from segmentation.clustering.views import Array, Block, Floats32
from segmentation.monitoring.values import share_chance
from segmentation.monitoring.verdict import Change

INSIDE = 0.99
"""Of the training customers so many are within reach of a centroid."""
SAMPLE = 50_000
"""Training customers whose distances say how far that is, at least; all of them where there are fewer."""
NEVER = float("inf")


@dataclass(frozen=True)
class Layer:
    """A dimension's model: the segment of each of its centroids (k, d)."""

    dimension: str
    segment_ids: tuple[str, ...]
    centroids: Array


def fit_changes(
    layers: Sequence[Layer], then: Blocks, now: Blocks, seed: int, max_iterations: int, too_few: int
) -> list[Change]:
    """Of every layer and segment what has changed from the training customers to those of now.

    then, now: packed by the models' own preprocessors, a view for each layer in order. Distances are in units of a
    segment's own spread: the root mean square distance of its members at training to their mean. What chance gives is
    drawn from resamples of the training customers. A segment of fewer than `too_few` customers at training, or expected
    now, is not judged. A layer in which nobody has data, then or now, is left to what is unknown of its features. Eight
    Spark jobs, and one an iteration.
    """
    models = [
        Model(v, len(x.centroids), seed, x.centroids) for v, x in enumerate(layers)
        if then.views[v].customers and now.views[v].customers
    ]  # fmt: skip
    if not models:
        return []
    before, after = _sides(then, models), _sides(now, models)
    outside = _outside(now, models, reaches := _reach(then, models))
    rested = fit(now, models, max_iterations)
    seen, resamples = sampled(then, [m.view for m in models], seed)
    again = [replace(m, view=r) for m, of in zip(models, resamples, strict=True) for r in of]
    wandered = fit(seen, again, max_iterations)
    drawn = measure(seen, again)
    found: list[Change] = []
    for v, layer in enumerate(layers[m.view] for m in models):
        mine = [i for i, m in enumerate(again) if m.view in resamples[v]]
        noise = _Noise(
            seen.views[resamples[v][0]].customers / before[v].customers,
            np.sqrt(np.mean([_moves(layer.centroids, wandered[i].centroids) ** 2 for i in mine], axis=0)),
            float(np.std([s for i in mine if (s := drawn[i].silhouette) is not None] or [0.0])),
        )
        moves = _moves(layer.centroids, rested[v].centroids)
        found += _of_segments(layer, before[v], after[v], moves, noise, too_few)
        found += _of_layer(layer, before[v], after[v], noise, outside[v], reaches[v].customers)
    return found


@dataclass(frozen=True)
class _Side:
    """Of one layer at one time, per segment (k,): members, their mean (k, d) and their spread about it."""

    members: Array
    means: Array
    spreads: Array
    silhouette: float | None

    @property
    def customers(self) -> float:
        return float(self.members.sum())


@dataclass(frozen=True)
class _Noise:
    """What resamples of the training customers do: how far centroids come to rest, and silhouettes scatter."""

    share: float
    """Customers in a resample, of all at training."""
    moves: Array
    silhouette: float


@dataclass(frozen=True)
class _Reach:
    squared: float
    """Within this squared distance of a centroid were INSIDE of …"""
    customers: int


def _sides(blocks: Blocks, models: Sequence[Model]) -> list[_Side]:
    sums = all_sums(blocks, models, np.float64)
    sides = []
    for total, i in zip(sums, measure(blocks, models, sums), strict=True):
        n = total[:, -2]
        filled = np.maximum(n, 1)
        means = total[:, :-2] / filled[:, None]
        variance = total[:, -1] / filled - (means**2).sum(axis=1)
        sides.append(_Side(n, means, np.sqrt(np.maximum(variance, 0)), i.silhouette))
    return sides


def _moves(start: Array, end: Array) -> Array:
    """(k,) how far each centroid is from the one that became of it: the assignment that moves least altogether."""
    squared = ((start[:, None, :] - end[None, :, :]) ** 2).sum(axis=2)
    rows, columns = linear_sum_assignment(squared)
    return np.asarray(np.sqrt(squared[rows, columns]), dtype=np.float64)


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


def _outside(blocks: Blocks, models: Sequence[Model], reaches: Sequence[_Reach]) -> list[float]:
    """Customers beyond reach, by layer."""

    def beyond(stack: Stack, reach: float, x: Floats32, weights: Array | None) -> Array:
        return np.array([np.count_nonzero(nearest_squared(x, stack) > reach)], dtype=np.float64)

    totals = blocks.sums(
        {m.view: partial(beyond, s, r.squared) for m, s, r in zip(models, _stacks(models), reaches, strict=True)},
        {m.view: Grid(np.array([1.0]), blocks.views[m.view].customers) for m in models},
    )
    return [float(totals[m.view][0]) if m.view in totals else 0.0 for m in models]


def _of_segments(layer: Layer, then: _Side, now: _Side, moves: Array, noise: _Noise, too_few: int) -> Iterator[Change]:
    for c, segment in enumerate(layer.segment_ids):
        n, m, of, of_now = then.members[c], now.members[c], then.customers, now.customers
        share, share_now = n / max(of, 1), m / max(of_now, 1)
        few = n < too_few or share * of_now < too_few
        yield Change(
            layer.dimension, "segment_share", segment, abs(share_now - share),
            partial(_chance_of_share, n, of, m, of_now, few),
            f"{share_now:.1%} of the customers, {share:.1%} at training",
        )  # fmt: skip
        spread = then.spreads[c]
        if spread <= 0 or m < 1:
            continue  # one point, or nobody: its share says so
        shift = float(np.sqrt(((now.means[c] - then.means[c]) ** 2).sum()) / spread)
        yield Change(
            layer.dimension, "members_shift", segment, shift,
            partial(_chance_of_shift, 1.0, n, m, few or m < too_few),
            f"its {m:,.0f} members are {shift:.2f} spreads from where those at training were",
        )  # fmt: skip
        moved = float(moves[c] / spread)
        yield Change(
            layer.dimension, "centroid_shift", segment, moved,
            # One sampling error of as many members as a resample has, brought to those of then and now.
            partial(_chance_of_shift, float(noise.moves[c] / spread) * math.sqrt(noise.share * n), n, m,
                    few or m < too_few),
            f"refitted on the customers of now its centroid comes to rest {moved:.2f} spreads away",
        )  # fmt: skip


def _of_layer(layer: Layer, then: _Side, now: _Side, noise: _Noise, outside: float, sample: int) -> Iterator[Change]:
    d, of_now = layer.dimension, max(now.customers, 1.0)
    expected = 1 - INSIDE
    yield Change(
        d, "outside_share", d, outside / of_now,
        lambda alpha: expected + share_chance(expected * sample, sample, expected * of_now, of_now, alpha),
        f"{outside / of_now:.1%} of the customers are farther from every centroid than 99 % were at training",
    )  # fmt: skip
    if then.silhouette is not None and now.silhouette is not None:
        per_customer = noise.silhouette * math.sqrt(noise.share * then.customers)
        scale = per_customer * math.sqrt(1 / max(then.customers, 1) + 1 / of_now)
        yield Change(
            d, "silhouette_loss", d, max(then.silhouette - now.silhouette, 0.0),
            lambda alpha: float(norm.isf(alpha)) * scale,
            f"silhouette {now.silhouette:.3f}, {then.silhouette:.3f} at training",
        )  # fmt: skip


def _chance_of_share(n: float, of: float, m: float, of_now: float, few: bool, alpha: float) -> float:
    return NEVER if few or not of_now else share_chance(n, of, m, of_now, alpha)


def _chance_of_shift(error: float, n: float, m: float, few: bool, alpha: float) -> float:
    """`error`: of one member. As if all of it lay along one axis: over several it would reach less far."""
    return NEVER if few else error * math.sqrt(float(chi2.isf(alpha, 1)) * (1 / n + 1 / m))
