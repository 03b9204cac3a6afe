"""What everyone may see: figures of no few customers, in a directory of their own beside the tables."""

from __future__ import annotations

from dataclasses import replace

from segmentation.core.schemas.contract import AS_OF, DIMENSION, MONEY, RUN_ID, Table, col
from segmentation.core.schemas.segments import DRIFT_REPORT
from segmentation.core.schemas.staged import DATA_QUALITY

RULES = (
    col("min_customers", "int", "No figure tells of fewer customers; see conf/disclosure.yml"),
    col("round_to", "int", "Counts of customers are multiples of this"),
)

SEGMENT_CUBE = Table(
    "segment_cube",
    "one row per as-of date, dimension, segment and part of it that counts enough customers to be shown",
    ("as_of", "dimension", "breakdown", "segment_id", "part", "subpart"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("breakdown", "string",
            "What part is: segment (no part: all of it; money and rhythm are null where few bought); place (city, and "
            "loyalty tier as subpart); came_from (segment at the as-of date before; of the segment_id (gone) those who "
            "left); department; channel; feature"),
        col("segment_id", "string", "The segment, no_data, or (other): segments too small to be shown, together"),
        col("segment_name", "string", "Its name"),
        col("part", "string", "The part, (other): parts too small, together; (unknown); empty for the whole segment"),
        col("part_name", "string", "Its name or description; null where it has none beside part"),
        col("subpart", "string", "Part of the part; empty where it has none"),
        col("customers", "bigint",
            "Customers, to the nearest multiple of round_to in conf/disclosure.yml; null of departments, channels and "
            "features, where the number of those without would tell of few"),
        col("revenue_365d", MONEY, "Their net revenue in the last 365 days; null of features and came_from"),
        col("revenue_lifetime", MONEY, "Their net revenue before the as-of date; segments only"),
        col("margin_365d", MONEY, "Net revenue minus cost in 365 days; segments only; null where costs are unknown"),
        col("average_order_value", MONEY, "revenue_365d per order; segments only; null without orders"),
        col("orders_per_customer_365d", "double", "Orders a member in the last 365 days, three digits; segments only"),
        col("median_days_since_last_order", "double", "Recency; segments only; null where no member ever ordered"),
        col("discount_share_365d", "double", "Discounts' part of the shelf price; segments only"),
        col("value", "double",
            "Mean of the feature over members of whom it is known, three digits; share of the segment's orders in the "
            "channel; null else"),
        *RULES,
    ),
    "aggregate",
)  # fmt: skip

ROUNDED = "two decimals, a share to what min_customers are of all"
DRIFT_CUBE = replace(
    DRIFT_REPORT,
    name="drift_cube",
    kind="aggregate",
    columns=(
        *(
            replace(c, comment=f"{c.comment}; {ROUNDED}") if c.name in ("value", "threshold") else c
            for c in DRIFT_REPORT.columns
            if c.name not in ("explanation", "owner")
        ),
        *RULES,
    ),
)

QUALITY_CUBE = replace(
    DATA_QUALITY,
    name="quality_cube",
    grain=f"{DATA_QUALITY.grain} that tells neither of amounts nor of single persons",
    kind="aggregate",
    columns=(*DATA_QUALITY.columns, *RULES),
)

AGGREGATES = (SEGMENT_CUBE, DRIFT_CUBE, QUALITY_CUBE)
