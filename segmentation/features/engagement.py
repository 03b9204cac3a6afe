"""Contacts outside purchases: campaigns, responses, visits, service, and what customers said of us."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.features.states import INTERACTION_TYPES
from segmentation.features.windows import age, window_states, windows_covering

KEY = ["customer_id", "window"]
IS_RESPONSE = "interaction_type IN ('redemption', 'click')"


def engagement_states(interactions: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window with interactions: counts by type, campaigns, and ages in days."""
    counted = window_states(
        interactions, as_of, ("customer_id",),
        {
            **{f"{t}s": ("sum", (F.col("interaction_type") == t).cast("bigint")) for t in INTERACTION_TYPES},
            "responses": ("sum", F.expr(IS_RESPONSE).cast("bigint")),
            "visit_minutes": ("sum", F.when(F.col("interaction_type") == "visit", F.col("minutes"))),
            "days_since_last_response": ("min", F.when(F.expr(IS_RESPONSE), age(as_of))),
        },
    )  # fmt: skip
    return counted.join(_campaigns(interactions, as_of), on=KEY, how="left")


def _campaigns(interactions: DataFrame, as_of: dt.date) -> DataFrame:
    """Different campaigns cannot be added up over days: each counts by its last contact and last response."""
    last_contact = F.max(F.when(F.col("interaction_type") == "exposure", F.col("event_date")))
    last_response = F.max(F.when(F.expr(IS_RESPONSE), F.col("event_date")))
    campaigns = interactions.where("campaign_id IS NOT NULL").groupBy("customer_id", "campaign_id").agg(
        last_contact.alias("contact"), last_response.alias("response")
    )  # fmt: skip
    in_window = {
        day: F.array_contains(windows_covering(as_of, day), F.col("window")) for day in ("contact", "response")
    }
    either = F.greatest("contact", "response")  # greatest skips nulls
    return (
        campaigns.withColumn("either", either)
        .select("contact", "response", "customer_id", F.explode(windows_covering(as_of, "either")).alias("window"))
        .groupBy(*KEY)
        .agg(
            F.count_if(in_window["contact"]).alias("campaigns_received"),
            F.count_if(in_window["response"]).alias("campaigns_responded"),
        )
    )


def feedback_states(feedback: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and window with answers: their number and sum on each scale."""
    states: dict[str, tuple[str, Column]] = {}
    for scale in ("nps", "satisfaction"):
        of_scale = F.col("feedback_type") == scale
        states[f"{scale}_answers"] = ("sum", of_scale.cast("bigint"))
        states[f"{scale}_sum"] = ("sum", F.when(of_scale, F.col("score")))
    return window_states(feedback, as_of, ("customer_id",), states)
