-- grain: one row per as-of date, dimension, segment, city and loyalty tier with enough customers
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name
--   city: City; (unknown); (other) for those with too few customers, together
--   loyalty_tier: Loyalty tier as the source words it; (unknown); (other)
--   customers: Customers, rounded as conf/disclosure.yml says
--   share_of_segment: Their share of the segment's customers, 0..1
--   revenue_365d: Their net revenue in the last 365 days
SELECT as_of, dimension, segment_id, segment_name, part AS city, subpart AS loyalty_tier, customers,
  customers / sum(customers) OVER (PARTITION BY as_of, dimension, segment_id) AS share_of_segment, revenue_365d
FROM segmentation.segment_cube
WHERE breakdown = 'place'
