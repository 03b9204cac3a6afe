"""Features of receipts, one function each: the records of a window come in, one value per customer goes out.

A customer without a value is left out or NaN; `features.py` says whether that means zero or null.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from tests.oracles.raw import Past

CENT = Decimal("0.01")


def per_customer(lines: pd.DataFrame, column: str) -> pd.Series:
    """The column added up, by customer."""
    return lines.groupby("customer")[column].sum()


def rows_per_customer(rows: pd.DataFrame) -> pd.Series:
    """How many rows each customer has."""
    return rows.groupby("customer").size()


def ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """part / whole for every customer of `whole`; no part is 0, and NaN where the whole is 0."""
    return part.reindex(whole.index, fill_value=0) / whole.where(whole != 0)


# Money, orders and items


def net_cents(w: Past) -> pd.Series:
    return per_customer(w.lines, "net")


def net_revenue(w: Past) -> pd.Series:
    return net_cents(w).map(lambda cents: cents * CENT)


def orders(w: Past) -> pd.Series:
    return rows_per_customer(w.orders)


def average_order_value(w: Past) -> pd.Series:
    both = pd.DataFrame({"revenue": net_revenue(w), "orders": orders(w)})
    return both.apply(lambda c: (c["revenue"] / c["orders"]).quantize(CENT, ROUND_HALF_UP), axis=1)


def items(w: Past) -> pd.Series:
    return per_customer(w.lines[w.lines["sold_by_item"]], "quantity")


def items_per_order(w: Past) -> pd.Series:
    return ratio(items(w), orders(w))


def days_since_last_order(w: Past) -> pd.Series:
    return (w.as_of - w.lines.groupby("customer")["day"].max()).dt.days


def customer_lifetime_months(w: Past) -> pd.Series:
    return (w.as_of - w.lines.groupby("customer")["day"].min()).dt.days / 30.4375


# Rhythm


def gaps(w: Past) -> pd.DataFrame:
    """One row per pair of successive days with orders, both in the window: the days between them."""
    days = w.lines[["customer", "day"]].drop_duplicates().sort_values(["customer", "day"])
    days["gap"] = days.groupby("customer")["day"].diff().dt.days
    return days.dropna()  # the first day has none before it


def median_days_between_orders(w: Past) -> pd.Series:
    return gaps(w).groupby("customer")["gap"].median()


def order_gap_variation(w: Past) -> pd.Series:
    """Of one gap there is no variation, so three days with orders are needed."""
    of_customer = gaps(w).groupby("customer")["gap"]
    return (of_customer.std(ddof=0) / of_customer.mean()).where(of_customer.count() >= 2)


# What is bought


def category_revenue(w: Past) -> pd.DataFrame:
    """One row per customer and category with revenue above zero."""
    revenue = w.lines.groupby(["customer", "category"])["net"].sum()
    return revenue[revenue > 0].reset_index()


def category_breadth(w: Past) -> pd.Series:
    return rows_per_customer(category_revenue(w))


def category_concentration(w: Past) -> pd.Series:
    revenue = category_revenue(w)
    shares = revenue["net"] / revenue.groupby("customer")["net"].transform("sum")
    return (shares**2).groupby(revenue["customer"]).sum()


def department_share(department: str) -> Callable[[Past], pd.Series]:
    """The feature that says which share of all revenue the department has."""
    return lambda w: ratio(per_customer(w.lines[w.lines["department"] == department], "net"), net_cents(w))


def private_label_share(w: Past) -> pd.Series:
    own = per_customer(w.lines[w.lines["is_private_label"]], "net")
    return ratio(own, per_customer(w.lines[w.lines["brand_known"]], "net"))


def new_product_share(w: Past) -> pd.Series:
    bought = w.lines.drop_duplicates(["customer", "product_id"])
    return ratio(rows_per_customer(bought[bought["first_bought"] >= w.start]), rows_per_customer(bought))


def premium_index(w: Past) -> pd.Series:
    priced = w.lines[w.lines["usual_price"].notna()]
    usual = (priced["quantity"] * priced["usual_price"]).groupby(priced["customer"]).sum()
    return ratio(per_customer(priced, "net"), usual)


# Price


def shelf_cents(w: Past) -> pd.Series:
    return per_customer(w.lines, "net") + per_customer(w.lines, "discount")


def discount_share(w: Past) -> pd.Series:
    return ratio(per_customer(w.lines, "discount"), shelf_cents(w))


def coupon_share(w: Past) -> pd.Series:
    return ratio(per_customer(w.lines, "coupon"), shelf_cents(w))


def discounted_line_share(w: Past) -> pd.Series:
    return ratio(rows_per_customer(w.lines[w.lines["discount"] > 0]), rows_per_customer(w.lines))


def coupon_line_share(w: Past) -> pd.Series:
    return ratio(rows_per_customer(w.lines[w.lines["coupon"] > 0]), rows_per_customer(w.lines))


# When and where


def weekend_share(w: Past) -> pd.Series:
    return ratio(rows_per_customer(w.orders[w.orders["day"].dt.day_name().isin(["Saturday", "Sunday"])]), orders(w))


def evening_share(w: Past) -> pd.Series:
    return ratio(rows_per_customer(w.orders[w.orders["hour"] >= 18]), orders(w))


def season_share(w: Past) -> pd.Series:
    return ratio(rows_per_customer(w.orders[w.orders["day"].dt.month.isin([11, 12])]), orders(w))


def home_store_share(w: Past) -> pd.Series:
    orders_in_store = w.orders.groupby(["customer", "store_id"]).size()
    return ratio(orders_in_store.groupby("customer").max(), orders(w))
