"""Lines to day tiles: by order, by category, and by product; each grouped once more to days."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import BOUGHT, CUSTOMER_DAY, IS_ITEM, SUMS

DAY = ("customer_id", "event_date")
# Sums of wide decimals go through BigDecimal; cents and thousandths as whole numbers are exact too, and three times as
# fast. The names stay, so that the updates read the same.
WHOLE = {"net_amount": 100, "discount_amount": 100, "coupon_amount": 100, "cost_amount": 100, "quantity": 1000}


def daily_tiles(transactions: DataFrame, purchases: DataFrame) -> DataFrame:
    """One row per customer and day with purchases or returns; money in the reporting currency.

    `purchases`: see `product_days`, of these customers and days at least.
    """
    lines = transactions.withColumns({c: (F.col(c) * scale).cast("bigint") for c, scale in WHOLE.items()})
    days = _orders(lines)
    for part in (_categories(lines), _products(purchases)):
        days = days.join(part, on=list(DAY), how="left")
    return days.select(*CUSTOMER_DAY.names)


def product_days(transactions: DataFrame) -> DataFrame:
    """One row per customer, product and day bought, with the day `before` on which it was bought last, or null.

    Returns say nothing of what is known to the customer.
    """
    bought = transactions.where(f"{BOUGHT} AND product_id IS NOT NULL").select(*DAY, "product_id").distinct()
    earlier = Window.partitionBy("customer_id", "product_id").orderBy("event_date")
    return bought.withColumn("before", F.lag("event_date").over(earlier))


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
    return by_store.groupBy(*DAY).agg(
        *(_or_0(F.sum(s.name)).alias(s.name) for s in SUMS),
        F.array_sort(F.collect_list(store)).alias("orders_by_store"),
    )


def _categories(transactions: DataFrame) -> DataFrame:
    item = F.expr(f"{IS_ITEM} AND {BOUGHT} AND quantity > 0")
    known = F.col("category").isNotNull() | F.col("department").isNotNull()
    by_category = transactions.where(known).groupBy(*DAY, "department", "category").agg(
        F.sum("net_amount").alias("net_amount"),
        _or_0(F.sum(F.when(item, F.col("quantity")))).alias("items"),
        _or_0(F.sum(F.when(item, F.col("net_amount")))).alias("item_amount"),
    )  # fmt: skip
    # Sorted, so that two runs write the same bytes whatever the shuffle did.
    entries = F.array_sort(F.collect_list(F.struct("department", "category", "net_amount", "items", "item_amount")))
    return by_category.groupBy(*DAY).agg(entries.alias("by_category"))


def _products(purchases: DataFrame) -> DataFrame:
    # collect_list leaves nulls out, and a struct is none.
    entries = F.array_sort(F.collect_list(F.struct("before")))
    return purchases.groupBy(*DAY).agg(entries["before"].alias("bought_before"))


def _or_0(total: Column) -> Column:
    return F.coalesce(total, F.lit(0)).cast("bigint")
