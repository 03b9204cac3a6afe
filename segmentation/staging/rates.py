"""Amounts of other currencies in the source's own, at the rate of the line's day."""

from __future__ import annotations

import datetime as dt

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, ConfigError, first_line, nearest
from segmentation.core.schemas import Table
from segmentation.staging.mapping import Rates, Source

AMOUNTS = ("net_amount", "discount_amount", "coupon_amount", "cost_amount", "unit_price")
RATE = "decimal(19,12)"
"""The most digits with which an amount times a rate is exact in Spark's 38; a rupiah is worth 0.000057325 euros."""


def daily_rates(rates: Rates, raw: DataFrame, until: dt.date) -> DataFrame:
    """One row per currency and day from its first rate to before `until`: the rate of the latest date not after it.

    Columns currency, event_date and rate: what one unit is worth in the source's currency. Raises BadInputError for a
    missing column, a rate that is no number above 0, and two rates of one day; reads the table to tell.
    """
    for sql in sorted(rates.reads - set(raw.columns)):
        raise BadInputError(f'rates ({rates.files}): column "{sql}" is not there. {nearest(sql, raw.columns)}')
    types = {"currency": "string", "date": "date", "rate": RATE}
    try:
        read = raw.select(*(F.expr(sql).try_cast(types[c]).alias(c) for c, sql in rates.columns.items()))
    except AnalysisException as error:
        raise ConfigError(f"rates ({rates.files}): {first_line(error)}") from None
    bad = read.where("currency IS NULL OR date IS NULL OR rate IS NULL OR rate <= 0").first()
    if bad is not None:
        raise BadInputError(
            f"rates ({rates.files}): currency {bad['currency']}, date {bad['date']}, rate {bad['rate']}; expected a "
            "code, a day, and a number above 0 in every row."
        )
    twice = read.groupBy("currency", "date").count().where("count > 1").first()
    if twice is not None:
        raise BadInputError(
            f"rates ({rates.files}): {twice['currency']} has two rates of {twice['date']}; expected one."
        )
    later = F.lead("date").over(Window.partitionBy("currency").orderBy("date"))
    last = F.date_sub(F.coalesce(later, F.greatest(F.lit(until), F.date_add("date", 1))), 1)
    # A row for every day makes the join one of equal keys; 30 currencies over 10 years are 110,000 rows.
    spans = read.withColumn("last", last)
    return spans.select("currency", F.explode(F.sequence("date", "last")).alias("event_date"), "rate")


def convert(source: Source, table: Table, lines: DataFrame, rates: DataFrame) -> DataFrame:
    """The lines with all amounts in the source's currency, exactly: decimals, rounded once, halves away from zero.

    Money is rounded to the cent and a unit price to six decimals. A line without a rate keeps its currency, for
    which it is then refused.
    """
    own = F.col("currency") == source.currency
    joined = lines.join(rates, on=["currency", "event_date"], how="left")
    converted = {
        c: F.when(own | F.col("rate").isNull(), F.col(c)).otherwise(
            F.round(F.col(c) * F.col("rate"), 6 if c == "unit_price" else 2).try_cast(table.column(c).type)
        )
        for c in AMOUNTS
        if c in lines.columns
    }
    currency = F.when(F.col("rate").isNotNull(), F.lit(source.currency)).otherwise(F.col("currency"))
    return joined.withColumns({**converted, "currency": currency}).select(*lines.columns)
