"""The rhythm of buying: gaps between successive days with orders. It does not follow from sums."""

from __future__ import annotations

import numpy as np

from segmentation.core.customers import Floats
from segmentation.features.past import Past
from segmentation.features.spans import Measure

GAP_BITS = 32


def cadence(past: Past) -> dict[str, Measure]:
    """The median gap in days, and the gaps' coefficient of variation.

    Gaps lie between two order days that are both inside the window. Null for fewer than two order days
    (median) or three (variation). The deviation is the population's (divided by n).
    """
    spans = past.order_days
    days = spans.days
    gaps = np.diff(days, prepend=0)  # of a day and the one before; a customer's first is in no window's gaps
    squares = np.concatenate([[0], np.cumsum(gaps * gaps)])

    def median(first: int, end: int) -> Floats:
        low, n = spans.before(first), np.maximum(spans.between(first, end) - 1, 0)
        begin = np.cumsum(n) - n
        inside = gaps[np.repeat(low + 1 - begin, n) + np.arange(n.sum())]
        ranked = np.sort((np.repeat(np.arange(len(n)), n) << GAP_BITS) | inside) & ((1 << GAP_BITS) - 1)
        result = np.full(len(n), np.nan)
        some = n > 0
        begin, n = begin[some], n[some]
        result[some] = (ranked[begin + (n - 1) // 2] + ranked[begin + n // 2]) / 2
        return result

    def variation(first: int, end: int) -> Floats:
        result = np.full(len(spans.starts) - 1, np.nan)
        n = spans.between(first, end) - 1
        some = n > 1
        n, low, high = n[some], spans.before(first)[some], spans.before(end)[some]
        total = days[high - 1] - days[low]
        # In whole numbers until the last step, so that no order of addition can show.
        result[some] = np.sqrt(n * (squares[high] - squares[low + 1]) - total * total) / total
        return result

    return {"median_gap_days": median, "gap_variation": variation}
