"""From inputs cut off before the as-of date to one row of features per known customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from segmentation.core.customers import HASH, gathered
from segmentation.features.affinity import category_prices
from segmentation.features.engagement import answer_days, contact_days
from segmentation.features.feature import Feature
from segmentation.features.kernel import Request, measure
from segmentation.features.past import DAY, ORDER_DAYS
from segmentation.features.registry import Registry
from segmentation.features.rfm import Limits, quintile, quintile_limits
from segmentation.features.states import ATTRIBUTE_COLUMNS
from segmentation.staging.mapping import UNDATED
from segmentation.tiles import CUSTOMER_DAY, cover, price_tiles
from segmentation.tiles.build import KEYS, updates, whole_lines

PRICED = ("item_amount", "expected_item_amount")
KEY = ("as_of", "customer_id")


@dataclass(frozen=True)
class Tiles:
    """Stored tiles."""

    days: DataFrame
    months: DataFrame
    prices: DataFrame

    def before(self, as_ofs: Sequence[dt.date]) -> DataFrame:
        """The fewest tiles that make up every window."""
        return cover(self.days, self.months, as_ofs)

    def of(self, customers: DataFrame) -> Tiles:
        """Those of some customers; a category's prices are still what everybody paid."""
        days, months = (t.join(customers, "customer_id", "left_semi") for t in (self.days, self.months))
        return replace(self, days=days, months=months)


@dataclass(frozen=True)
class Lines:
    """Staged lines themselves; their tiles are made on the way and stored nowhere."""

    lines: DataFrame

    @property
    def prices(self) -> DataFrame:
        """Which prices were paid."""
        return price_tiles(self.lines)

    def before(self, as_ofs: Sequence[dt.date]) -> DataFrame:
        """The lines before the last of `as_ofs`."""
        return whole_lines(self.lines.where(F.col(DAY) < F.lit(max(as_ofs))))


@dataclass(frozen=True)
class Inputs:
    """The staged tables that features read, as stored, purchases as tiles or as they are."""

    purchases: Tiles | Lines
    customers: DataFrame
    interactions: DataFrame
    feedback: DataFrame

    def before(self, as_ofs: Sequence[dt.date]) -> DataFrame:
        """What is known before the last of `as_ofs`: rows of customers by day, each family's in columns of its own.

        A customer's attributes stand on the day from which they are valid.
        """
        past = F.col(DAY) < F.lit(max(as_ofs))
        described = self.customers.select(
            "customer_id", F.col("valid_from").alias(DAY), "valid_to", *ATTRIBUTE_COLUMNS,
            F.lit(True).alias("is_description"),
        )  # fmt: skip
        frames = (
            self.purchases.before(as_ofs), contact_days(self.interactions.where(past)),
            answer_days(self.feedback.where(past)), described.where(past),
        )  # fmt: skip
        return reduce(lambda above, below: above.unionByName(below, allowMissingColumns=True), frames)

    def introduce_anybody(self, as_of: dt.date) -> bool:
        """Whether a dated record makes somebody known before a date: an undated snapshot introduces nobody."""
        return not self.before([as_of]).where(F.col(DAY) > F.lit(UNDATED)).isEmpty()

    def of(self, customers: DataFrame) -> Inputs:
        """What tells of some customers: `customers` has a customer_id a row, each once."""
        assert isinstance(self.purchases, Tiles)  # prices paid by everybody are in tiles
        others = (
            t.join(customers, "customer_id", "left_semi") for t in (self.customers, self.interactions, self.feedback)
        )
        return Inputs(self.purchases.of(customers), *others)


def build_features(
    registry: Registry, inputs: Inputs, as_ofs: Sequence[dt.date], customers: DataFrame | None = None
) -> DataFrame:
    """One row per as-of date and customer known before it, one column a feature; without the run's columns.

    One pass over the tiles serves all dates; where there are quintiles, a narrow one before it finds their limits.
    `customers` (customer_id): the only ones to build features of, from tiles; limits are those of everybody all the
    same, and so is every value.
    Sums are whole numbers until the last division, so the result is the same under any partitioning.
    """
    sources = sorted({str(f.block.quintile_of) for f in registry.features if f.block.quintile_of and not f.off_because})
    if isinstance(inputs.purchases, Lines):  # there is no narrow pass: all is made of all
        assert customers is None
        wide = _measured(registry, inputs, as_ofs).persist()
        limits = quintile_limits(_with_features(registry.only(sources), wide, {}), sources) if sources else {}
        return _with_features(registry, wide, limits)
    limits = {}
    if sources:
        narrow = registry.only(sources)
        limits = quintile_limits(_with_features(narrow, _measured(narrow, inputs, as_ofs), {}), sources)
    wanted = inputs if customers is None else inputs.of(customers)
    return _with_features(registry, _measured(registry, wanted, as_ofs), limits)


def _measured(registry: Registry, inputs: Inputs, as_ofs: Sequence[dt.date]) -> DataFrame:
    """One row per as-of date and customer known before it: every state over every window that a feature reads."""
    states = sorted({s for f in registry.features for s in f.measured}, key=lambda s: s.column)
    priced = any(s.name in PRICED for s in states)
    prices = category_prices(inputs.purchases.prices, as_ofs) if priced else {}
    attributes = sorted({name for f in registry.features for name in f.reads & set(ATTRIBUTE_COLUMNS)})
    rows = inputs.before(as_ofs)
    request = Request(tuple(as_ofs), tuple(states), tuple(attributes), prices)
    if isinstance(inputs.purchases, Lines):
        schema = cast(StructType, StructType.fromDDL(CUSTOMER_DAY.ddl))
        request = replace(request, tiles=to_arrow_schema(schema))
        others = [c for c in request.columns if c not in CUSTOMER_DAY.names and c != ORDER_DAYS]
        rows = gathered(rows).select(HASH, *others, *KEYS, *updates())
    else:
        rows = gathered(rows.select("customer_id", DAY, *request.columns))
    return rows.mapInArrow(partial(measure, request=request), request.ddl)


def _with_features(registry: Registry, wide: DataFrame, limits: Limits) -> DataFrame:
    # Features in as few projections as their reading of each other allows: each is analysed anew by Spark.
    together: dict[str, Column] = {}
    for f in registry.features:
        if f.reads & together.keys():
            wide, together = wide.withColumns(together), {}
        of = f.block.quintile_of
        together[f.name] = _value(f) if of is None or f.off_because else quintile(of, f.block.highest_is_best, limits)
    return wide.withColumns(together).select(*KEY, *(F.col(f"`{f.name}`") for f in registry.features))


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
