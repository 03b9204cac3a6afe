-- grain: one row per day of reception, input, check and subject; of amounts and persons see data_quality
-- audience: everyone
-- columns:
--   received_on: The day the files were received
--   input: transactions, customers, …
--   check: What was counted; see data_quality
--   subject: The rule, column or month (2017-01) of the value; empty for the whole input
--   value: Rows, days, a share 0..1 where the check says share, or in the column's unit
SELECT as_of AS received_on, source_table AS input, check, subject, value
FROM segmentation.quality_cube
