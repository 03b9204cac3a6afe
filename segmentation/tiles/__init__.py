"""Tiles: small mergeable states from which every window is added up.

Staged lines come in; each aggregate is a state that can be merged, never a stored average. Out go `customer_day` and
`customer_month`, which also know what does not follow from sums (days with orders, the products bought, what was taken
back of which purchases), and which prices were paid in a category (`category_price`).
"""

from segmentation.tiles.aggregates import (
    CATEGORY_PRICE,
    CUSTOMER_DAY,
    CUSTOMER_MONTH,
    RETURNED_SUMS,
    SUMS,
    TILES,
    Sum,
)
from segmentation.tiles.build import both_tiles, daily_tiles, month_of, monthly_tiles
from segmentation.tiles.cover import cover
from segmentation.tiles.prices import price_tiles
from segmentation.tiles.units import in_units, since

__all__ = [
    "CATEGORY_PRICE",
    "CUSTOMER_DAY",
    "CUSTOMER_MONTH",
    "RETURNED_SUMS",
    "SUMS",
    "TILES",
    "Sum",
    "both_tiles",
    "cover",
    "daily_tiles",
    "in_units",
    "month_of",
    "monthly_tiles",
    "price_tiles",
    "since",
]
