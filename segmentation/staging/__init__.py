"""A user's rows become ours, or go to quarantine with their reason.

Raw data frames come in with a source mapping (`conf/sources/<name>.yml`); every row either meets the contract
of its table in `core.schemas` or is refused by the first rule it breaks; accepted + quarantined = read. What makes
no sense as a whole is refused by the mapping's `guards`.
"""

from segmentation.staging.clean import (
    Cleaned,
    clean,
    judge_parts,
    quality,
    quarantine_rows,
    refuse_repeats,
    refused_keys,
    settled,
    with_products,
)
from segmentation.staging.guards import (
    Guards,
    Months,
    Problem,
    advice,
    looks_back_to,
    month_figures,
    odd_months,
    refused_rows,
)
from segmentation.staging.hours import Hours, broken_days, hour_counts
from segmentation.staging.mapping import Part, Source, load_source
from segmentation.staging.merges import moved, survivors
from segmentation.staging.rates import daily_rates
from segmentation.staging.summaries import summaries

__all__ = [
    "Cleaned",
    "Guards",
    "Hours",
    "Months",
    "Part",
    "Problem",
    "Source",
    "advice",
    "broken_days",
    "clean",
    "daily_rates",
    "hour_counts",
    "judge_parts",
    "load_source",
    "looks_back_to",
    "month_figures",
    "moved",
    "odd_months",
    "quality",
    "quarantine_rows",
    "refuse_repeats",
    "refused_keys",
    "refused_rows",
    "settled",
    "summaries",
    "survivors",
    "with_products",
]
