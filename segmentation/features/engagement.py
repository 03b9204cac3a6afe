"""Contacts outside purchases: campaigns, responses, visits, service, and what customers said of us."""

from __future__ import annotations

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.customers import Floats
from segmentation.features.past import Past
from segmentation.features.spans import Measure
from segmentation.features.states import INTERACTION_TYPES

DAY = ("customer_id", "event_date")
IS_RESPONSE = "interaction_type IN ('redemption', 'click')"
SCALES = ("nps", "satisfaction")
THOUSANDTHS = 1000
"""Minutes and scores are added up as whole numbers."""


def contact_days(interactions: DataFrame) -> DataFrame:
    """One row per customer and day with interactions: counts by type, and the campaigns received and answered."""
    return interactions.groupBy(*DAY).agg(
        *(F.count_if(F.col("interaction_type") == t).alias(f"{t}s") for t in INTERACTION_TYPES),
        F.count_if(F.expr(IS_RESPONSE)).alias("responses"),
        F.sum(F.when(F.col("interaction_type") == "visit", _whole("minutes"))).alias("visit_minutes"),
        F.collect_set(F.when(F.col("interaction_type") == "exposure", F.col("campaign_id"))).alias("received"),
        F.collect_set(F.when(F.expr(IS_RESPONSE), F.col("campaign_id"))).alias("answered"),
    )


def answer_days(feedback: DataFrame) -> DataFrame:
    """One row per customer and day with answers: their number and sum on each scale."""
    of = {scale: F.col("feedback_type") == scale for scale in SCALES}
    return feedback.groupBy(*DAY).agg(
        *(F.count_if(of[s]).alias(f"{s}_answers") for s in SCALES),
        *(F.sum(F.when(of[s], _whole("score"))).alias(f"{s}_sum") for s in SCALES),
    )


def engagement(past: Past) -> dict[str, Measure]:
    """Counts by type, minutes, days since the last response, and different campaigns."""
    answers = past.spans.where(past.numbers("responses") > 0)
    counts: dict[str, Measure] = {
        name: past.summed(name) for name in (*(f"{t}s" for t in INTERACTION_TYPES), "responses")
    }
    return counts | {
        "visit_minutes": past.summed("visit_minutes", THOUSANDTHS),
        "days_since_last_response": answers.last,
        "campaigns_received": _different(past, "received"),
        "campaigns_responded": _different(past, "answered"),
    }


def feedback(past: Past) -> dict[str, Measure]:
    """The number and the sum of the answers on each scale."""
    return {f"{s}_answers": past.summed(f"{s}_answers") for s in SCALES} | {
        f"{s}_sum": past.summed(f"{s}_sum", THOUSANDTHS) for s in SCALES
    }


def _different(past: Past, name: str) -> Measure:
    """How many different values a list column has in a window. They cannot be added up over days."""
    entries = past.entries(name)
    by_value = entries.by(entries.values)

    def count(first: int, end: int) -> Floats:
        return by_value.over_keys(np.add, by_value.spans.between(first, end) > 0)

    return count


def _whole(name: str) -> Column:
    return (F.col(name) * THOUSANDTHS).cast("bigint")
