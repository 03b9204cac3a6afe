"""What every state means, as plain SQL over the staged tables: the definitions behind `segmentation features --sql`.

Only what Spark and DuckDB both run and mean alike: FILTER instead of count_if, dayname instead of weekday (which counts
from Monday in one and from Sunday in the other), a difference of dates cast to INT instead of datediff. Nothing here
knows tiles; a test holds the tiles' features against these texts, in both engines.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.features.states import ATTRIBUTE_COLUMNS, INTERACTION_TYPES
from segmentation.staging.mapping import UNDATED


@dataclass(frozen=True)
class Relation:
    """Rows that states add up, as they stand in a WITH clause.

    In `sql`, {as_of} is the date, {start} the window's first day, {within} the condition that a row of a staged table
    lies in the window, and {lines} or {lines@365d} another relation, of the same window or of that one.
    """

    comment: str
    sql: str


RELATIONS: dict[str, Relation] = {
    "purchases_returned": Relation(
        "for each order and day with returns the last day, up to then, on which something was bought in that order",
        "SELECT customer_id, order_id, back.event_date, max(bought.event_date) AS bought_on\n"
        "FROM (SELECT DISTINCT customer_id, order_id, event_date FROM stg_transactions WHERE is_return) AS back\n"
        "JOIN (SELECT customer_id, order_id, event_date FROM stg_transactions WHERE NOT is_return) AS bought\n"
        "USING (customer_id, order_id)\n"
        "WHERE bought.event_date <= back.event_date\n"
        "GROUP BY customer_id, order_id, back.event_date",
    ),
    "lines": Relation(
        "receipt lines, returns with amounts of 0 or less; what is taken back counts on the day of its purchase, "
        "or on its own where its order is not known",
        "SELECT l.*\n"
        "FROM stg_transactions AS l LEFT JOIN {purchases_returned@lifetime} AS p\n"
        "ON l.is_return AND p.customer_id = l.customer_id AND p.order_id = l.order_id AND p.event_date = l.event_date\n"
        "WHERE l.event_date < {as_of} AND coalesce(p.bought_on, l.event_date) >= {start}",
    ),
    "orders": Relation(
        "an order is counted on each day on which it has lines, if something was bought",
        "SELECT customer_id, event_date, order_id, min(local_hour) AS local_hour, min(channel) AS channel,\n"
        "       min(store_id) AS store_id, min(payment_method) AS payment_method\n"
        "FROM {lines}\n"
        "GROUP BY customer_id, event_date, order_id\n"
        "HAVING bool_or(NOT is_return)",
    ),
    "gaps": Relation(
        "days between successive days with orders; the first has none before it",
        "SELECT customer_id,\n"
        "       CAST(event_date - lag(event_date) OVER (PARTITION BY customer_id ORDER BY event_date) AS INT) AS days\n"
        "FROM (SELECT DISTINCT customer_id, event_date FROM {orders})",
    ),
    "categories": Relation(
        "categories with revenue above zero",
        "SELECT customer_id, category, CAST(sum(net_amount) AS DOUBLE) AS revenue\n"
        "FROM {lines}\n"
        "WHERE category IS NOT NULL\n"
        "GROUP BY customer_id, category\n"
        "HAVING sum(net_amount) > 0",
    ),
    "item_lines": Relation(
        "lines of goods sold by the item",
        "SELECT * FROM {lines}\n"
        "WHERE unit_of_measure = 'item' AND NOT is_return AND quantity > 0 AND category IS NOT NULL",
    ),
    "usual_prices": Relation(
        "each category's median unit price; every line counts once, whatever its quantity",
        "SELECT category, median(CAST(unit_price AS DOUBLE)) AS usual_price\n"
        "FROM {item_lines@365d}\n"
        "WHERE unit_price IS NOT NULL\n"
        "GROUP BY category",
    ),
    "priced_lines": Relation(
        "lines of goods sold by the item whose category has a usual price",
        "SELECT customer_id, net_amount, CAST(quantity AS DOUBLE) * usual_price AS usual_amount\n"
        "FROM {item_lines} JOIN {usual_prices@365d} USING (category)",
    ),
    "stores": Relation(
        "orders by known store",
        "SELECT customer_id, store_id, count(*) AS orders\n"
        "FROM {orders}\n"
        "WHERE store_id IS NOT NULL\n"
        "GROUP BY customer_id, store_id",
    ),
    "products": Relation(
        "products bought in the window, and when the customer first bought them ever",
        "SELECT customer_id, product_id, min(event_date) AS first_day\n"
        "FROM {lines@lifetime}\n"
        "WHERE NOT is_return AND product_id IS NOT NULL\n"
        "GROUP BY customer_id, product_id\n"
        "HAVING max(event_date) >= {start}",
    ),
    "contacts": Relation("contacts outside purchases", "SELECT * FROM stg_interactions WHERE {within}"),
    "answers": Relation("what customers said", "SELECT * FROM stg_feedback WHERE {within}"),
    "attributes": Relation(
        "the attributes valid on the day before; of overlapping rows the one that began last",
        "SELECT c.*\n"
        "FROM stg_customers AS c JOIN (\n"
        "  SELECT customer_id, max(valid_from) AS valid_from\n"
        "  FROM stg_customers\n"
        "  WHERE valid_from < {as_of} AND (valid_to IS NULL OR valid_to >= {as_of})\n"
        "  GROUP BY customer_id\n"
        ") AS newest ON newest.customer_id = c.customer_id AND newest.valid_from = c.valid_from",
    ),
}

KNOWN = f"""\
SELECT customer_id FROM stg_transactions WHERE event_date < {{as_of}}
UNION
SELECT customer_id FROM stg_interactions WHERE event_date < {{as_of}}
UNION
SELECT customer_id FROM stg_feedback WHERE event_date < {{as_of}}
UNION
SELECT customer_id FROM stg_customers
WHERE valid_from > DATE '{UNDATED}' AND valid_from < {{as_of}}"""
"""Customers of whom a dated record exists: one row of the result each."""

RESPONSE = "interaction_type IN ('redemption', 'click')"

# State → (relation, aggregate over its rows of one customer). A state without rows is empty as states.py says.
STATE_SQL: dict[str, tuple[str, str]] = {
    "net_amount": ("lines", "sum(net_amount)"),
    "gross_amount": ("lines", "sum(net_amount + discount_amount) FILTER (WHERE NOT is_return)"),
    "discount_amount": ("lines", "sum(discount_amount) FILTER (WHERE NOT is_return)"),
    "coupon_amount": ("lines", "sum(coupon_amount) FILTER (WHERE NOT is_return)"),
    "returned_amount": ("lines", "sum(abs(net_amount)) FILTER (WHERE is_return)"),
    "bought_amount": ("lines", "sum(net_amount) FILTER (WHERE NOT is_return)"),
    "cost_amount": ("lines", "sum(cost_amount)"),
    "costed_amount": ("lines", "sum(net_amount) FILTER (WHERE cost_amount IS NOT NULL)"),
    "private_label_amount": ("lines", "sum(net_amount) FILTER (WHERE is_private_label AND NOT is_return)"),
    "branded_amount": ("lines", "sum(net_amount) FILTER (WHERE is_private_label IS NOT NULL AND NOT is_return)"),
    "items": ("lines", "sum(quantity) FILTER (WHERE unit_of_measure = 'item')"),
    "lines": ("lines", "count(*) FILTER (WHERE NOT is_return)"),
    "discounted_lines": ("lines", "count(*) FILTER (WHERE discount_amount > 0 AND NOT is_return)"),
    "coupon_lines": ("lines", "count(*) FILTER (WHERE coupon_amount > 0 AND NOT is_return)"),
    "orders": ("orders", "count(*)"),
    "weekend_orders": ("orders", "count(*) FILTER (WHERE left(dayname(event_date), 3) IN ('Sat', 'Sun'))"),
    "evening_orders": ("orders", "count(*) FILTER (WHERE local_hour >= 18)"),
    "season_orders": ("orders", "count(*) FILTER (WHERE month(event_date) >= 11)"),
    "channel_orders": ("orders", "count(channel)"),
    "online_orders": ("orders", "count(*) FILTER (WHERE channel = 'online')"),
    "store_orders": ("orders", "count(*) FILTER (WHERE channel = 'store')"),
    "payment_orders": ("orders", "count(payment_method)"),
    "card_orders": ("orders", "count(*) FILTER (WHERE payment_method = 'card')"),
    "order_days": ("orders", "count(DISTINCT event_date)"),
    "days_since_last_order": ("orders", "CAST({as_of} - max(event_date) AS INT)"),
    "days_since_first_order": ("orders", "CAST({as_of} - min(event_date) AS INT)"),
    "median_gap_days": ("gaps", "median(days)"),
    "gap_variation": ("gaps", "CASE WHEN count(days) > 1 THEN stddev_pop(days) / avg(days) END"),
    "categories": ("categories", "count(*)"),
    "category_hhi": ("categories", "sum(revenue * revenue) / (sum(revenue) * sum(revenue))"),
    "item_amount": ("priced_lines", "sum(net_amount)"),
    "expected_item_amount": ("priced_lines", "sum(usual_amount)"),
    "known_store_orders": ("stores", "sum(orders)"),
    "top_store_orders": ("stores", "max(orders)"),
    "products": ("products", "count(*)"),
    "new_products": ("products", "count(*) FILTER (WHERE first_day >= {start})"),
    **{f"{t}s": ("contacts", f"count(*) FILTER (WHERE interaction_type = '{t}')") for t in INTERACTION_TYPES},
    "responses": ("contacts", f"count(*) FILTER (WHERE {RESPONSE})"),
    "visit_minutes": ("contacts", "sum(minutes) FILTER (WHERE interaction_type = 'visit')"),
    "campaigns_received": ("contacts", "count(DISTINCT campaign_id) FILTER (WHERE interaction_type = 'exposure')"),
    "campaigns_responded": ("contacts", f"count(DISTINCT campaign_id) FILTER (WHERE {RESPONSE})"),
    "days_since_last_response": ("contacts", f"CAST({{as_of}} - max(event_date) FILTER (WHERE {RESPONSE}) AS INT)"),
    **{
        f"{scale}_{what}": ("answers", f"{aggregate} FILTER (WHERE feedback_type = '{scale}')")
        for scale in ("nps", "satisfaction")
        for what, aggregate in (("answers", "count(*)"), ("sum", "sum(score)"))
    },
    **{c: ("attributes", f"any_value({c})") for c in ATTRIBUTE_COLUMNS},
}  # fmt: skip

DEPARTMENT = ("lines", "sum(net_amount) FILTER (WHERE department = '{department}')")
"""What `net_by_department['…']` means: both engines have maps, and neither makes one as the other does."""
