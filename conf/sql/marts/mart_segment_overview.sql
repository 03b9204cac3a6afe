-- grain: one row per dimension and segment of the newest as-of date
-- audience: everyone
-- columns:
--   as_of: The newest as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name
--   customers: Customers, rounded as conf/disclosure.yml says
--   customer_share: Their share of those of all segments of the dimension, 0..1
--   revenue_365d: Net revenue of the members in the last 365 days
--   revenue_share_365d: Its share of that of all segments of the dimension, 0..1; null without any
--   revenue_per_customer_365d: The same a member, in whole units of the currency
--   average_order_value: revenue_365d per order; null without orders, of (other), and of few buyers
--   orders_per_customer_365d: Orders a member in the last 365 days, three digits; null of (other), and of few buyers
--   median_days_since_last_order: Recency; null where no member ever ordered, and of (other)
SELECT as_of, dimension, segment_id, segment_name, customers,
  customers / sum(customers) OVER (PARTITION BY dimension) AS customer_share, revenue_365d,
  CAST(revenue_365d AS DOUBLE) / nullif(sum(CAST(revenue_365d AS DOUBLE)) OVER (PARTITION BY dimension), 0)
    AS revenue_share_365d,
  CAST(round(revenue_365d / customers) AS BIGINT) AS revenue_per_customer_365d, average_order_value,
  orders_per_customer_365d, median_days_since_last_order
FROM segmentation.segment_cube
WHERE breakdown = 'segment' AND as_of = (SELECT max(as_of) FROM segmentation.segment_cube)
