"""How much of a basket is new to the customer: it needs to know when each product was bought before, not sums."""

from __future__ import annotations

from functools import cache

import numpy as np

from segmentation.core.customers import Ints
from segmentation.features.past import Past
from segmentation.features.spans import NEVER, Measure, running


def variety(past: Past) -> dict[str, Measure]:
    """Different products bought, and those never bought before the window.

    A product counts in a window on the first of its days there: the one whose purchase before lies outside.
    """
    entries = past.entries("products")
    spans, by_product = entries.spans, entries.by(entries.values)
    earlier = np.roll(by_product.spans.days, 1)
    earlier[by_product.spans.starts[:-1]] = NEVER
    before = np.empty_like(earlier)
    before[by_product.order] = earlier

    @cache
    def count(first: int) -> Ints:
        return running(before < first)

    def products(first: int, end: int) -> Ints:
        return count(first)[spans.before(end)] - count(first)[spans.before(first)]

    return {"products": products, "new_products": spans.summed(before == NEVER)}
