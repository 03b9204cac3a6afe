"""Receipt lines, returns and products.

Twelve successive lines are a block of one segment; a block falls into orders, an order has a customer and a day.
All of that follows from the line's number, so no line needs another.
"""

from __future__ import annotations

import math

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import cents, numbers, texts
from segmentation.datasets.synthetic.lives import with_holder, with_life
from segmentation.datasets.synthetic.people import TOWNS, town
from segmentation.datasets.synthetic.profiles import (
    BASKETS,
    BLOCK,
    CATEGORIES,
    FUEL,
    ORDERED_BASKETS,
    OWN_BRANDS,
    PRODUCTS_PER_CATEGORY,
    PROFILES,
    of_profile,
    weighted,
)
from segmentation.datasets.synthetic.retailer import WEEKS, Retailer

LINE_COLUMNS = (
    "receipt_no", "position", "customer_no", "sold_at", "sku", "product_group", "quantity", "list_price",
    "discount_percent", "net_amount", "coupon_value", "unit_cost", "currency_code", "sales_channel", "store_no",
    "payment", "document", "original_receipt_no",
)  # fmt: skip
DISCOUNTS = (5, 10, 10, 15, 20, 20, 25, 30, 40, 50)
STORES_PER_TOWN = 5
DRY_FOOD = [c.name for c in CATEGORIES].index("Dry Food")
WEEKDAYS = (12, 11, 12, 14, 20, 24, 7)
PRICES = tuple(
    round(c.price * (0.55 + 0.9 * rank / (PRODUCTS_PER_CATEGORY - 1)), 2)
    for c in CATEGORIES
    for rank in range(PRODUCTS_PER_CATEGORY)
)
"""Shelf prices by product: 0.55 to 1.45 times the category's."""


SEASON = {29: 0.8, 30: 0.75, 31: 0.75, 32: 0.8, 46: 1.2, 47: 1.35, 48: 1.6, 49: 1.8, 50: 1.9, 51: 0.7}
"""Orders of a week of the year, against an ordinary one: fewer in July and August, a peak before Christmas."""


def sales(spark: SparkSession, r: Retailer) -> tuple[DataFrame, DataFrame]:
    """Lines bought and lines returned, as recorded under the scenario; `row` numbers each. Money is in EUR."""
    bought = _bought(spark, r)
    return tuple(r.scenario.sold(lines).select("row", *LINE_COLUMNS) for lines in (bought, _returned(r, bought)))  # type: ignore[return-value]


def products(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per product: 20 in each category, the cheapest of the retailer's own brand."""
    rank = (F.col("product") % PRODUCTS_PER_CATEGORY).cast("int")
    category = F.expr(f"product div {PRODUCTS_PER_CATEGORY}").cast("int")
    is_own = (rank < OWN_BRANDS) & (category != FUEL)
    return r.ids(spark, len(PRICES), "product").select(
        F.col("product").alias("row"),
        _sku().alias("sku"),
        F.get(texts([c.name for c in CATEGORIES]), category).alias("product_group"),
        F.get(texts([c.section for c in CATEGORIES]), category).alias("section"),
        F.when(is_own, "OUR BEST").otherwise(F.concat(F.lit("Maker "), rank)).alias("maker"),
        F.when(is_own, "Y").otherwise("N").alias("own_brand"),
    )


def _bought(spark: SparkSession, r: Retailer) -> DataFrame:
    lines = _with_customer(r, _with_time(r, _with_order(r, r.ids(spark, r.lines, "line"))))
    goods = _with_goods(r, _apart(r, lines).withColumn("kind", r.behaves()))
    return _with_receipt(r, _apart(r, goods))


def _apart(r: Retailer, lines: DataFrame) -> DataFrame:
    """The same rows, computed by a piece of code of their own.

    Spark makes one Java method of successive projections, and Java leaves methods beyond 8,000 bytes uncompiled.
    """
    return lines.coalesce(r.tasks(r.lines))


def _with_order(r: Retailer, lines: DataFrame) -> DataFrame:
    """Adds block, whale, segment, order and position (the line within the order, from 1)."""
    d = r.draws
    lines = lines.withColumns({"block": F.expr(f"line div {BLOCK}"), "place": (F.col("line") % BLOCK).cast("int")})
    share = [p.customers * p.activity for p in PROFILES]
    lines = lines.withColumn("whale", d.chance(r.whale_share, "whale", "block"))
    drawn = d.pick([s // math.gcd(*share) for s in share], "segment", "block")
    lines = lines.withColumn("segment", F.when(F.col("whale"), 0).otherwise(drawn))
    ways = [way for basket in ORDERED_BASKETS for way in BASKETS[basket]]
    orders = [order for way in ways for order, size in enumerate(way) for _ in range(size)]
    positions = [position for way in ways for size in way for position in range(1, size + 1)]
    of_size = of_profile("segment", lambda p: 3 * ORDERED_BASKETS.index(p.basket))
    at = (of_size + d.below(3, "way", "block")) * BLOCK + F.col("place")
    lines = lines.withColumn("at", at)
    return lines.withColumns(
        {"order": F.col("block") * BLOCK + F.get(numbers(orders), F.col("at")),
         "position": F.get(numbers(positions), F.col("at"))}
    )  # fmt: skip


def _with_customer(r: Retailer, lines: DataFrame) -> DataFrame:
    """Adds customer and what with_life says of it.

    A share u of the segment's orders belongs to the first 0.1 u + 0.9 u⁴ of its places: a fifth of them place nearly
    two thirds, the busiest ten times the mean, as in Pareto's law but with a bound, so that no customer but the whale,
    the first of all, grows with the data.
    """
    u = F.when(F.col("whale"), 0.0).otherwise(r.draws.uniform("customer", "order"))
    lines = lines.withColumn("u", u).withColumn("u", F.expr("0.1D * u + 0.9D * u * u * u * u"))
    return with_life(r, with_holder(r, lines, "u"))


def _with_time(r: Retailer, lines: DataFrame) -> DataFrame:
    """Adds day and day_date."""
    d, weeks = r.draws, [round(20 * SEASON.get(week, 1.0)) for week in range(WEEKS)]
    day = d.pick(weeks * r.years, "week", "order") * 7 + d.pick(WEEKDAYS, "weekday", "order")
    return lines.withColumn("day", day).withColumn("day_date", r.date_of("day"))


def _with_goods(r: Retailer, lines: DataFrame) -> DataFrame:
    """Adds what was bought at which price, from kind; fuel is sold at stations only, by the litre."""
    d = r.draws
    drawn = weighted("kind", lambda p: p.categories, d.below(100, "category", "line"))
    rank = F.floor(
        F.pow(d.uniform("product", "line"), of_profile("kind", lambda p: p.dearness)) * PRODUCTS_PER_CATEGORY
    ).cast("int")
    lines = lines.withColumns(
        {"online": d.chance(of_profile("kind", lambda p: p.online), "online", "order"), "drawn": drawn, "rank": rank}
    )
    category = F.when(F.col("online") & (F.col("drawn") == FUEL), DRY_FOOD).otherwise(F.col("drawn"))
    lines = lines.withColumn("category", category)
    u = d.uniform("quantity", "line")
    is_discounted = d.chance(of_profile("kind", lambda p: p.discounted), "discounted", "line")
    percent = F.get(numbers(DISCOUNTS), d.below(len(DISCOUNTS), "percent", "line"))
    lines = lines.withColumns(
        {
            "product": F.col("category") * PRODUCTS_PER_CATEGORY + F.col("rank"),
            "quantity": F.when(F.col("category") == FUEL, 15 + F.floor(u * 40)).otherwise(1 + F.floor(u * u * 4)),
            "discount_percent": F.when(is_discounted, percent).otherwise(0).cast("double"),
        }
    ).withColumns(
        {
            "quantity": F.col("quantity").cast("double"),
            "list_price": F.get(numbers(PRICES), F.col("product")),
        }
    )  # fmt: skip
    lines = lines.withColumn(
        "net_amount", cents(F.col("list_price") * F.col("quantity") * (1 - F.col("discount_percent") / 100))
    )
    has_coupon = d.chance(of_profile("kind", lambda p: p.coupons), "coupon", "line")
    return lines.withColumns(
        {
            "coupon_value": F.when(has_coupon, cents(F.col("net_amount") * 0.1)).otherwise(0.0),
            "unit_cost": cents(F.col("list_price") * (0.4 + 0.15 * d.uniform("cost", "line"))),
        }
    )


def _with_receipt(r: Retailer, lines: DataFrame) -> DataFrame:
    """Adds what the till prints, and `row`."""
    d = r.draws
    evening = d.chance(of_profile("kind", lambda p: p.evening), "evening", "order")
    u = d.uniform("second", "order")
    second = F.floor(F.when(evening, 18 * 3600 + u * 4 * 3600).otherwise(7 * 3600 + u * 11 * 3600))
    at_home = d.chance(0.8, "at home", "order")
    store = F.when(at_home, d.below(STORES_PER_TOWN, "home store", "customer")).otherwise(
        d.below(STORES_PER_TOWN, "other store", "order")
    )
    town_stores = numbers([100 + 10 * t for t in range(len(TOWNS))])
    number = F.get(town_stores, town(r, F.col("day"))) + store
    by_card = d.chance(of_profile("kind", lambda p: p.card), "payment", "order")
    channel = F.when(d.chance(0.4, "app", "order"), "APP").otherwise("WEB")
    return lines.withColumns(
        {
            "row": F.col("line"),
            "receipt_no": F.concat(F.lit("B"), F.col("order").cast("string")),
            "customer_no": r.number(),
            "sold_at": r.clock("day", second),
            "sku": _sku(),
            "product_group": F.get(texts([c.name for c in CATEGORIES]), F.col("category")),
            "currency_code": F.lit("EUR"),
            "sales_channel": F.when(F.col("online"), channel).otherwise("STORE"),
            "store_no": F.when(~F.col("online"), F.concat(F.lit("F"), number.cast("string"))),
            "payment": F.when(by_card, "CARD").when(F.col("online"), "INVOICE").otherwise("CASH"),
            "document": F.lit("SALE"),
            "original_receipt_no": F.lit(None).cast("string"),
        }
    )


def _returned(r: Retailer, bought: DataFrame) -> DataFrame:
    """One row per line taken back, 2 to 21 days later, with a receipt of its own that names the first one.

    Whoever has left in the meantime brings back what was bought before.
    """
    d = r.draws
    taken_back = d.chance(of_profile("kind", lambda p: p.returned), "returned", "line") & (F.col("category") != FUEL)
    back = bought.where(taken_back).withColumn("day", F.col("day") + 2 + d.below(20, "returned after", "line"))
    return back.where(F.col("day") < r.days).withColumns(
        {
            "day_date": r.date_of("day"),
            "original_receipt_no": F.col("receipt_no"),
            "receipt_no": F.concat(F.lit("R"), F.col("line").cast("string")),
            "position": F.lit(1),
            "sold_at": r.clock("day", 9 * 3600 + d.below(9 * 3600, "returned at", "line")),
            "document": F.lit("RETURN"),
            **{c: -F.col(c) for c in ("quantity", "net_amount", "coupon_value")},
        }
    )


def _sku() -> Column:
    return F.concat(F.lit("4"), F.lpad(F.col("product").cast("string"), 7, "0"))
