"""Whether the values of a feature are spread as they were: stability index, what is extreme, and what is unknown."""

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
LEAST = 0.001
"""A bin's share at least: whether hardly anybody is in it, or nobody, is no matter, however many there are in all."""


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
    """Of each bin, LEAST or more."""
    smoothed = counts + HALF
    return np.maximum(np.asarray(smoothed / smoothed.sum(), dtype=np.float64), LEAST)


def value_changes(then: Sequence[Histogram], now: Sequence[Ints]) -> Iterator[Change]:
    """Of each feature the stability index and the share that is extreme, of what is known, and what is not.

    Tenths alone would hide a new kind of customer, whose values hardly anybody had: it fills the last one half as much
    again. Of a recent feature the index alone: in a shorter window more is unknown, and extreme, of itself.
    """
    for h, q in zip(then, now, strict=True):
        b, p = h.bins, np.array(h.counts, dtype=np.int64)
        known, known_now = p[: b.size], q[: b.size]
        n, m = int(known.sum()), int(known_now.sum())
        if n and m:
            distance = jensen_shannon(known, known_now)
            yield Change(
                b.dimension, "recent_psi" if b.recent else "feature_psi", b.feature, psi(known, known_now),
                partial(psi_chance, b.size, n, m),
                f"values of {m:,} customers against {n:,} at training; Jensen–Shannon distance {distance:.2f}",
            )  # fmt: skip
        if b.recent:
            continue
        if n and m and (b.least is not None or b.most is not None):
            extreme, extreme_now = int(p[b.size + 1]), int(q[b.size + 1])
            ends = (("at most", b.least), ("at least", b.most))
            beyond = " or ".join(f"{words} {_shown(end)}" for words, end in ends if end is not None)
            yield Change(
                b.dimension, "extreme_share", b.feature, max(extreme_now / m - extreme / n, 0.0),
                partial(share_chance, extreme, n, extreme_now, m),
                f"{extreme_now / m:.1%} of the customers have {beyond}, {extreme / n:.1%} at training",
            )  # fmt: skip
        unknown, of, unknown_now, of_now = int(p[b.size]), int(p[b.size] + n), int(q[b.size]), int(q[b.size] + m)
        if of and of_now:
            change = unknown_now / of_now - unknown / of
            yield Change(
                b.dimension, "missing_share", b.feature, abs(change),
                partial(share_chance, unknown, of, unknown_now, of_now),
                f"unknown of {unknown_now / of_now:.1%} of the customers, at training of {unknown / of:.1%}",
                "more is known than was" if change < 0 else None,
            )  # fmt: skip


def _shown(value: float) -> str:
    """Enough digits to tell where it is, of a share as of an amount.

    >>> _shown(17.4053), _shown(1234567.891), _shown(0.00123)
    ('17.41', '1,234,567.89', '0.00123')
    """
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3g}"
