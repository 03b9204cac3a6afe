-- grain: one row per customer scored at the newest as-of date
-- audience: analysts
-- columns:
--   as_of: The newest as-of date
--   customer_id: The customer
--   segment_id: The unified segment
--   segment_name: Its name
--   score: How clearly the customer belongs there, 0..100
--   rule_applied: The business rule that has set it; null where the model did
--   demographics: Name of the segment in this dimension
--   transactional: Name of the segment in this dimension
--   behavioral: Name of the segment in this dimension
--   psychographic: Name of the segment in this dimension
--   cx_engagement: Name of the segment in this dimension
--   top_features: The three features that place the customer in the unified segment and not in the next one
--   coverage: Share of the dimensions with data, 0..1
--   net_revenue_365d: Net revenue in the last 365 days; null without purchases then
--   net_revenue_lifetime: Net revenue before the as-of date
--   orders_365d: Orders in the last 365 days
--   average_order_value_365d: Net revenue an order in the last 365 days; null without orders
--   days_since_last_order: Days since the last order; null before any
--   city: City at the as-of date; null where unknown
--   loyalty_tier: Loyalty tier at the as-of date; null where unknown
--   age_band: Age band at the as-of date; null where unknown
WITH newest AS (
  SELECT max(as_of) AS as_of FROM segmentation.segment_profiles
), found AS (
  SELECT as_of, customer_id,
    max(CASE WHEN dimension = 'unified' THEN struct(segment_id, segment_name, score, rule_applied, coverage) END) AS u,
    max(CASE WHEN dimension = 'unified' THEN top_features END) AS top_features,
    max(CASE WHEN dimension = 'demographics' THEN segment_name END) AS demographics,
    max(CASE WHEN dimension = 'transactional' THEN segment_name END) AS transactional,
    max(CASE WHEN dimension = 'behavioral' THEN segment_name END) AS behavioral,
    max(CASE WHEN dimension = 'psychographic' THEN segment_name END) AS psychographic,
    max(CASE WHEN dimension = 'cx_engagement' THEN segment_name END) AS cx_engagement
  FROM segmentation.segments
  WHERE as_of = (SELECT as_of FROM newest)
  GROUP BY as_of, customer_id
)
SELECT s.as_of, s.customer_id, s.u.segment_id AS segment_id, s.u.segment_name AS segment_name, s.u.score AS score,
  s.u.rule_applied AS rule_applied, s.demographics, s.transactional, s.behavioral, s.psychographic, s.cx_engagement,
  s.top_features, s.u.coverage AS coverage, f.net_revenue_365d, f.net_revenue_lifetime, f.orders_365d,
  f.average_order_value_365d, f.days_since_last_order, c.city, c.loyalty_tier, c.age_band
FROM found s
  LEFT JOIN segmentation.customer_features f ON s.as_of = f.as_of AND s.customer_id = f.customer_id
  LEFT JOIN segmentation.stg_customers c ON s.customer_id = c.customer_id
    AND c.valid_from < s.as_of AND (c.valid_to IS NULL OR c.valid_to >= s.as_of)
