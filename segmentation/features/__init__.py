"""Windowed features of every customer, for any as-of date or several at once.

Tiles, customers, interactions and feedback come in, cut off before the as-of date in one place; `kernel` measures
each family's states over every window in one pass by customer, and `conf/features/*.yml` says which feature is
which expression over states; out goes `customer_features`, one row per as-of date and known customer.
What a feature means in plain SQL, without tiles, is `plain_sql`.
"""

from segmentation.features.build import Inputs, Lines, Tiles, build_features
from segmentation.features.feature import Feature
from segmentation.features.listing import Listed, listed
from segmentation.features.plain_sql import plain_sql
from segmentation.features.registry import Registry, load_registry

__all__ = [
    "Feature",
    "Inputs",
    "Lines",
    "Listed",
    "Registry",
    "Tiles",
    "build_features",
    "listed",
    "load_registry",
    "plain_sql",
]
