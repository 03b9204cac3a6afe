-- grain: one row per as-of date, dimension, segment and feature that is known of enough members
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name
--   feature: The feature, a column of customer_features; the window is in its name
--   description: What it says
--   mean: Mean over the members of whom it is known, in the feature's unit, three digits
--   mean_of_segments: The same over all segments of the dimension, each by its customers
--   times_usual: mean over mean_of_segments; null where that is 0
SELECT f.as_of, f.dimension, f.segment_id, f.segment_name, f.part AS feature, f.part_name AS description,
  f.value AS mean,
  sum(f.value * s.customers) OVER (PARTITION BY f.as_of, f.dimension, f.part)
    / sum(s.customers) OVER (PARTITION BY f.as_of, f.dimension, f.part) AS mean_of_segments,
  f.value / nullif(sum(f.value * s.customers) OVER (PARTITION BY f.as_of, f.dimension, f.part)
    / sum(s.customers) OVER (PARTITION BY f.as_of, f.dimension, f.part), 0) AS times_usual
FROM segmentation.segment_cube f JOIN segmentation.segment_cube s
  ON f.as_of = s.as_of AND f.dimension = s.dimension AND f.segment_id = s.segment_id
WHERE f.breakdown = 'feature' AND s.breakdown = 'segment'
