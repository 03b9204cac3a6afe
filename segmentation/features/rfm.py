"""Quintile codes: the classic recency, frequency and monetary scores, 5 is best."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

QUINTILES = (0.2, 0.4, 0.6, 0.8)


def quintile_codes(features: DataFrame, codes: dict[str, tuple[str, bool]]) -> DataFrame:
    """Adds a code 1..5 per feature. `codes`: new column → (feature, whether its highest values are best).

    Cut points are exact percentiles (linear interpolation) of the customers with a value; a value on a cut
    belongs to the lower group, so ties share a code and groups may differ in size. Null where the feature is.
    Source: Hughes (1994), Strategic Database Marketing.
    """
    if not codes:
        return features
    sources = sorted({feature for feature, _ in codes.values()})
    cuts = features.agg(
        *(
            F.expr(f"percentile(cast(`{s}` AS double), array({', '.join(map(str, QUINTILES))}))").alias(s)
            for s in sources
        )
    ).first()
    assert cuts is not None  # an aggregate without groups has one row
    columns = {}
    for name, (feature, highest_is_best) in codes.items():
        value = F.col(feature).cast("double")
        group = F.lit(1)
        for cut in cuts[feature] or []:
            group = group + (value > F.lit(cut)).cast("int")
        code = group if highest_is_best else F.lit(6) - group
        columns[name] = F.when(value.isNotNull(), code)
    return features.withColumns(columns)
