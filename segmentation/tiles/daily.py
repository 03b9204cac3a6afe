"""Lines to day tiles, in two steps: lines to orders, orders to days."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.tiles.aggregates import BOUGHT, CUSTOMER_DAY, IS_ITEM, MONEY_SUM, SUMS, UNITS_SUM

DAY = ("customer_id", "event_date")


def daily_tiles(transactions: DataFrame) -> DataFrame:
    """One row per customer and day with purchases or returns; money in the reporting currency."""
    return (
        _order_sums(transactions)
        .join(_categories(transactions), on=list(DAY), how="left")
        .join(_departments(transactions), on=list(DAY), how="left")
        .join(_stores(transactions), on=list(DAY), how="left")
        .select(*CUSTOMER_DAY.names)
    )


def _order_sums(transactions: DataFrame) -> DataFrame:
    of_lines = [s for s in SUMS if s.level == "lines"]
    of_orders = [s for s in SUMS if s.level == "orders"]
    orders = transactions.groupBy(*DAY, "order_id").agg(
        *(F.sum(F.expr(s.update)).cast(s.type).alias(s.name) for s in of_lines),
        F.bool_or(F.expr(BOUGHT)).alias("has_purchase"),
        F.min("local_hour").alias("local_hour"),
        F.min("channel").alias("channel"),
        F.min("payment_method").alias("payment_method"),
    )
    counted = [F.sum(F.when(F.col("has_purchase"), F.expr(s.update))) for s in of_orders]
    return orders.groupBy(*DAY).agg(
        *(_zero(F.sum(s.name), s.type).alias(s.name) for s in of_lines),
        *(_zero(count, s.type).alias(s.name) for count, s in zip(counted, of_orders, strict=True)),
    )


def _categories(transactions: DataFrame) -> DataFrame:
    item = F.expr(f"{IS_ITEM} AND {BOUGHT} AND quantity > 0")
    by_category = transactions.where("category IS NOT NULL").groupBy(*DAY, "category").agg(
        F.sum("net_amount").cast(MONEY_SUM).alias("net_amount"),
        _zero(F.sum(F.when(item, F.col("quantity"))), UNITS_SUM).alias("items"),
        _zero(F.sum(F.when(item, F.col("net_amount"))), MONEY_SUM).alias("item_amount"),
    )  # fmt: skip
    return _as_map(by_category, "category", F.struct("net_amount", "items", "item_amount"), "by_category")


def _departments(transactions: DataFrame) -> DataFrame:
    net = F.sum("net_amount").cast(MONEY_SUM).alias("value")
    by_department = transactions.where("department IS NOT NULL").groupBy(*DAY, "department").agg(net)
    return _as_map(by_department, "department", F.col("value"), "net_by_department")


def _stores(transactions: DataFrame) -> DataFrame:
    orders = transactions.where(f"store_id IS NOT NULL AND {BOUGHT}").select(*DAY, "order_id", "store_id").distinct()
    return _as_map(
        orders.groupBy(*DAY, "store_id").agg(F.count("*").alias("value")),
        "store_id",
        F.col("value"),
        "orders_by_store",
    )


def _as_map(rows: DataFrame, key: str, value: Column, name: str) -> DataFrame:
    # Sorted, so that two runs write the same bytes whatever the shuffle did.
    entries = F.array_sort(F.collect_list(F.struct(F.col(key).alias("key"), value.alias("value"))))
    return rows.groupBy(*DAY).agg(F.map_from_entries(entries).alias(name))


def _zero(value: Column, type_: str) -> Column:
    return F.coalesce(value, F.lit(0)).cast(type_)
