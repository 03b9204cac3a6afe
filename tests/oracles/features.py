"""Every feature of The Complete Journey, from the raw files: the twin of `segmentation.features`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor
from pathlib import Path

import pandas as pd

from tests.oracles import shopping as s
from tests.oracles.raw import Past, read_past

LENGTHS = {"30d": 30, "90d": 90, "180d": 180, "365d": 365, "lifetime": None}
ALL = tuple(LENGTHS)
LONG = ("90d", "365d", "lifetime")
RATES = ("90d", "180d", "365d", "lifetime")

AGES = ["19-24", "25-34", "35-44", "45-54", "55-64", "65+"]
INCOMES = ["Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K",
           "175-199K", "200-249K", "250K+"]  # fmt: skip


# Campaigns


def campaigns_received(w: Past) -> pd.Series:
    return w.exposures.groupby("customer")["campaign_id"].nunique()


def responses(w: Past) -> pd.Series:
    return s.rows_per_customer(w.redemptions)  # the source knows no clicks


def campaign_response_rate(w: Past) -> pd.Series:
    """A campaign sent before the window and answered inside it counts as answered, so this can pass 1."""
    return s.ratio(w.redemptions.groupby("customer")["campaign_id"].nunique(), campaigns_received(w))


def redemption_rate(w: Past) -> pd.Series:
    return s.ratio(responses(w), campaigns_received(w))


def days_since_last_response(w: Past) -> pd.Series:
    return (w.as_of - w.redemptions.groupby("customer")["day"].max()).dt.days


# A customer without records in the window has 0 of what is counted, and null of what is measured.
COUNTED: dict[str, tuple[Callable[[Past], pd.Series], Sequence[str]]] = {
    "net_revenue": (s.net_revenue, ALL),
    "orders": (s.orders, ALL),
    "items": (s.items, ALL),
    "category_breadth": (s.category_breadth, ALL),
    "campaigns_received": (campaigns_received, ALL),
    "responses": (responses, ALL),
}
MEASURED: dict[str, tuple[Callable[[Past], pd.Series], Sequence[str]]] = {
    "average_order_value": (s.average_order_value, ALL),
    "items_per_order": (s.items_per_order, LONG),
    "median_days_between_orders": (s.median_days_between_orders, RATES),
    "order_gap_variation": (s.order_gap_variation, ("180d", "365d", "lifetime")),
    "category_concentration": (s.category_concentration, LONG),
    "grocery_share": (s.department_share("grocery"), LONG),
    "prepared_share": (s.department_share("prepared"), LONG),
    "packaged_meat_share": (s.department_share("packaged_meat"), LONG),
    "drug_and_beauty_share": (s.department_share("drug_and_beauty"), LONG),
    "fuel_share": (s.department_share("fuel"), LONG),
    "fresh_share": (s.department_share("fresh"), LONG),
    "health_share": (s.department_share("health"), LONG),
    "weekend_share": (s.weekend_share, LONG),
    "evening_share": (s.evening_share, LONG),
    "home_store_share": (s.home_store_share, LONG),
    "season_share": (s.season_share, ("365d", "lifetime")),
    "discount_share": (s.discount_share, ALL),
    "discounted_line_share": (s.discounted_line_share, LONG),
    "coupon_share": (s.coupon_share, LONG),
    "coupon_line_share": (s.coupon_line_share, LONG),
    "private_label_share": (s.private_label_share, LONG),
    "new_product_share": (s.new_product_share, ("30d", "90d", "180d", "365d")),
    "premium_index": (s.premium_index, LONG),
    "campaign_response_rate": (campaign_response_rate, RATES),
    "redemption_rate": (redemption_rate, RATES),
}


def expected_features(raw_folder: Path, as_of: dt.date) -> pd.DataFrame:
    """One row per customer with a dated record before `as_of`, indexed by customer_id (text).

    Money is Decimal, text is text, everything else a number; null is NaN.
    """
    past = read_past(raw_folder, as_of)
    records = pd.concat([past.lines, past.exposures, past.redemptions])
    known = pd.Index(sorted(records["customer"].unique()))
    columns: dict[str, pd.Series] = {}
    for window, days in LENGTHS.items():
        seen = past.last(days)
        for name, (feature, windows) in COUNTED.items():
            if window in windows:
                columns[f"{name}_{window}"] = feature(seen).reindex(known, fill_value=0)
        for name, (feature, windows) in MEASURED.items():
            if window in windows:
                columns[f"{name}_{window}"] = feature(seen).reindex(known)
    columns["days_since_last_order"] = s.days_since_last_order(past).reindex(known)
    columns["customer_lifetime_months"] = s.customer_lifetime_months(past).reindex(known)
    columns["days_since_last_response"] = days_since_last_response(past).reindex(known)
    columns |= _rfm(columns)
    columns["revenue_trend_90d"] = _trend(past, s.net_cents)
    columns["orders_trend_90d"] = _trend(past, s.orders)
    columns |= _demographics(raw_folder)
    features = pd.DataFrame({name: column.reindex(known) for name, column in columns.items()})
    return features.set_axis(known.astype(str).rename("customer_id"))


def _rfm(columns: dict[str, pd.Series]) -> dict[str, pd.Series]:
    r = 6 - quintile(columns["days_since_last_order"])  # the fewest days are best
    f, m = quintile(columns["orders_365d"]), quintile(columns["net_revenue_365d"])
    code = 100 * r + 10 * f + m
    return {"recency_quintile": r, "frequency_quintile": f, "monetary_quintile": m, "rfm_code": code}


def quintile(values: pd.Series) -> pd.Series:
    """1 plus how many of the four cut points a value exceeds; a value on a cut is in the lower group.

    A cut point is the value at rank q·(n − 1), counted from 0; between two ranks it is interpolated exactly.
    """
    ranked = sorted(Fraction(v) for v in values.dropna())
    cuts = []
    for fifth in (1, 2, 3, 4):
        rank = Fraction(fifth, 5) * (len(ranked) - 1)
        below, above = ranked[floor(rank)], ranked[min(floor(rank) + 1, len(ranked) - 1)]
        cuts.append(below + (rank - floor(rank)) * (above - below))
    return values.map(lambda v: 1 + sum(Fraction(v) > cut for cut in cuts), na_action="ignore")


def _trend(past: Past, measure: Callable[[Past], pd.Series]) -> pd.Series:
    """(new − old) / (new + old): the last 90 days against the 90 days before them."""
    both = measure(past.last(180))
    new = measure(past.last(90)).reindex(both.index, fill_value=0)
    old = both - new
    return s.ratio(new - old, new + old)


def _demographics(folder: Path) -> dict[str, pd.Series]:
    """One snapshot without dates. It describes known customers and introduces none."""
    d = pd.read_parquet(folder / "demographics.parquet").set_index("household_id", verify_integrity=True)
    return {
        "age_band": d["age"].map({band: rank for rank, band in enumerate(AGES, start=1)}),
        "income_band": d["income"].map({band: rank for rank, band in enumerate(INCOMES, start=1)}),
        "household_size": d["household_size"].str.rstrip("+").astype(int),  # 5+ is 5
        "children": d["kids_count"].str.rstrip("+").astype(int),  # 3+ is 3
        "home_ownership": d["home_ownership"],
        "marital_status": d["marital_status"],
    }
