"""Whether the values of a feature are spread as they were: population stability index and what is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from segmentation.core.customers import Floats, Ints
from segmentation.monitoring.chance import psi_chance, share_chance
from segmentation.monitoring.histograms import Histogram
from segmentation.monitoring.verdict import Change

HALF = 0.5
"""A bin counts this much more than is in it: an empty one would make the index infinite."""


def psi(then: Ints, now: Ints) -> float:
    """Population stability index of two histograms over the same bins: Σ (q − p) ln(q / p), 0 where they are alike.

    >>> round(psi(np.array([50, 50]), np.array([50, 50])), 3), round(psi(np.array([50, 50]), np.array([80, 20])), 3)
    (0.0, 0.406)
    """
    p, q = shares(then), shares(now)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(then: Ints, now: Ints) -> float:
    """Jensen–Shannon distance in base 2, 0 (alike) to 1 (nothing in common).

    Source: Endres & Schindelin (2003), doi:10.1109/TIT.2003.813506.
    """
    p, q = (counts / counts.sum() for counts in (then, now))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(x > 0, x * np.log2(x / middle), 0.0).sum() for x in (p, q)]
    return float(np.sqrt(max(sum(parts) / 2, 0.0)))


def shares(counts: Ints) -> Floats:
    """Of each bin, none of them 0."""
    smoothed = counts + HALF
    return np.asarray(smoothed / smoothed.sum(), dtype=np.float64)


def value_changes(then: Sequence[Histogram], now: Sequence[Ints]) -> Iterator[Change]:
    """Of each feature the stability index over what is known, and the change of the share that is not.

    Of a recent one the index alone: in a shorter window more is unknown of itself.
    """
    for h, q in zip(then, now, strict=True):
        b, p = h.bins, np.array(h.counts, dtype=np.int64)
        n, m = int(p[:-1].sum()), int(q[:-1].sum())
        if n and m:
            distance = jensen_shannon(p[:-1], q[:-1])
            yield Change(
                b.dimension, "recent_psi" if b.recent else "feature_psi", b.feature, psi(p[:-1], q[:-1]),
                partial(psi_chance, b.size, n, m),
                f"values of {m:,} customers against {n:,} at training; Jensen–Shannon distance {distance:.2f}",
            )  # fmt: skip
        if p.sum() and q.sum() and not b.recent:
            unknown, of, unknown_now, of_now = int(p[-1]), int(p.sum()), int(q[-1]), int(q.sum())
            change = unknown_now / of_now - unknown / of
            yield Change(
                b.dimension, "missing_share", b.feature, abs(change),
                partial(share_chance, unknown, of, unknown_now, of_now),
                f"unknown of {unknown_now / of_now:.1%} of the customers, at training of {unknown / of:.1%}",
                "more is known than was" if change < 0 else None,
            )  # fmt: skip
