"""What accepted rows are like: how fresh, and how their amounts and quantities are distributed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.schemas import MONEY, Table
from segmentation.staging.clean import Cleaned
from segmentation.staging.mapping import input_name

MEASURES = (MONEY, "decimal(18,3)")
"""The types of amounts and of quantities; a unit price is neither."""
PERCENTILES = {"minimum": 0.0, "percentile_5": 0.05, "percentile_25": 0.25, "median": 0.5, "percentile_75": 0.75,
               "percentile_95": 0.95, "maximum": 1.0}  # fmt: skip
UNIX = dt.date(1970, 1, 1)
Facts = list[tuple[str, str, str, float]]


def summaries(cleaned: Cleaned, received_on: dt.date, empty: Iterable[str] = ()) -> Facts:
    """(input, check, subject, value): days since the newest event, and each measure's percentiles and mean.

    `empty`: columns without any value. Percentiles are exact, and between two values in the middle of them; sums are
    decimal: the same figures under any partitioning.
    """
    name, table = input_name(cleaned.table), cleaned.table
    columns = [c for c in measures(table) if c not in set(empty)]
    parts = [_one(cleaned, c) for c in columns] + [_newest(cleaned, day) for day in filter(None, [table.date_column])]
    if not parts:
        return []
    found = {r["subject"]: r for r in reduce(DataFrame.union, parts).collect()}  # one job for all
    facts: Facts = []
    if table.date_column is not None:
        newest = UNIX + dt.timedelta(days=found[table.date_column]["n"])
        facts.append((name, "days_since_newest", table.date_column, float((received_on - newest).days)))
    for c in columns:
        facts += [(name, check, c, float(found[c]["values"][i])) for i, check in enumerate(PERCENTILES)]
        facts.append((name, "mean", c, float(found[c]["total"] / found[c]["n"])))
    return facts


def measures(table: Table) -> list[str]:
    """The columns that hold amounts or quantities."""
    return [c.name for c in table.columns if c.type in MEASURES]


def _one(cleaned: Cleaned, column: str) -> DataFrame:
    # Few values are many rows': counted once each, the percentiles are those of a small table.
    counted = cleaned.accepted.where(F.col(column).isNotNull()).groupBy(column).agg(F.count("*").alias("n"))
    return counted.agg(
        F.lit(column).alias("subject"),
        F.percentile(column, F.array(*(F.lit(p) for p in PERCENTILES.values())), F.col("n")).alias("values"),
        F.sum(F.col(column).cast("decimal(21,3)") * F.col("n")).cast("decimal(38,3)").alias("total"),
        F.sum("n").alias("n"),
    )


def _newest(cleaned: Cleaned, column: str) -> DataFrame:
    """In the shape of the others; `n` is the day as a number."""
    return cleaned.accepted.agg(
        F.lit(column).alias("subject"),
        F.lit(None).cast("array<double>").alias("values"),
        F.lit(None).cast("decimal(38,3)").alias("total"),
        F.unix_date(F.max(column)).cast("bigint").alias("n"),
    )
