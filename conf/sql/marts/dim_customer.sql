-- grain: one row per customer and span of as-of dates that found him in one unified segment
-- audience: analysts
-- columns:
--   customer_id: The customer
--   segment_id: The unified segment's stable identity
--   segment_name: Its name, as of the end of the span
--   valid_from: The as-of date that put him there
--   valid_to: The as-of date that found him elsewhere, or not scored; null while he is there
--   is_current: Whether that is so at the newest as-of date
--   as_of_dates: How many as-of dates it lasted
WITH dates AS (
  SELECT as_of, lead(as_of) OVER (ORDER BY as_of) AS next_as_of, row_number() OVER (ORDER BY as_of) AS position
  FROM (SELECT DISTINCT as_of FROM segmentation.segment_profiles)
), found AS (
  SELECT s.customer_id, s.segment_id, s.segment_name, s.as_of, d.next_as_of,
    d.position - row_number() OVER (PARTITION BY s.customer_id, s.segment_id ORDER BY s.as_of) AS span
  FROM segmentation.segments s JOIN dates d ON s.as_of = d.as_of
  WHERE s.dimension = 'unified'
)
SELECT customer_id, segment_id, max_by(segment_name, as_of) AS segment_name, min(as_of) AS valid_from,
  max_by(next_as_of, as_of) AS valid_to, max_by(next_as_of, as_of) IS NULL AS is_current, count(*) AS as_of_dates
FROM found
GROUP BY customer_id, segment_id, span
