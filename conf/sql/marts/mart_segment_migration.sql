-- grain: one row per as-of date, dimension, segment at the as-of date before and segment now, with enough customers
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   from_segment_id: Their segment at the as-of date before; (new) of who was not scored then
--   from_segment_name: Its name then
--   to_segment_id: Their segment now; (gone) of who is not scored any more
--   to_segment_name: Its name now
--   customers: Customers, rounded as conf/disclosure.yml says; what is hidden is no row
--   share_of_segment: Their share of the segment's customers now, 0..1; null of (gone)
SELECT f.as_of, f.dimension, f.part AS from_segment_id, f.part_name AS from_segment_name,
  f.segment_id AS to_segment_id, f.segment_name AS to_segment_name, f.customers,
  f.customers / t.customers AS share_of_segment
FROM segmentation.segment_cube f LEFT JOIN segmentation.segment_cube t
  ON f.as_of = t.as_of AND f.dimension = t.dimension AND f.segment_id = t.segment_id AND t.breakdown = 'segment'
WHERE f.breakdown = 'came_from'
