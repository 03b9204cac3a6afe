-- grain: one row per as-of date, dimension, segment and department
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name
--   department: Group of categories; (unknown); (other) for those in which too few of the segment bought, together
--   revenue_365d: What the members spent there in the last 365 days, net
--   share_of_segment: Its share of the segment's revenue in known departments; null without any
--   share_of_everyone: The same of all segments of the dimension that show the department
--   affinity: share_of_segment over share_of_everyone; above 1 the segment prefers it; null of (other), which is another in each
WITH spent AS (
  SELECT as_of, dimension, segment_id, segment_name, part AS department, revenue_365d,
    CAST(revenue_365d AS DOUBLE) / nullif(sum(CAST(revenue_365d AS DOUBLE))
      OVER (PARTITION BY as_of, dimension, segment_id), 0) AS share_of_segment,
    sum(CAST(revenue_365d AS DOUBLE)) OVER (PARTITION BY as_of, dimension, part)
      / nullif(sum(CAST(revenue_365d AS DOUBLE)) OVER (PARTITION BY as_of, dimension), 0) AS share_of_everyone
  FROM segmentation.segment_cube
  WHERE breakdown = 'department'
)
SELECT as_of, dimension, segment_id, segment_name, department, revenue_365d, share_of_segment, share_of_everyone,
  CASE WHEN department <> '(other)' THEN share_of_segment / nullif(share_of_everyone, 0) END AS affinity
FROM spent
