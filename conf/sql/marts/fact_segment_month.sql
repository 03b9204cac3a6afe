-- grain: one row per as-of date, dimension and segment
-- audience: everyone
-- columns:
--   as_of: The figures are of what happened before this day
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment; see dim_segment
--   customers: Customers, rounded as conf/disclosure.yml says
--   customer_share: Their share of those of all segments of the dimension, 0..1
--   revenue_365d: Net revenue of the members in the last 365 days
--   revenue_share_365d: Its share of that of all segments of the dimension, 0..1; null without any
--   revenue_lifetime: Net revenue of the members before the as-of date
--   margin_365d: Net revenue minus cost in the last 365 days; null where costs are unknown
--   average_order_value: revenue_365d per order; null without orders, of (other), and of few buyers
--   orders_per_customer_365d: Orders a member in the last 365 days, three digits; null of (other), and of few buyers
--   median_days_since_last_order: Recency; null where no member ever ordered, and of (other)
--   discount_share_365d: Discounts' part of the shelf price; null without purchases, and of (other)
SELECT as_of, dimension, segment_id, customers,
  customers / sum(customers) OVER (PARTITION BY as_of, dimension) AS customer_share, revenue_365d,
  CAST(revenue_365d AS DOUBLE) / nullif(sum(CAST(revenue_365d AS DOUBLE)) OVER (PARTITION BY as_of, dimension), 0)
    AS revenue_share_365d,
  revenue_lifetime, margin_365d, average_order_value, orders_per_customer_365d, median_days_since_last_order,
  discount_share_365d
FROM segmentation.segment_cube
WHERE breakdown = 'segment'
