"""The Complete Journey's raw files as plain frames, cut off before the as-of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DEPARTMENTS = {
    "fresh": ["PRODUCE", "MEAT", "SEAFOOD", "SALAD BAR", "FLORAL"],
    "prepared": ["DELI", "PASTRY", "CHEF SHOPPE", "RESTAURANT"],
    "packaged_meat": ["MEAT-PCKGD", "SEAFOOD-PCKGD"],
    "grocery": ["GROCERY", "FROZEN GROCERY"],
    "health": ["NUTRITION"],
    "drug_and_beauty": ["DRUG GM", "COSMETICS"],
    "alcohol": ["SPIRITS"],
}
OURS = {theirs: ours for ours, names in DEPARTMENTS.items() for theirs in names}


@dataclass(frozen=True)
class Past:
    """What is known of the days `[start, as_of)`; `start` None is the whole history."""

    as_of: pd.Timestamp
    start: pd.Timestamp | None
    lines: pd.DataFrame
    """One row per receipt line: who, when (local day and hour), what; money in whole cents."""
    exposures: pd.DataFrame
    """One row per household and campaign it was sent, on the campaign's first day."""
    redemptions: pd.DataFrame
    """One row per coupon redeemed."""

    def last(self, days: int | None) -> Past:
        """The same, of the last so many days before the as-of date; None keeps everything."""
        if days is None:
            return self
        start = self.as_of - pd.Timedelta(days=days)
        frames = (self.lines, self.exposures, self.redemptions)
        return Past(self.as_of, start, *(f[f["day"] >= start] for f in frames))

    @property
    def orders(self) -> pd.DataFrame:
        """One row per basket: a basket is one visit of one customer to one store, which `_lines` checks."""
        return self.lines.drop_duplicates("order_id")


def read_past(folder: Path, as_of: dt.date) -> Past:
    """Everything that happened before the as-of date, with two facts added to each line.

    `first_bought`: the day on which this customer first bought this product. `usual_price`: the category's
    median price for one item in the last 365 days, in cents; NaN where the line is not sold by the item,
    has no category, or nothing of it was sold in that year.
    """
    end = pd.Timestamp(as_of)
    lines, exposures, redemptions = _lines(folder), _exposures(folder), _redemptions(folder)
    past = Past(end, None, *(f[f["day"] < end].copy() for f in (lines, exposures, redemptions)))
    lines = past.lines
    lines["first_bought"] = lines.groupby(["customer", "product_id"])["day"].transform("min")
    last_year = _priced(past.last(365).lines)
    # unit_price has six decimals by contract, rounded half up: n/d to the nearest whole is (2n + d) // 2d.
    n, d = last_year["net"] * 10_000, last_year["quantity"]
    medians = ((2 * n + d) // (2 * d)).groupby(last_year["category"]).median() / 10_000
    lines["usual_price"] = _priced(lines)["category"].map(medians)
    return past


def _priced(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[lines["sold_by_item"] & (lines["quantity"] > 0) & lines["category"].notna()]


def _lines(folder: Path) -> pd.DataFrame:
    raw = pd.read_parquet(folder / "transactions.parquet")
    products = pd.read_parquet(folder / "products.parquet")
    # 4,836 lines name a product that the catalogue has not: category, department and brand stay null.
    raw = raw.merge(products, on="product_id", how="left", validate="many_to_one")
    local = raw["transaction_timestamp"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    is_fuel = raw["product_type"] == "GASOLINE-REG UNLEADED"
    # A catalogued product of a department that is not named above is "other".
    department = raw["department"].map(lambda name: OURS.get(name, "other"), na_action="ignore")
    retail, coupon, match = (_cents(raw[f"{kind}_disc"]) for kind in ("retail", "coupon", "coupon_match"))
    lines = pd.DataFrame(
        {
            "customer": raw["household_id"],
            "day": local.dt.normalize(),
            "hour": local.dt.hour,
            "order_id": raw["basket_id"],
            "store_id": raw["store_id"],
            "product_id": raw["product_id"],
            "category": raw["product_category"].mask(is_fuel, "FUEL"),
            "department": department.mask(is_fuel, "fuel"),
            "is_private_label": raw["brand"] == "Private",
            "brand_known": raw["brand"].notna(),
            "sold_by_item": ~is_fuel,
            "quantity": raw["quantity"],
            "net": _cents(raw["sales_value"]),
            "discount": retail + match,  # a manufacturer's coupon is paid back to the retailer
            "coupon": coupon + match,
        }
    )
    # The twin leans on these: no returns in the data, and a basket is one visit of one customer.
    assert (lines[["quantity", "net", "discount", "coupon"]] >= 0).all(axis=None)
    assert not raw.duplicated(["basket_id", "product_id"]).any()
    visits = raw[["basket_id", "household_id", "store_id", "transaction_timestamp"]].drop_duplicates()
    assert visits["basket_id"].is_unique
    return lines


def _cents(dollars: pd.Series) -> pd.Series:
    cents = (dollars * 100).round()
    assert np.isclose(dollars * 100, cents, rtol=0, atol=1e-6).all()  # amounts are whole cents in the files
    return cents.astype("int64")


def _exposures(folder: Path) -> pd.DataFrame:
    sent = pd.read_parquet(folder / "campaigns.parquet")
    campaigns = pd.read_parquet(folder / "campaign_descriptions.parquet")
    sent = sent.merge(campaigns, on="campaign_id", how="left", validate="many_to_one")
    days = pd.to_datetime(sent["start_date"])
    return pd.DataFrame({"customer": sent["household_id"], "campaign_id": sent["campaign_id"], "day": days})


def _redemptions(folder: Path) -> pd.DataFrame:
    redeemed = pd.read_parquet(folder / "coupon_redemptions.parquet")
    assert not redeemed.duplicated().any()
    days = pd.to_datetime(redeemed["redemption_date"])
    return pd.DataFrame({"customer": redeemed["household_id"], "campaign_id": redeemed["campaign_id"], "day": days})
