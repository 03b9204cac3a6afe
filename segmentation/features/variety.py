"""How much of a basket is new to the customer. It needs to know when each product was bought before, not sums."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow.compute as pc

from segmentation.features.past import Past
from segmentation.features.spans import NEVER, Ints, Measure


def variety(past: Past) -> dict[str, Measure]:
    """Different products bought, and those never bought before the window.

    A product counts in a window on the first of its days there: the one whose purchase before lies outside.
    """
    entries = past.entries("bought_before")
    spans = entries.spans
    before = pc.fill_null(entries.values.cast("int32"), NEVER).to_numpy(zero_copy_only=False)

    @cache
    def running(first: int) -> Ints:
        return np.concatenate([[0], np.cumsum(before < first)])

    def products(first: int, end: int) -> Ints:
        count = running(first)
        return count[spans.before(end)] - count[spans.before(first)]

    return {"products": products, "new_products": spans.summed(before == NEVER)}
