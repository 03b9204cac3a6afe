"""The dimensions and the unified layer as views of the same blocks."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.views import View
from segmentation.matrix import Preprocessor


def pack_layers(
    features: DataFrame, parts: Sequence[Preprocessor], views: Sequence[View], customers: int,
    more: Sequence[Column] = (),
) -> Blocks:  # fmt: skip
    """The vectors of all parts side by side, 0 where a customer has no data in one, and whether he has.

    more: columns (double) that come after them.
    """
    conditions = [F.expr(p.has_data) for p in parts]
    return pack(features, [*layer_columns(parts), *more], conditions, views, customers)


def layer_columns(parts: Sequence[Preprocessor]) -> list[Column]:
    """The columns of which `layers` are views: the slots of all parts, 0 where a customer has no data in the part."""
    return [F.expr(f"CASE WHEN {p.has_data} THEN {s.sql} ELSE 0.0D END") for p in parts for s in p.fitted]


def layers(parts: Sequence[Preprocessor], unified: Preprocessor | None = None) -> list[View]:
    """A slice of the columns for each dimension; for the unified layer those of its blocks, scaled by their factors."""
    views, at = list[View](), 0
    for i, p in enumerate(parts):
        views.append(View(p.dimension, tuple(range(at, at + len(p.fitted))), i))
        at += len(p.fitted)
    if unified is None:
        return views
    factors = {b.dimension: b.factor for b in unified.blocks}
    of = [v for v in views if v.name in factors]
    columns = tuple(c for v in of for c in v.columns)
    # Where no dimension tells customers apart, neither does the unified layer: any column says so.
    scale = tuple(factors[v.name] for v in of for _ in v.columns)
    return [*views, View(unified.dimension, columns or (0,), None, scale or (0.0,))]
