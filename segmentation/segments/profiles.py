"""What a segment is like: money, rhythm and the features in which it differs, one row per segment."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.periods import YEAR
from segmentation.core.schemas import ALL_DIMENSIONS, NO_DATA
from segmentation.segments.moments import EVERYONE, SEGMENT, Means, difference
from segmentation.segments.rules import ruled_id
from segmentation.tiles import in_units, since

TOP = 5


def profile_rows(
    segments: DataFrame, tiles: DataFrame, means: Mapping[tuple[str, str], Means], as_of: dt.date
) -> list[dict[str, Any]]:
    """The rows of `segment_profiles` but as_of and run_id, by dimension and segment_id.

    `tiles`: day tiles before the as-of date, as stored. Money is exact to the cent; medians are exact.
    """
    money = _per_customer(tiles, as_of)
    joined = segments.join(money, on="customer_id", how="left")
    sums = [F.sum(c).alias(c) for c in money.columns if c not in ("customer_id", "recency")]
    rows = joined.groupBy(*SEGMENT).agg(
        F.min("segment_name").alias("segment_name"),
        F.count("*").alias("customers"),
        F.expr("percentile(recency, 0.5)").alias("recency"),
        F.sum(F.col("coverage").cast("decimal(18,6)")).alias("coverage"),
        *sums,
    ).collect()  # fmt: skip
    mixes, (mixed, claimed) = _category_mix(segments, tiles, as_of), _overlaps(segments)
    totals: dict[str, list[Row]] = {}
    for r in rows:
        totals.setdefault(r["dimension"], []).append(r)
    order = {d: i for i, d in enumerate(ALL_DIMENSIONS)}
    rows.sort(key=lambda r: (order[r["dimension"]], r["segment_id"] == NO_DATA, r["segment_id"]))
    return [
        _profile(r, totals[r["dimension"]], mixes.get((r["dimension"], r["segment_id"])), means)
        | {"model_mix": mixed.get(r["segment_id"]), "rule_overlap": claimed.get(r["segment_id"])}
        for r in rows
    ]


def _per_customer(tiles: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer with purchases: lifetime revenue, and the sums of the last 365 days."""
    summed = ("net_amount", "gross_amount", "discount_amount", "costed_amount", "cost_amount", "orders",
              "channel_orders", "online_orders", "store_orders")  # fmt: skip

    ever = tiles.groupBy("customer_id").agg(
        F.sum("net_amount").alias("net_amount"),
        F.min(F.when(F.col("orders") > 0, F.datediff(F.lit(as_of), "event_date"))).alias("recency"),
    )
    year = since(tiles, YEAR.start(as_of)).groupBy("customer_id").agg(*(F.sum(c).alias(c) for c in summed))
    lifetime = in_units(ever).withColumnRenamed("net_amount", "revenue_lifetime")
    return lifetime.join(in_units(year), on="customer_id", how="left")


def _category_mix(
    segments: DataFrame, tiles: DataFrame, as_of: dt.date
) -> dict[tuple[str, str], dict[str, Decimal]]:  # fmt: skip
    """Net amounts of the last 365 days by segment and department."""
    of_customers = spent_by_department(since(tiles, YEAR.start(as_of))).where("department IS NOT NULL")
    joined = segments.select("customer_id", *SEGMENT).join(of_customers, on="customer_id", how="inner")
    rows = in_units(joined.groupBy(*SEGMENT, "department").agg(F.sum("net_amount").alias("net_amount"))).collect()
    mixes: dict[tuple[str, str], dict[str, Decimal]] = {}
    for r in sorted(rows, key=lambda r: str(r["department"])):
        mixes.setdefault((r["dimension"], r["segment_id"]), {})[r["department"]] = r["net_amount"]
    return mixes


def spent_by_department(days: DataFrame) -> DataFrame:
    """One row per customer and department, null where unknown: the sum of net_amount over day tiles, as they have it.

    By customer before any join: a customer is in a segment of every dimension, and has many days.
    """
    sums = days.select("customer_id", F.explode("by_category").alias("sums"))
    return sums.groupBy("customer_id", "sums.department").agg(F.sum("sums.net_amount").alias("net_amount"))


def _overlaps(segments: DataFrame) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Of each rule's segment the shares of its members by what the model alone says, and whom other rules claim too."""
    ruled = segments.where("rule_applied IS NOT NULL").groupBy("segment_id", "raw_segment_id", "rules_met").count()
    customers, model, others = Counter[str](), dict[str, Counter[str]](), dict[str, Counter[str]]()
    for r in ruled.collect():
        customers[r["segment_id"]] += r["count"]
        model.setdefault(r["segment_id"], Counter())[r["raw_segment_id"]] += r["count"]
        for other in r["rules_met"][1:]:
            others.setdefault(r["segment_id"], Counter())[ruled_id(other)] += r["count"]
    mixed, claimed = (
        {s: {i: n / customers[s] for i, n in sorted(of.get(s, {}).items())} for s in customers}
        for of in (model, others)
    )
    return mixed, claimed


def _profile(
    r: Row,
    dimension_rows: Sequence[Row],
    mix: dict[str, Decimal] | None,
    means: Mapping[tuple[str, str], Means],
) -> dict[str, Any]:
    everyone = sum(x["customers"] for x in dimension_rows)
    revenue = sum((x["revenue_lifetime"] or Decimal(0) for x in dimension_rows), Decimal(0))
    own = r["revenue_lifetime"] or Decimal(0)
    year = r["net_amount"] or Decimal(0)
    orders, channels = r["orders"] or 0, r["channel_orders"] or 0
    segment = means.get((r["dimension"], r["segment_id"]))
    z = difference(segment, means.get((r["dimension"], EVERYONE))) if segment and r["segment_id"] != NO_DATA else {}
    top = sorted(z, key=lambda f: (-abs(z[f]), f))[:TOP]
    net = sum((mix or {}).values(), Decimal(0))
    return {
        "dimension": r["dimension"],
        "segment_id": r["segment_id"],
        "segment_name": r["segment_name"],
        "customers": r["customers"],
        "customer_share": r["customers"] / everyone,
        "revenue_share": float(own / revenue) if revenue else None,
        "revenue_lifetime": _cents(own),
        "revenue_365d": _cents(year),
        # A cost that is known nowhere is no cost of zero.
        "margin_365d": _cents(r["costed_amount"] - r["cost_amount"])
        if r["costed_amount"] or r["cost_amount"]
        else None,
        "average_order_value": _cents(year / orders) if orders else None,
        "orders_per_customer_365d": orders / r["customers"],
        "median_days_since_last_order": r["recency"],
        "discount_share_365d": float(r["discount_amount"] / r["gross_amount"]) if r["gross_amount"] else None,
        "channel_mix": {"online": r["online_orders"] / channels, "store": r["store_orders"] / channels}
        if channels
        else None,
        "category_mix": {d: float(v / net) for d, v in mix.items()} if mix and net else None,
        "top_differentiators": [(f, z[f], "higher" if z[f] > 0 else "lower") for f in top if not math.isclose(z[f], 0)],
        "feature_means": dict(segment.raw) if segment else {},
        "feature_z": z,
        "coverage": float(r["coverage"] / r["customers"]),
    }


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)
