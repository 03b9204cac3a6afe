-- grain: one row per as-of date, dimension and segment
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name then
--   customers: Customers, rounded as conf/disclosure.yml says
--   customers_before: Those of the as-of date before on which the segment was; null on its first
--   customer_growth: customers over customers_before, less 1; null on its first
--   revenue_365d: Net revenue of the members in the last 365 days
--   revenue_growth: The same against that as-of date; null on its first, and where it had none
SELECT as_of, dimension, segment_id, segment_name, customers, lag(customers) OVER segment AS customers_before,
  customers / lag(customers) OVER segment - 1 AS customer_growth, revenue_365d,
  CAST(revenue_365d AS DOUBLE) / nullif(lag(CAST(revenue_365d AS DOUBLE)) OVER segment, 0) - 1 AS revenue_growth
FROM segmentation.segment_cube
WHERE breakdown = 'segment'
WINDOW segment AS (PARTITION BY dimension, segment_id ORDER BY as_of)
