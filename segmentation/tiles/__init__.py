"""Tiles: small mergeable states from which every window is added up.

Staged lines come in; each aggregate is a state that can be merged, never a stored average. Out go `customer_day` and
`customer_month`; and what does not follow from sums: on which days a customer bought a product (`customer_product`)
and which prices were paid in a category (`category_price`). `touched` says which tiles a change of lines reaches.
"""

from segmentation.tiles.aggregates import (
    CATEGORY_PRICE,
    CUSTOMER_DAY,
    CUSTOMER_MONTH,
    CUSTOMER_PRODUCT,
    SUMS,
    TILES,
    Sum,
)
from segmentation.tiles.cover import cover
from segmentation.tiles.daily import daily_tiles
from segmentation.tiles.monthly import monthly_tiles
from segmentation.tiles.prices import price_tiles
from segmentation.tiles.products import changed_products, product_tiles

__all__ = [
    "CATEGORY_PRICE",
    "CUSTOMER_DAY",
    "CUSTOMER_MONTH",
    "CUSTOMER_PRODUCT",
    "SUMS",
    "TILES",
    "Sum",
    "changed_products",
    "cover",
    "daily_tiles",
    "monthly_tiles",
    "price_tiles",
    "product_tiles",
]
