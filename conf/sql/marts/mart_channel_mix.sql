-- grain: one row per as-of date, dimension, segment and channel
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   segment_id: The segment's stable identity
--   segment_name: Its name
--   channel: online or store; (other) where too few of the segment bought in one of them
--   order_share: Its share of the segment's orders of known channel in the last 365 days, 0..1
SELECT as_of, dimension, segment_id, segment_name, part AS channel, value AS order_share
FROM segmentation.segment_cube
WHERE breakdown = 'channel'
