-- grain: one row per dimension and segment that there ever was
-- audience: everyone
-- columns:
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity; (other) for those too small to be shown, which dim_customer has by their own
--   segment_name: Its name, at the last as-of date that had it
--   kind: model, rule (of conf/rules.yml), no_data, or (other)
--   first_as_of: The first as-of date that had it
--   last_as_of: The last as-of date that had it
--   is_current: Whether that is the newest as-of date
SELECT dimension, segment_id, max_by(segment_name, as_of) AS segment_name,
  CASE WHEN segment_id IN ('no_data', '(other)') THEN segment_id
    WHEN segment_id LIKE 'rule-%' THEN 'rule' ELSE 'model' END AS kind,
  min(as_of) AS first_as_of, max(as_of) AS last_as_of,
  max(as_of) = (SELECT max(as_of) FROM segmentation.segment_cube) AS is_current
FROM segmentation.segment_cube
WHERE breakdown = 'segment'
GROUP BY dimension, segment_id
