-- grain: one row per as-of date, dimension, check and feature or dimension; of single segments see drift_report
-- audience: everyone
-- columns:
--   as_of: The as-of date
--   dimension: One of the five dimensions, or unified
--   check: What was measured; see drift_report
--   subject: A feature, or the dimension itself
--   value: The figure, two decimals; a share to what min_customers are of all
--   threshold: Beyond this it has moved, in the same decimals
--   verdict: holds; moved; refit; stop
--   has_moved: Whether the verdict is another one than holds
--   model_version: The bundle in effect
SELECT as_of, dimension, check, subject, value, threshold, verdict,
  verdict <> 'holds' AS has_moved, model_version
FROM segmentation.drift_cube
