"""Tiles: small mergeable states from which every window is added up.

Staged lines come in; each aggregate is a state that can be merged, never a stored average. Out go `customer_day` and
`customer_month`, which also know what does not follow from sums (on which days orders fell, when each product had been
bought before), and which prices were paid in a category (`category_price`).
"""

from segmentation.tiles.aggregates import (
    CATEGORY_PRICE,
    CUSTOMER_DAY,
    CUSTOMER_MONTH,
    SUMS,
    TILES,
    Sum,
)
from segmentation.tiles.cover import cover
from segmentation.tiles.daily import daily_tiles, product_days
from segmentation.tiles.monthly import monthly_tiles
from segmentation.tiles.prices import price_tiles

__all__ = [
    "CATEGORY_PRICE",
    "CUSTOMER_DAY",
    "CUSTOMER_MONTH",
    "SUMS",
    "TILES",
    "Sum",
    "cover",
    "daily_tiles",
    "monthly_tiles",
    "price_tiles",
    "product_days",
]
