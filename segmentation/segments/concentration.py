"""How unevenly revenue is spread over customers, in as many rows as there are sizes of revenue."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

DIGITS = 3


def revenue_steps(customers: DataFrame, revenue: Column) -> DataFrame:
    """One row per step of revenue: `step` (its end nearest to 0, in hundredths), `customers`, `revenue` decimal(38,2).

    `customers`: one row each; `revenue` in whole hundredths, null for nothing. A step holds what agrees in sign,
    number of digits and the first three of them: some 900 steps per power of ten, however many customers there are.
    Sums over whole steps are exact, and within a step nobody has more than one per cent more than another.
    """
    cents = F.round(F.coalesce(revenue, F.lit(0)) * 100).cast("bigint")
    beyond = F.greatest(F.length(F.abs(cents).cast("string")) - DIGITS, F.lit(0))
    widths = customers.select(cents.alias("cents"), F.pow(F.lit(10), beyond).cast("bigint").alias("width"))
    steps = widths.select("cents", F.expr("cents div width * width").alias("step"))
    summed = steps.groupBy("step").agg(F.count("*").alias("customers"), F.sum(F.col("cents").cast("decimal(38,0)")))
    return summed.toDF("step", "customers", "hundredths").select(
        "step", "customers", (F.col("hundredths") / 100).cast("decimal(38,2)").alias("revenue")
    )
