"""The states of a customer's day. The state of several days is the merge of theirs: sums add, also by key."""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.core.schemas import Column, Table

MONEY = 100
UNITS = 1000
COUNT = 1
"""Sums are whole numbers, exact in any order: money in hundredths of the currency, units in thousandths, counts."""
UNIT_OF = {MONEY: "; in hundredths of the currency", UNITS: "; in thousandths", COUNT: ""}


@dataclass(frozen=True)
class Sum:
    """An additive state: over the lines of an order (`lines`), or over the orders of a day (`orders`)."""

    name: str
    scale: int
    level: str
    update: str
    """SQL of one line's (or order's) contribution, null counting as nothing."""
    needs: frozenset[str]
    """The staged columns it is made of; where a source lacks one, features made of it switch off."""
    comment: str
    least: str | None = None
    """Of an order's lines, `update` is read on the one with the least value of this column; None: on any."""


def _sum(name: str, scale: int, level: str, update: str, needs: str, comment: str, least: str | None = None) -> Sum:
    return Sum(name, scale, level, update, frozenset(f"transactions.{n}" for n in needs.split()), comment, least)


IS_ITEM = "unit_of_measure = 'item'"
BOUGHT = "NOT is_return"

# An order is counted on each day on which it has lines; states forget which orders they were.
SUMS: tuple[Sum, ...] = (
    _sum("net_amount", MONEY, "lines", "net_amount", "net_amount", "Revenue net of discounts and returns"),
    _sum("gross_amount", MONEY, "lines", f"CASE WHEN {BOUGHT} THEN net_amount + discount_amount END",
         "net_amount discount_amount", "Shelf price of what was bought"),
    _sum("discount_amount", MONEY, "lines", f"CASE WHEN {BOUGHT} THEN discount_amount END", "discount_amount",
         "Reductions from the shelf price that the retailer bears"),
    _sum("coupon_amount", MONEY, "lines", f"CASE WHEN {BOUGHT} THEN coupon_amount END", "coupon_amount",
         "Coupons, the manufacturers' too"),
    _sum("returned_amount", MONEY, "lines", "CASE WHEN is_return THEN abs(net_amount) END", "is_return",
         "Value of goods taken back, ≥ 0"),
    _sum("bought_amount", MONEY, "lines", f"CASE WHEN {BOUGHT} THEN net_amount END", "net_amount",
         "Revenue before returns"),
    _sum("cost_amount", MONEY, "lines", "cost_amount", "cost_amount", "Cost of goods, where known"),
    _sum("costed_amount", MONEY, "lines", "CASE WHEN cost_amount IS NOT NULL THEN net_amount END", "cost_amount",
         "Revenue of the lines whose cost is known"),
    _sum("private_label_amount", MONEY, "lines", f"CASE WHEN is_private_label AND {BOUGHT} THEN net_amount END",
         "is_private_label", "Revenue of the retailer's own brands"),
    _sum("branded_amount", MONEY, "lines",
         f"CASE WHEN is_private_label IS NOT NULL AND {BOUGHT} THEN net_amount END", "is_private_label",
         "Revenue of lines whose brand is known"),
    _sum("items", UNITS, "lines", f"CASE WHEN {IS_ITEM} THEN quantity END", "quantity",
         "Items, returns subtracted; what is not sold by the item is left out"),
    _sum("lines", COUNT, "lines", f"CASE WHEN {BOUGHT} THEN 1L END", "transaction_id", "Receipt lines bought"),
    _sum("discounted_lines", COUNT, "lines", f"CASE WHEN discount_amount > 0 AND {BOUGHT} THEN 1L END",
         "discount_amount", "Lines below the shelf price"),
    _sum("coupon_lines", COUNT, "lines", f"CASE WHEN coupon_amount > 0 AND {BOUGHT} THEN 1L END", "coupon_amount",
         "Lines with a coupon"),
    _sum("orders", COUNT, "orders", "1L", "order_id", "Orders with something bought"),
    _sum("weekend_orders", COUNT, "orders", "CASE WHEN weekday(event_date) >= 5 THEN 1L END", "event_date",
         "Orders on Saturday or Sunday"),
    _sum("evening_orders", COUNT, "orders", "CASE WHEN local_hour >= 18 THEN 1L END", "local_hour",
         "Orders from 18:00 on, local time", least="local_hour"),
    _sum("season_orders", COUNT, "orders", "CASE WHEN month(event_date) >= 11 THEN 1L END", "event_date",
         "Orders in November or December"),
    _sum("channel_orders", COUNT, "orders", "CASE WHEN channel IS NOT NULL THEN 1L END", "channel",
         "Orders whose channel is known", least="channel"),
    _sum("online_orders", COUNT, "orders", "CASE WHEN channel = 'online' THEN 1L END", "channel", "Orders online",
         least="channel"),
    _sum("store_orders", COUNT, "orders", "CASE WHEN channel = 'store' THEN 1L END", "channel", "Orders in stores",
         least="channel"),
    _sum("payment_orders", COUNT, "orders", "CASE WHEN payment_method IS NOT NULL THEN 1L END", "payment_method",
         "Orders whose payment is known", least="payment_method"),
    _sum("card_orders", COUNT, "orders", "CASE WHEN payment_method = 'card' THEN 1L END", "payment_method",
         "Orders paid by card", least="payment_method"),
)  # fmt: skip

OF_LINES = tuple(s for s in SUMS if s.level == "lines")
OF_ORDERS = tuple(s for s in SUMS if s.level == "orders")
BITS = (*(s.name for s in SUMS if s.scale == COUNT), "is_bought")
"""What is 0 or 1 of a line, in the order of the bits of a number that holds them all; see `tiles.build`."""
CATEGORY_SUMS = {"net_amount": "net_amount", "items": "bought_items", "item_amount": "item_amount"}
"""Sum of an entry → what it adds up, see `tiles.build`."""
RETURNED_SUMS = ("net_amount", "returned_amount", "cost_amount", "costed_amount", "items")
"""The sums that a line taken back has a part in."""

BY_STORE = "array<struct<key:string,value:bigint>>"
BY_CATEGORY = "array<struct<department:string,category:string,net_amount:bigint,items:bigint,item_amount:bigint>>"
RETURNED = (
    "array<struct<bought_on:date,department:string,category:string,"
    + ",".join(f"{name}:bigint" for name in RETURNED_SUMS)
    + ">>"
)

CUSTOMER = Column("customer_id", "string", "The customer")
DAY = Column("event_date", "date", "Calendar day in the source's time zone")
STATES = (
    *(Column(s.name, "bigint", s.comment + UNIT_OF[s.scale]) for s in SUMS),
    Column("orders_by_store", BY_STORE, "Orders by store; empty where no store is known"),
    Column("by_category", BY_CATEGORY,
           "By department and category: revenue net of returns, items bought, and the revenue of those items; "
           "in hundredths of the currency and in thousandths"),
    Column("products", "array<string>", "The different products bought"),
    Column("returned", RETURNED,
           "What was taken back of purchases of an earlier day (in a month: of an earlier month), by the day of the "
           "purchase; it is in the sums above, and a window that begins after the purchase leaves it out"),
)  # fmt: skip

MONTH = Column("month", "date", "First day of the calendar month")

CUSTOMER_DAY = Table(
    "customer_day",
    "one row per customer and day with purchases or returns",
    ("customer_id", "event_date"),
    (CUSTOMER, DAY, MONTH, *STATES),
    "state",
    parted_by=("month",),
)
CUSTOMER_MONTH = Table(
    "customer_month",
    "one row per customer and calendar month with purchases or returns: the merge of its days",
    ("customer_id", "month"),
    (
        CUSTOMER,
        MONTH,
        Column("order_days", "int", "Bitmap of the days with an order: bit d - 1 is day d of the month"),
        *STATES,
    ),
    "state",
    parted_by=("month",),
)
CATEGORY_PRICE = Table(
    "category_price",
    "one row per category, day and unit price of what is sold by the item",
    ("category", "event_date", "unit_price"),
    (
        Column("category", "string", "The category"),
        DAY,
        MONTH,
        Column("unit_price", "decimal(18,6)", "Price paid per item"),
        Column("lines", "bigint", "Receipt lines at that price; every line counts once, whatever its quantity"),
    ),
    "state",
    parted_by=("month",),
)
TILES = (CUSTOMER_DAY, CUSTOMER_MONTH, CATEGORY_PRICE)
