"""From inputs cut off before the as-of date to one row of features per known customer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.periods import LIFETIME, WINDOWS
from segmentation.features.affinity import affinity_states
from segmentation.features.cadence import cadence_states
from segmentation.features.engagement import engagement_states, feedback_states
from segmentation.features.purchases import purchase_states
from segmentation.features.registry import Feature, Registry
from segmentation.features.rfm import quintile_codes
from segmentation.features.states import ATTRIBUTE_COLUMNS, STATES
from segmentation.features.variety import variety_states
from segmentation.staging.mapping import UNDATED
from segmentation.tiles import cover

KEY = ["customer_id", "window"]


@dataclass(frozen=True)
class Past:
    """What had happened before an as-of date: the same tables without the future, and tiles that cover it."""

    tiles: DataFrame
    products: DataFrame
    prices: DataFrame
    customers: DataFrame
    interactions: DataFrame
    feedback: DataFrame


@dataclass(frozen=True)
class Inputs:
    """The tiles and staged tables that features read, as stored."""

    days: DataFrame
    months: DataFrame
    products: DataFrame
    prices: DataFrame
    customers: DataFrame
    interactions: DataFrame
    feedback: DataFrame

    def before(self, as_of: dt.date) -> Past:
        """The only place where the future is cut off: events before the as-of date, customers as then valid."""
        past = F.col("event_date") < F.lit(as_of)
        valid = (F.col("valid_from") < F.lit(as_of)) & (
            F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(as_of))
        )
        bought = F.filter("days", lambda day: day < F.lit(as_of)).alias("days")
        return Past(
            cover(self.days, self.months, as_of),
            self.products.select("customer_id", "product_id", bought).where(F.size("days") > 0),
            self.prices.where(past), self.customers.where(valid),
            self.interactions.where(past), self.feedback.where(past),
        )  # fmt: skip


def known_customers(past: Past) -> DataFrame:
    """One row per customer of whom a dated record exists. An undated snapshot describes, it introduces nobody."""
    dated = past.customers.where(F.col("valid_from") > F.lit(UNDATED))
    frames = (past.tiles, past.interactions, past.feedback, dated)
    return reduce(DataFrame.union, (f.select("customer_id") for f in frames)).distinct()


def build_features(registry: Registry, inputs: Inputs, as_of: dt.date) -> DataFrame:
    """One row per customer known before `as_of`, one column a feature; without the run's columns.

    Sums are exact (decimal, long) until the last division, so the result is the same under any partitioning.
    """
    past = inputs.before(as_of)
    states = [
        purchase_states(past.tiles, as_of), cadence_states(past.tiles, as_of),
        affinity_states(past.tiles, past.prices, as_of), variety_states(past.products, as_of),
        engagement_states(past.interactions, as_of), feedback_states(past.feedback, as_of),
    ]  # fmt: skip
    known = known_customers(past)
    windows = F.explode(F.array(*(F.lit(w.name) for w in WINDOWS))).alias("window")
    long = reduce(
        lambda left, right: left.join(right, on=KEY, how="left"), states, known.select("customer_id", windows)
    )
    windowed_states = [s for s in STATES.values() if s.windowed]
    long = long.select(*KEY, *(_filled(s.name, s.empty).alias(s.name) for s in windowed_states))
    wide = _widen(registry, long).join(_attributes(past.customers), on="customer_id", how="left")
    return _finish(registry, wide)


def _filled(name: str, empty: int | None) -> Column:
    """A state as double (maps as they are), with its value for a customer without events."""
    if name == "net_by_department":
        return F.col(name)
    value = F.col(name).cast("double")
    return value if empty is None else F.coalesce(value, F.lit(float(empty)))


def _widen(registry: Registry, long: DataFrame) -> DataFrame:
    """One row per customer: every windowed feature, and the states of the whole history under their own names."""
    windowed = [f for f in registry.features if f.window is not None]
    by_base = {f.base: f for f in windowed}
    values = [_value(f).alias(base) for base, f in by_base.items()]
    states = [c for c in long.columns if c not in KEY]
    # One struct a window, turned into columns after one grouping: no aggregate a feature and window.
    both = F.struct(F.struct(*values).alias("features"), F.struct(*states).alias("states"))
    per_customer = long.groupBy("customer_id").agg(
        F.map_from_entries(F.collect_list(F.struct(F.col("window"), both.alias("both")))).alias("at")
    )
    columns = [F.col("at")[f.window.name]["features"][f.base].alias(f.name) for f in windowed if f.window]
    lifetime = [F.col("at")[LIFETIME.name]["states"][s].alias(s) for s in states]
    return per_customer.select("customer_id", *columns, *lifetime)


def _attributes(customers: DataFrame) -> DataFrame:
    """One row per customer: the attributes then valid; of overlapping rows the one that began last."""
    row = F.max_by(F.struct(*ATTRIBUTE_COLUMNS), "valid_from").alias("row")
    return customers.groupBy("customer_id").agg(row).select("customer_id", "row.*")


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
    return wide.select("customer_id", *(missing.get(f.name, F.col(f"`{f.name}`")) for f in registry.features))


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
    value = F.expr(f.sql)
    if f.block.missing is not None:
        value = F.coalesce(value, F.lit(f.block.missing))
    if f.block.unit == "money":
        # 654.03 / 26 is 25.155 and as a double 25.15499…: without this it would lose its cent.
        value = F.round(value, 6)
    return value.cast(f.sql_type)
