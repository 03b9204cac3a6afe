"""Quintile codes: the classic recency, frequency and monetary scores, 5 is best."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

QUINTILES = (0.2, 0.4, 0.6, 0.8)
Limits = Mapping[str, Mapping[dt.date, Sequence[float]]]
"""Feature → as-of date → the values that part its customers' quintiles."""


def quintile_limits(features: DataFrame, names: Sequence[str]) -> Limits:
    """Exact percentiles (linear interpolation) of each as-of date's customers with a value; none without any."""
    points = ", ".join(map(str, QUINTILES))
    rows = features.groupBy("as_of").agg(
        *(F.expr(f"percentile(cast(`{name}` AS double), array({points}))").alias(name) for name in names)
    ).collect()  # fmt: skip
    return {name: {r["as_of"]: r[name] for r in rows if r[name] is not None} for name in names}


def quintile(feature: str, highest_is_best: bool, limits: Limits) -> Column:
    """A code 1..5: one more than the limits that the feature's value exceeds, counted down where the least is best.

    A value on a limit belongs to the lower group, so ties share a code and groups may differ in size. Null where the
    feature is. Source: Hughes (1994), Strategic Database Marketing.
    """
    value, code = F.col(feature).cast("double"), F.lit(None).cast("int")
    for as_of, of in limits.get(feature, {}).items():
        group = sum(((value > F.lit(limit)).cast("int") for limit in of), F.lit(1))
        of_date = group if highest_is_best else F.lit(len(QUINTILES) + 2) - group
        code = F.when(value.isNotNull() & (F.col("as_of") == F.lit(as_of)), of_date).otherwise(code)
    return code
