"""The fitted preprocessor, one value at a time: the twin of `segmentation.matrix`."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign, floor, isnan, log1p, sqrt

RARE = 0.02
FARTHEST = 3


def is_missing(value: float | None) -> bool:
    return value is None or isnan(value)


def quantile(values: Sequence[float], q: float) -> float:
    """Between two neighbours in order, as far along as q says."""
    ordered, at = sorted(values), q * (len(values) - 1)
    below = floor(at)
    above = min(below + 1, len(values) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    return sqrt(mean([(v - mean(values)) ** 2 for v in values]))


def scaled(
    train: Sequence[float | None], values: Sequence[float | None], impute: float | None, log: bool
) -> list[float]:
    """`values` in standard deviations of `train`; `impute` None is the median of what is known."""
    known = [float(v) for v in train if v is not None and not isnan(v)]
    filler = quantile(known, 0.5) if impute is None else impute

    def prepared(v: float | None) -> float:
        number = filler if v is None or isnan(v) else float(v)
        return copysign(log1p(abs(number)), number) if log else number

    seen = [prepared(v) for v in train]
    low, high = quantile(seen, 0.01), quantile(seen, 0.99)
    clipped = [min(max(v, low), high) for v in seen]
    centre, spread = mean(clipped), deviation(clipped)

    def bounded(v: float) -> float:
        within = min(max(v, low), high)
        return min(max(within, centre - FARTHEST * spread), centre + FARTHEST * spread)

    again = mean([bounded(v) for v in seen])
    return [(bounded(prepared(v)) - again) / spread for v in values]


def one_hot(train: Sequence[str | None], values: Sequence[str | None]) -> dict[str, list[float]]:
    """Level → its slot; all slots of one feature together have variance 1 in `train`, or less by FARTHEST."""
    seen = [v or "(unknown)" for v in train]
    shares = {level: seen.count(level) / len(seen) for level in sorted(set(seen))}
    kept = {level: share for level, share in shares.items() if RARE <= share <= 1 - RARE}
    spread = sqrt(sum(share * (1 - share) for share in kept.values()))
    for level in set(seen):
        away = sqrt(sum(((level == other) - share) ** 2 for other, share in kept.items()))
        spread = max(spread, away / FARTHEST)
    return {
        level: [((1.0 if (v or "(unknown)") == level else 0.0) - share) / spread for v in values]
        for level, share in kept.items()
    }
