"""Windowed features of every customer, for any as-of date.

Tiles, customers, interactions and feedback come in, cut off before the as-of date in one place;
each family turns them into states per customer and window, and `conf/features/*.yml` says which feature is
which expression over states; out goes `customer_features`, one row per known customer.
"""

from segmentation.features.build import Inputs, build_features, known_customers
from segmentation.features.plain_sql import plain_sql
from segmentation.features.registry import Feature, Registry, load_registry

__all__ = ["Feature", "Inputs", "Registry", "build_features", "known_customers", "load_registry", "plain_sql"]
