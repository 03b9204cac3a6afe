"""The same features in DuckDB: what SQL alone can do on one machine, written for DuckDB and not translated."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from segmentation.core.periods import WINDOWS
from segmentation.features import Registry

LINE_SUMS = {
    "net_amount": "net_amount",
    "gross_amount": "CASE WHEN NOT is_return THEN net_amount + discount_amount END",
    "discount_amount": "CASE WHEN NOT is_return THEN discount_amount END",
    "coupon_amount": "CASE WHEN NOT is_return THEN coupon_amount END",
    "returned_amount": "CASE WHEN is_return THEN abs(net_amount) END",
    "bought_amount": "CASE WHEN NOT is_return THEN net_amount END",
    "cost_amount": "cost_amount",
    "costed_amount": "CASE WHEN cost_amount IS NOT NULL THEN net_amount END",
    "private_label_amount": "CASE WHEN is_private_label AND NOT is_return THEN net_amount END",
    "branded_amount": "CASE WHEN is_private_label IS NOT NULL AND NOT is_return THEN net_amount END",
    "items": "CASE WHEN unit_of_measure = 'item' THEN quantity END",
    "lines": "CASE WHEN NOT is_return THEN 1 END",
    "discounted_lines": "CASE WHEN discount_amount > 0 AND NOT is_return THEN 1 END",
    "coupon_lines": "CASE WHEN coupon_amount > 0 AND NOT is_return THEN 1 END",
}
ORDER_COUNTS = {
    "orders": "true",
    "weekend_orders": "isodow(event_date) >= 6",
    "evening_orders": "local_hour >= 18",
    "season_orders": "month(event_date) >= 11",
    "channel_orders": "channel IS NOT NULL",
    "online_orders": "channel = 'online'",
    "store_orders": "channel = 'store'",
    "payment_orders": "payment_method IS NOT NULL",
    "card_orders": "payment_method = 'card'",
}
PRICED = "unit_of_measure = 'item' AND NOT is_return AND quantity > 0"


def features_sql(registry: Registry, lines: Path, as_of: dt.date) -> str:
    """One SELECT over the Parquet files in `lines`: a row per customer, every windowed feature that purchases feed.

    Each line is aged once, into the shortest window that holds it; a window is a sum over buckets.
    """
    departments = sorted({s.key for f in registry.features for s in f.measured if s.key})
    names = [w.name for w in WINDOWS]
    ages = " ".join(f"WHEN age <= {w.days} THEN {i}" for i, w in enumerate(WINDOWS) if w.days is not None)

    begins = {w.name: f"DATE '{w.start(as_of) if w.days else dt.date(1900, 1, 1)}'" for w in WINDOWS}

    def windowed(expressions: dict[str, str], how: str = "sum") -> str:
        return ",\n".join(
            f"{how}({sql}) FILTER (bucket <= {i}) AS {state}__{name}"
            for state, sql in expressions.items()
            for i, name in enumerate(names)
        )

    def each(text: str) -> str:
        return ",\n".join(text.format(w=name, i=i) for i, name in enumerate(names))

    def since(day: str, state: str) -> str:
        return ",\n".join(f"count(*) FILTER ({day} >= {begin}) AS {state}__{name}" for name, begin in begins.items())

    zero = [f"{s}__{w}" for s in (*LINE_SUMS, *ORDER_COUNTS) for w in names]
    gaps = ",\n".join(
        f"median(gap) {inside} AS median_gap_days__{name}, CASE WHEN count(gap) {inside} > 1 "
        f"THEN stddev_pop(gap) {inside} / avg(gap) {inside} END AS gap_variation__{name}"
        for name, begin in begins.items()
        for inside in [f"FILTER (previous >= {begin})"]
    )
    by_department = ",\n".join(
        f"coalesce(sum(net__{name}) FILTER (department = '{d}'), 0) AS net_by_department__{d}__{name}"
        for d in departments
        for name in names
    )
    bought = {"transactional", "behavioral", "psychographic"}
    wanted = [f for f in registry.features if f.window is not None and f.dimension in bought]
    features = ", ".join(f"{f.sql_over_measured('duckdb')} AS {f.name}" for f in wanted)
    return f"""
WITH raw AS (SELECT * FROM read_parquet('{lines}/*.parquet') WHERE event_date < DATE '{as_of}'),
back AS (
  SELECT customer_id, order_id, returned_on, max(event_date) AS bought_on
  FROM (SELECT DISTINCT customer_id, order_id, event_date AS returned_on FROM raw WHERE is_return)
  JOIN (SELECT customer_id, order_id, event_date FROM raw WHERE NOT is_return) USING (customer_id, order_id)
  WHERE event_date <= returned_on GROUP BY ALL
),
lines AS (
  SELECT raw.*, DATE '{as_of}' - coalesce(bought_on, event_date) AS age, CASE {ages} ELSE {
        len(WINDOWS) - 1
    } END AS bucket
  FROM raw LEFT JOIN back ON is_return AND raw.customer_id = back.customer_id AND raw.order_id = back.order_id
    AND raw.event_date = back.returned_on
),
sums AS (
  SELECT customer_id, bucket, {", ".join(f"sum({sql}) AS {s}" for s, sql in LINE_SUMS.items())}
  FROM lines GROUP BY ALL
),
orders AS (
  SELECT customer_id, event_date, bucket, order_id, min(store_id) AS store_id, min(local_hour) AS local_hour,
         min(channel) AS channel, min(payment_method) AS payment_method
  FROM lines GROUP BY ALL HAVING bool_or(NOT is_return)
),
line_states AS (SELECT customer_id, {windowed({s: s for s in LINE_SUMS})} FROM sums GROUP BY ALL),
order_states AS (
  SELECT customer_id, {windowed({s: f"CASE WHEN {sql} THEN 1 END" for s, sql in ORDER_COUNTS.items()})},
         DATE '{as_of}' - max(event_date) AS days_since_last_order__lifetime,
         DATE '{as_of}' - min(event_date) AS days_since_first_order__lifetime
  FROM orders GROUP BY ALL
),
days AS (SELECT DISTINCT customer_id, event_date FROM orders),
successive AS (
  SELECT customer_id, lag(event_date) OVER (PARTITION BY customer_id ORDER BY event_date) AS previous,
         event_date - previous AS gap
  FROM days
),
cadence AS (SELECT customer_id, {gaps} FROM successive WHERE gap IS NOT NULL GROUP BY ALL),
stores AS (SELECT customer_id, store_id, {windowed({"n": "1"})} FROM orders WHERE store_id IS NOT NULL GROUP BY ALL),
store_states AS (
  SELECT customer_id, {each("max(n__{w}) AS top_store_orders__{w}, sum(n__{w}) AS known_store_orders__{w}")}
  FROM stores GROUP BY ALL
),
prices AS (
  SELECT category, median(unit_price) AS median_price FROM lines
  WHERE age <= 365 AND {PRICED} AND unit_price IS NOT NULL GROUP BY ALL
),
in_categories AS (
  SELECT customer_id, department, category, bucket, sum(net_amount) AS net,
         sum(quantity) FILTER ({PRICED}) AS items, sum(net_amount) FILTER ({PRICED}) AS item_amount
  FROM lines WHERE category IS NOT NULL GROUP BY ALL
),
categories AS (
  SELECT customer_id, category, any_value(department) AS department,
         {windowed({"net": "net", "items": "items", "item_amount": "item_amount"})}
  FROM in_categories GROUP BY customer_id, category
),
category_states AS (
  SELECT customer_id, {by_department},
    {each("count(*) FILTER (net__{w} > 0) AS categories__{w}")},
    {
        each(
            "sum(net__{w}::DOUBLE ** 2) {some} / sum(net__{w}) {some}::DOUBLE ** 2 AS category_hhi__{w}".replace(
                "{some}", "FILTER (net__{w} > 0)"
            )
        )
    },
    {each("sum(item_amount__{w}) FILTER (median_price IS NOT NULL) AS item_amount__{w}")},
    {each("sum(items__{w}::DOUBLE * median_price::DOUBLE) AS expected_item_amount__{w}")}
  FROM categories LEFT JOIN prices USING (category) GROUP BY ALL
),
products AS (
  SELECT customer_id, product_id, min(event_date) AS first_day, max(event_date) AS last_day
  FROM lines WHERE NOT is_return AND product_id IS NOT NULL GROUP BY ALL
),
product_states AS (
  SELECT customer_id, {since("last_day", "products")}, {since("first_day", "new_products")}
  FROM products GROUP BY ALL
),
filled AS (
  SELECT * REPLACE ({", ".join(f"coalesce({c}, 0) AS {c}" for c in zero)})
  FROM line_states LEFT JOIN order_states USING (customer_id) LEFT JOIN cadence USING (customer_id)
  LEFT JOIN store_states USING (customer_id) LEFT JOIN category_states USING (customer_id)
  LEFT JOIN product_states USING (customer_id)
)
SELECT customer_id, {features}
FROM filled
"""
