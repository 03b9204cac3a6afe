"""Lines to day tiles: by order and store, and by category; each grouped once more to days."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import BOUGHT, CUSTOMER_DAY, IS_ITEM, MONEY_SUM, SUMS, UNITS_SUM

DAY = ("customer_id", "event_date")
# Sums of wide decimals go through BigDecimal; cents and thousandths as whole numbers are exact too, and three times as
# fast. The names stay, so that the updates read the same.
WHOLE = {"net_amount": 100, "discount_amount": 100, "coupon_amount": 100, "cost_amount": 100, "quantity": 1000}
SCALE = {MONEY_SUM: Decimal("0.01"), UNITS_SUM: Decimal("0.001")}


def daily_tiles(transactions: DataFrame) -> DataFrame:
    """One row per customer and day with purchases or returns; money in the reporting currency."""
    lines = transactions.withColumns({c: (F.col(c) * scale).cast("bigint") for c, scale in WHOLE.items()})
    return _orders(lines).join(_categories(lines), on=list(DAY), how="left").select(*CUSTOMER_DAY.names)


def _orders(transactions: DataFrame) -> DataFrame:
    """Every sum, and orders by store. An order's store, channel and hour are the least of its lines'."""
    of_lines = [s for s in SUMS if s.level == "lines"]
    of_orders = [s for s in SUMS if s.level == "orders"]
    orders = transactions.groupBy(*DAY, "order_id").agg(
        *(F.sum(F.expr(s.update)).alias(s.name) for s in of_lines),
        F.bool_or(F.expr(BOUGHT)).alias("has_purchase"),
        *(F.min(c).alias(c) for c in ("store_id", "local_hour", "channel", "payment_method")),
    )
    counted = [F.sum(F.when(F.col("has_purchase"), F.expr(s.update))) for s in of_orders]
    by_store = orders.groupBy(*DAY, "store_id").agg(
        *(F.sum(s.name).alias(s.name) for s in of_lines),
        *(count.alias(s.name) for count, s in zip(counted, of_orders, strict=True)),
    )
    store = F.when(
        F.col("store_id").isNotNull() & (F.col("orders") > 0),
        F.struct(F.col("store_id").alias("key"), F.col("orders").alias("value")),
    )
    stores = F.array_sort(F.collect_list(store))
    return by_store.groupBy(*DAY).agg(
        *(_total(F.sum(s.name), s.type).alias(s.name) for s in SUMS),
        F.when(F.size(stores) > 0, F.map_from_entries(stores)).alias("orders_by_store"),
    )


def _categories(transactions: DataFrame) -> DataFrame:
    item = F.expr(f"{IS_ITEM} AND {BOUGHT} AND quantity > 0")
    known = F.col("category").isNotNull() | F.col("department").isNotNull()
    by_category = transactions.where(known).groupBy(*DAY, "department", "category").agg(
        _total(F.sum("net_amount"), MONEY_SUM).alias("net_amount"),
        _total(F.sum(F.when(item, F.col("quantity"))), UNITS_SUM).alias("items"),
        _total(F.sum(F.when(item, F.col("net_amount"))), MONEY_SUM).alias("item_amount"),
    )  # fmt: skip
    # Sorted, so that two runs write the same bytes whatever the shuffle did.
    entries = F.array_sort(F.collect_list(F.struct("department", "category", "net_amount", "items", "item_amount")))
    return by_category.groupBy(*DAY).agg(entries.alias("by_category"))


def _total(whole: Column, type_: str) -> Column:
    """A sum in its declared type; nothing is 0."""
    value = F.coalesce(whole, F.lit(0))
    return (value.cast("decimal(20,0)") * F.lit(SCALE[type_])).cast(type_) if type_ in SCALE else value.cast(type_)
