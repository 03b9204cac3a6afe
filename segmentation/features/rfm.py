"""Quintile codes: the classic recency, frequency and monetary scores, 5 is best."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

QUINTILES = (0.2, 0.4, 0.6, 0.8)


def quintile_codes(features: DataFrame, codes: dict[str, tuple[str, bool]]) -> DataFrame:
    """Adds a code 1..5 per feature. `codes`: new column → (feature, whether its highest values are best).

    Cut points are exact percentiles (linear interpolation) of an as-of date's customers with a value; a value on a
    cut belongs to the lower group, so ties share a code and groups may differ in size. Null where the feature is.
    Source: Hughes (1994), Strategic Database Marketing.
    """
    if not codes:
        return features
    sources = sorted({feature for feature, _ in codes.values()})
    points = ", ".join(map(str, QUINTILES))
    cuts = features.groupBy("as_of").agg(
        *(F.expr(f"percentile(cast(`{s}` AS double), array({points}))").alias(f"cuts of {s}") for s in sources)
    )
    columns = {}
    for name, (feature, highest_is_best) in codes.items():
        value = F.col(feature).cast("double")
        above = [(value > F.col(f"cuts of {feature}")[i]).cast("int") for i in range(len(QUINTILES))]
        group = sum(above, F.lit(1))
        columns[name] = F.when(value.isNotNull(), group if highest_is_best else F.lit(6) - group)
    return features.join(F.broadcast(cuts), on="as_of", how="left").withColumns(columns)
