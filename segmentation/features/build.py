"""From inputs cut off before the as-of date to one row of features per known customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.features.affinity import category_prices
from segmentation.features.engagement import answer_days, contact_days
from segmentation.features.kernel import Request, measure
from segmentation.features.past import DAY
from segmentation.features.registry import Feature, Registry
from segmentation.features.rfm import quintile_codes
from segmentation.features.states import ATTRIBUTE_COLUMNS, STATES
from segmentation.staging.mapping import UNDATED
from segmentation.tiles import cover

PRICED = ("item_amount", "expected_item_amount")
KEY = ["as_of", "customer_id"]


@dataclass(frozen=True)
class Inputs:
    """The tiles and staged tables that features read, as stored."""

    days: DataFrame
    months: DataFrame
    prices: DataFrame
    customers: DataFrame
    interactions: DataFrame
    feedback: DataFrame

    def before(self, as_ofs: Sequence[dt.date]) -> DataFrame:
        """What is known before the last of `as_ofs`: rows of customers by day, each family's in columns of its own.

        An undated snapshot describes, it introduces nobody; a dated record makes a customer known.
        """
        past = F.col(DAY) < F.lit(max(as_ofs))
        dated = self.customers.select("customer_id", F.col("valid_from").alias(DAY)).where(F.col(DAY) > F.lit(UNDATED))
        frames = (
            cover(self.days, self.months, as_ofs), contact_days(self.interactions.where(past)),
            answer_days(self.feedback.where(past)), dated.where(past),
        )  # fmt: skip
        return reduce(lambda above, below: above.unionByName(below, allowMissingColumns=True), frames)


def build_features(registry: Registry, inputs: Inputs, as_ofs: Sequence[dt.date]) -> DataFrame:
    """One row per as-of date and customer known before it, one column a feature; without the run's columns.

    One pass over the tiles serves all dates. Sums are whole numbers until the last division, so the result is the
    same under any partitioning.
    """
    states = sorted({s for f in registry.features for s in f.measured}, key=lambda s: s.column)
    priced = any(s.name in PRICED for s in states)
    prices = category_prices(inputs.prices, as_ofs) if priced else {}
    request = Request(tuple(as_ofs), tuple(states), prices)
    rows = (
        inputs.before(as_ofs).select("customer_id", DAY, *request.columns)
        .repartition("customer_id").sortWithinPartitions("customer_id", DAY)
    )  # fmt: skip
    wide = rows.mapInArrow(lambda batches: measure(batches, request), request.ddl)
    if any(STATES[name].windowed is False for f in registry.features for name in f.reads & STATES.keys()):
        wide = wide.join(_attributes(inputs.customers, as_ofs), on=KEY, how="left")
    return _finish(registry, wide)


def _attributes(customers: DataFrame, as_ofs: Sequence[dt.date]) -> DataFrame:
    """One row per as-of date and customer: the attributes then valid; of overlapping rows the one that began last."""
    begun, over = F.col("valid_from") < F.col("as_of"), F.col("valid_to") < F.col("as_of")
    row = F.max_by(F.struct(*ATTRIBUTE_COLUMNS), "valid_from").alias("row")
    dated = customers.withColumn("as_of", F.explode(F.array(*(F.lit(day) for day in as_ofs))))
    return dated.where(begun & F.coalesce(~over, F.lit(True))).groupBy(*KEY).agg(row).select(*KEY, "row.*")


def _finish(registry: Registry, wide: DataFrame) -> DataFrame:
    """Adds the features of features in the order of declaration; a later one may read an earlier one."""
    codes = {f.name: f for f in registry.features if f.block.quintile_of is not None and not f.off_because}
    single = [f for f in registry.features if f.window is None and f.block.quintile_of is None]
    after = set(codes)
    for f in single:
        after |= {f.name} if f.reads & after else set()
    wide = _with(wide, [f for f in single if f.name not in after])
    if codes:
        # The cut points need a pass of their own; without this the whole plan would run twice.
        wide = wide.persist()
        wide = quintile_codes(wide, {n: (str(f.block.quintile_of), f.block.highest_is_best) for n, f in codes.items()})
    wide = _with(wide, [f for f in single if f.name in after])
    missing = {
        f.name: F.lit(None).cast(f.sql_type).alias(f.name) for f in registry.features if f.name not in wide.columns
    }
    return wide.select(*KEY, *(missing.get(f.name, F.col(f"`{f.name}`")) for f in registry.features))


def _with(wide: DataFrame, features: list[Feature]) -> DataFrame:
    """Adds features in as few projections as their reading of each other allows: each is analysed anew by Spark."""
    together: dict[str, Column] = {}
    for f in features:
        if f.reads & together.keys():
            wide, together = wide.withColumns(together), {}
        together[f.name] = _value(f)
    return wide.withColumns(together)


def _value(f: Feature) -> Column:
    if f.off_because:
        return F.lit(None).cast(f.sql_type)
    value = F.expr(f.sql_over_measured())
    if f.block.missing is not None:
        value = F.coalesce(value, F.lit(f.block.missing))
    if f.block.unit == "money":
        # 654.03 / 26 is 25.155 and as a double 25.15499…: without this it would lose its cent.
        value = F.round(value, 6)
    return value.cast(f.sql_type)
