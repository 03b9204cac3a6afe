"""Where Lloyd's algorithm starts: one pool of candidate points a view, and from it k points for every (k, seed)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from segmentation.clustering.blocks import Blocks
from segmentation.clustering.lloyd import STRIP, Model, Stack, all_sums, with_norms
from segmentation.clustering.views import Array, Block, Floats32

ROUNDS = 3
LOCAL_ITERATIONS = 30
ZERO = 1e-14
"""A squared distance below this share of the squared norms is rounding: the two points are one."""


@dataclass(frozen=True)
class Pool:
    """Points (p, d), all different, with how many customers each stands for."""

    points: Array
    weights: Array

    def again(self, share: float, rng: np.random.Generator) -> Pool:
        """Of a bootstrap resample of a `share` of the customers: each point as often as a Poisson number says."""
        times = rng.poisson(self.weights * share).astype(np.float64)
        return Pool(self.points[times > 0], times[times > 0])

    @property
    def distinct(self) -> int:
        """At most so many clusters can have members."""
        return len(self.points)


def draw_pools(blocks: Blocks, k_max: Mapping[int, int], seed: int) -> dict[int, Pool]:
    """For every view of `k_max` about 4·k_max·(ROUNDS + 1) points spread over its customers, by k-means||.

    One Spark job a round serves all views. Each round takes 4·k_max customers, drawn by weight and squared distance to
    the points taken so far (the first round all alike), without replacement: those with the smallest −ln(u)/wd², which
    needs no total beforehand. u depends on the seed, the view's name, the round and the place in the block, so the
    pool is the same on any partitioning and whatever other views there are. Each point then moves to the mean of the
    customers nearest to it. Where there are fewer different points than k_max, the pool holds all of them.
    Sources: Bahmani et al. (2012), doi:10.14778/2180912.2180915; Efraimidis & Spirakis (2006),
    doi:10.1016/j.ipl.2005.11.003.
    """
    points = {v: np.empty((0, len(blocks.views[v].columns))) for v in k_max}
    unfinished = [v for v in points if blocks.views[v].customers]
    done = 0
    while unfinished:
        found = _draw(blocks, {v: (points[v], 4 * k_max[v]) for v in unfinished}, (seed, done))
        done += 1
        for v in unfinished:
            points[v] = np.unique(np.concatenate([points[v], found[v]]), axis=0)
        enough = {v for v in unfinished if done > ROUNDS and len(points[v]) >= k_max[v]}
        unfinished = [v for v in unfinished if len(found[v]) and v not in enough]
    models = [Model(v, len(p), seed, p) for v, p in points.items() if len(p)]
    pools = {v: Pool(p, np.zeros(len(p))) for v, p in points.items()}
    for model, sums in zip(models, all_sums(blocks, models), strict=True):
        sums = sums[sums[:, -2] > 0]
        pools[model.view] = Pool(sums[:, :-2] / sums[:, -2:-1], sums[:, -2])
    return pools


def starts(pool: Pool, view: int, name: str, ks: Sequence[int], seeds: Sequence[int]) -> list[Model]:
    """A start in the view of this number and name for every k and seed: k-means++ on its pool, then Lloyd on it."""
    return [Model(view, k, seed, _start(pool, name, k, seed)[0]) for k in ks for seed in seeds]


def best_starts(pool: Pool, view: int, name: str, ks: Sequence[int], seeds: Sequence[int]) -> list[Model]:
    """For every k the start that of all seeds is the best on the pool, under the first seed."""
    tries = {k: [_start(pool, name, k, seed) for seed in seeds] for k in ks}
    return [Model(view, k, seeds[0], min(tries[k], key=lambda settled: settled[1])[0]) for k in ks]


def _start(pool: Pool, name: str, k: int, seed: int) -> tuple[Array, float]:
    return settle(pool, plus_plus(pool, k, np.random.default_rng([seed, k, crc32(name.encode())])))


def plus_plus(pool: Pool, k: int, rng: np.random.Generator) -> Array:
    """k points of the pool, (k, d), far from each other: each time the best of 2 + ln k draws by weighted d².

    Source: Arthur & Vassilvitskii (2007), https://dl.acm.org/doi/10.5555/1283383.1283494, in its greedy form.
    """
    points, weights = pool.points, pool.weights
    chosen = _places(weights, rng, 1)
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(1, k):
        tries = _places(weights * nearest, rng, 2 + int(np.log(k)))
        after = np.minimum(nearest, ((points[tries][:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
        best = int((after @ weights).argmin())
        chosen.append(tries[best])
        nearest = after[best]
    return points[chosen]


def settle(pool: Pool, centroids: Array) -> tuple[Array, float]:
    """Lloyd's algorithm on the weighted points of the pool: centroids (k, d), and the last SSE it saw."""
    points, weights = pool.points, pool.weights
    norms, sse = (points**2).sum(axis=1), np.inf
    for _ in range(LOCAL_ITERATIONS):
        squared = norms[:, None] - 2 * points @ centroids.T + (centroids**2).sum(axis=1)
        sse = float(squared.min(axis=1) @ weights)
        member = (squared.argmin(axis=1)[:, None] == np.arange(len(centroids))) * weights[:, None]
        counts = member.sum(axis=0)[:, None]
        moved = np.where(counts > 0, member.T @ points / np.where(counts > 0, counts, 1), centroids)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids, sse


def _places(weights: Array, rng: np.random.Generator, draws: int) -> list[int]:
    total = np.cumsum(weights)
    if total[-1] <= 0:  # all points are taken; whichever comes leaves its cluster empty
        return [0] * draws
    places = np.searchsorted(total, rng.random(draws) * total[-1], side="right")
    found: list[int] = np.minimum(places, len(weights) - 1).tolist()
    return found


def _draw(blocks: Blocks, taken: Mapping[int, tuple[Array, int]], seed: tuple[int, int]) -> dict[int, Array]:
    """For each view of `taken` at most so many customers, drawn by their squared distance to the points taken."""
    stacks = {v: Stack.of([p], np.float64) if len(p) else None for v, (p, _) in taken.items()}
    sizes = {v: size for v, (_, size) in taken.items()}
    views = blocks.views

    def run(some: Iterable[Block]) -> Iterator[dict[int, tuple[Array, Floats32]]]:
        best: dict[int, tuple[Array, Floats32]] = {}
        for block in some:
            for v, stack in stacks.items():
                if not views[v].within(block):
                    continue
                x, weights = views[v].of(block), views[v].weights(block)
                u = views[v].random(block, *seed).random(x.shape[1])
                squared = np.ones(x.shape[1]) if stack is None else nearest_squared(x, stack)
                if weights is not None:
                    squared *= weights
                with np.errstate(divide="ignore"):
                    keys = np.where(squared > 0, -np.log1p(-u) / squared, np.inf)
                best[v] = _smallest([*([best[v]] if v in best else []), (keys, x.T)], sizes[v])
        yield best

    parts = blocks.each(run)
    drawn = {v: _smallest([part[v] for part in parts if v in part], sizes[v]) for v in taken}
    return {v: x.astype(np.float64) for v, (_, x) in drawn.items()}


def _smallest(parts: Sequence[tuple[Array, Floats32]], size: int) -> tuple[Array, Floats32]:
    keys, x = np.concatenate([k for k, _ in parts]), np.concatenate([p for _, p in parts])
    order = np.argsort(keys, kind="stable")[:size]
    order = order[np.isfinite(keys[order])]
    return keys[order], x[order]


def nearest_squared(x: Floats32, stack: Stack) -> Array:
    """Squared distance of every customer to the nearest point of a stack of one model."""
    rows, found = with_norms(x.astype(np.float64)), np.empty(x.shape[1])
    greatest = float(stack.matrix[:, -1].max())
    for start in range(0, x.shape[1], STRIP):
        strip = rows[:, start : start + STRIP]
        squared = (stack.matrix @ strip[:-1]).min(axis=0) + strip[-1]
        found[start : start + STRIP] = np.where(squared > ZERO * (strip[-1] + greatest), squared, 0)
    return found
