"""What speaks for each k: figures of its best model beside other seeds, resamples and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.blocks import Blocks
from segmentation.clustering.indices import Indices, best_first
from segmentation.clustering.lloyd import Model
from segmentation.clustering.references import Reference
from segmentation.clustering.stability import (
    HALF,
    Comparison,
    adjusted_rand,
    compare,
    evenness,
    neighbours,
    overlaps,
    valleys,
)
from segmentation.clustering.usefulness import Useful
from segmentation.clustering.views import Array

ROUNDING = 1e-6
"""Of a standard deviation: what float32 cannot tell apart in the mean of a constant."""
DIFFERENT = 0.5
"""Standard deviations by which two segments differ in a column, or else are alike there."""
Fits = list[tuple[Model, Indices]]


@dataclass(frozen=True)
class Evidence:
    """Of one k in one dimension. None where there are too few customers to say."""

    seed_agreement: float | None
    """Mean adjusted Rand index between the best seed and the others, −1..1; None for one seed."""
    stability: float | None
    """The same between the best seed and refits on bootstrap resamples."""
    returns: tuple[float, ...]
    """For each cluster the share of resamples in which it came back: with a Jaccard overlap above a half."""
    error: float | None
    """Standard error of the excess: from the silhouette's deviation over resamples, and over noises."""
    excess: float | None
    """Silhouette minus the mean silhouette of noise with the same covariance."""
    gap: float | None
    """Mean log SSE a customer of that noise minus log SSE a customer: Tibshirani's gap, with that null."""
    separation: int
    """The fewest columns in which two neighbouring clusters differ by DIFFERENT standard deviations or more."""
    valleys: float
    """Share of the pairs of neighbouring clusters with fewer customers between them than cutting noise leaves, 0..1."""
    useful: Useful | None = None
    """What the clusters explain of a holdout's outcome; None without a holdout."""


def gather(
    blocks: Blocks, references: Sequence[Reference], measured: Sequence[tuple[Model, Indices]]
) -> list[dict[int, Evidence]]:
    """For each view with references the evidence by k. One Spark job, over the sample of each.

    Sources: Ben-Hur et al. (2002), https://psb.stanford.edu/psb-online/proceedings/psb02/benhur.pdf (stability);
    Tibshirani et al. (2001), doi:10.1111/1467-9868.00293 (gap).
    """
    fits: dict[tuple[int, int], Fits] = {}
    for model, indices in best_first(measured):
        fits.setdefault((model.view, model.k), []).append((model, indices))
    cases = [_Case.of(r, k, fits) for r in references for view, k in list(fits) if view == r.base]
    compared = iter(compare(blocks, [a for case in cases for a in case.asked]))
    found = [dict[int, Evidence]() for _ in references]
    for case in cases:
        model, indices = case.own[0]
        found[model.view][model.k] = _evidence(case, indices, [next(compared) for _ in case.asked])
    return found


@dataclass(frozen=True)
class _Case:
    """The fits of one k in one view and its references; of its own the best is the first."""

    reference: Reference
    own: Fits
    resamples: Fits
    noises: Fits

    @classmethod
    def of(cls, r: Reference, k: int, fits: Mapping[tuple[int, int], Fits]) -> _Case:
        resamples, noises = ([fit for v in views for fit in fits.get((v, k), [])] for views in (r.resamples, r.noises))
        return cls(r, fits[r.base, k], resamples, noises)

    @property
    def asked(self) -> list[tuple[int, Model, list[Model]]]:
        """What is to be compared: the best with all others, and noise with nothing."""
        best, *others = (m for m, _ in [*self.own, *self.resamples])
        return [(self.reference.sample, best, others), *((m.view, m, []) for m, _ in self.noises)]


def _evidence(case: _Case, indices: Indices, compared: Sequence[Comparison]) -> Evidence:
    own, *noises = compared
    seeds, again = own.tables[: len(case.own) - 1], own.tables[len(case.own) - 1 :]
    resampled, noise = (
        [i.silhouette for _, i in fits if i.silhouette is not None] for fits in (case.resamples, case.noises)
    )
    spread = [_spread(i) for _, i in case.noises]
    between = valleys(own.between, evenness(np.concatenate([c.between for c in noises])) if noises else 1.0)
    return Evidence(
        seed_agreement=_mean([adjusted_rand(t) for t in seeds]),
        stability=_mean([adjusted_rand(t) for t in again]),
        returns=tuple(np.mean([overlaps(t) > HALF for t in again], axis=0).tolist()) if again else (),
        excess=indices.silhouette - float(np.mean(noise)) if noise and indices.silhouette is not None else None,
        error=float(np.sqrt(np.var(resampled, ddof=1) + np.var(noise, ddof=1) / len(noise)))
        if min(len(resampled), len(noise)) > 1 else None,
        gap=float(np.mean(np.log(spread))) - float(np.log(_spread(indices)))
        if spread and min(*spread, _spread(indices)) > 0 else None,
        separation=separation(case.own[0][0].centroids, case.reference.deviations),
        valleys=float(between.mean()) if len(between) else 0.0,
    )  # fmt: skip


def _spread(indices: Indices) -> float:
    return indices.sse / sum(indices.sizes)


def separation(centroids: Array, deviations: Array) -> int:
    """The fewest columns in which two neighbours of (k, d) centroids differ by DIFFERENT deviations (d,) or more.

    What float32's rounding tells apart is no difference, also where a column is constant in the sample.

    >>> separation(np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 1.0]]), np.array([1.0, 3.0]))
    1
    >>> separation(np.array([[0.0, 0.3333333], [1.0, 0.3333334]]), np.array([1.0, 0.0]))
    1
    """
    apart = [np.abs(centroids[i] - centroids[j]) for i, j in neighbours(centroids)]
    return min((int(np.count_nonzero((a > ROUNDING) & (a >= DIFFERENT * deviations))) for a in apart), default=0)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
