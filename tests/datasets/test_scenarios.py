"""Every scenario changes what its name says, from its day on, and nothing else."""

from __future__ import annotations

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from segmentation.datasets import SCENARIOS, Export, truth
from tests.datasets.data import by_name, events, lines, shop, truths

MONEY = ["list_price", "net_amount", "coupon_value", "unit_cost"]
# Which method of a scenario reaches which files. Who opted in, and who a customer is, none changes.
REACH = {
    "behaves": {"transactions", "events", "redemptions", "tickets", "answers"},
    "sold": {"transactions"},
    "visited": {"events"},
}
METHODS = {
    "none": set(),
    "mean_shift": {"visited"},
    "new_segment": {"behaves"},
    "vanished_segment": {"behaves"},
    "christmas": {"sold"},
    "half_day_missing": {"sold"},
    "currency_error": {"sold"},
    "slow_creep": {"sold"},
}
RETAILER = {"customers": 200, "lines": 12_000, "seed": 11}


@pytest.fixture(scope="module")
def usual(spark: SparkSession) -> pd.DataFrame:
    return lines(spark, shop(**RETAILER))


def test_a_scenario_changes_by_one_method_at_most() -> None:
    assert {name: set(vars(type(scenario))) & set(REACH) for name, scenario in SCENARIOS.items() if name != "none"} == {
        name: methods for name, methods in METHODS.items() if methods
    }


@pytest.fixture(scope="module")
def before(spark: SparkSession) -> dict[str, Export]:
    return by_name(spark, shop())


@pytest.mark.parametrize(
    "name", ["christmas", *(pytest.param(n, marks=pytest.mark.long) for n in ("mean_shift", "vanished_segment"))]
)
def test_each_method_reaches_only_its_files(spark: SparkSession, before: dict[str, Export], name: str) -> None:
    """Spark's plan of a file is all that its rows follow from: equal plans, equal rows."""
    after = by_name(spark, shop(name))
    (method,) = METHODS[name]
    assert {n for n in before if not before[n].rows.sameSemantics(after[n].rows)} == REACH[method]
    turns = not truth(spark, shop()).sameSemantics(truth(spark, shop(name)))
    assert turns == (method == "behaves")


def test_mean_shift_lengthens_visits_by_one_standard_deviation(spark: SparkSession) -> None:
    before, after = events(spark, shop(**RETAILER)), events(spark, shop("mean_shift", **RETAILER))
    others = [c for c in before.columns if c != "minutes"]
    pd.testing.assert_frame_equal(before[others], after[others])
    added = after["minutes"] - before["minutes"]
    is_visit, late = before["event_name"] == "page_visit", before["event_at"] >= "2023-07-01"
    assert added[~is_visit].isna().all()
    assert (added[is_visit & ~late] == 0).all()
    sigma = before[is_visit].groupby("customer_no")["minutes"].mean().std()
    assert (added[is_visit & late] / sigma).between(0.85, 1.15).all()
    assert added[is_visit & late].std() < 0.01


def turned(spark: SparkSession, name: str, usual: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Who behaves otherwise at the end, and the lines before and after; checks that nobody else's changed."""
    people = truths(spark, shop(name, **RETAILER))
    who = people["segment"] != people["segment_at_end"]
    after = lines(spark, shop(name, **RETAILER))
    # A turned customer takes back other things: only purchases are the same rows.
    before, after = (f[f["document"] == "SALE"] for f in (usual, after))
    pd.testing.assert_index_equal(before.index, after.index)
    # Their lines keep customer, order and day.
    pd.testing.assert_frame_equal(before[["customer_no", "day"]], after[["customer_no", "day"]])
    untouched = ~before["customer_no"].isin(who[who].index) | (before["day"] < "2023-01-02")
    pd.testing.assert_frame_equal(before[untouched], after[untouched])
    return who, before[~untouched], after[~untouched]


@pytest.mark.long
def test_new_segment_turns_a_twentieth_of_the_customers_from_its_day_on(
    spark: SparkSession, usual: pd.DataFrame
) -> None:
    who, before, after = turned(spark, "new_segment", usual)
    assert who.mean() == pytest.approx(0.05, abs=0.045)  # three standard deviations of 200 customers
    gifts = ["Toys & Gifts", "Wine & Spirits", "Household & Cosmetics"]
    assert before["product_group"].isin(gifts).mean() < 0.3
    assert after["product_group"].isin(gifts).mean() > 0.8
    assert len(before) > 100


@pytest.mark.long
def test_vanished_segment_leaves_nobody_behind(spark: SparkSession, usual: pd.DataFrame) -> None:
    who, before, after = turned(spark, "vanished_segment", usual)
    people = truths(spark, shop("vanished_segment", **RETAILER))
    assert set(people.loc[who, "segment"]) == {"disappointed"}
    assert (people["segment"] == "disappointed").sum() == who.sum() == 20
    assert after["discount_percent"].gt(0).mean() == pytest.approx(0.7, abs=0.1)
    assert before["discount_percent"].gt(0).mean() == pytest.approx(0.3, abs=0.1)


@pytest.mark.long
def test_christmas_doubles_quantities_before_the_eve_only(spark: SparkSession, usual: pd.DataFrame) -> None:
    after = lines(spark, shop("christmas", **RETAILER))
    season = (usual["day"].dt.month == 12) & (usual["day"].dt.day <= 24)
    assert 0.03 < season.mean() < 0.2
    pd.testing.assert_frame_equal(usual[~season], after[~season])
    grown = ["quantity", "net_amount", "coupon_value"]
    assert (after[season][grown] == 2 * usual[season][grown]).all(axis=None)
    pd.testing.assert_frame_equal(usual[season].drop(columns=grown), after[season].drop(columns=grown))


@pytest.mark.long
def test_half_a_day_is_missing_and_the_other_half_is_there(spark: SparkSession, usual: pd.DataFrame) -> None:
    after = lines(spark, shop("half_day_missing", **RETAILER))
    gone = (usual["day"] == "2023-12-16") & (usual["sold_at"].dt.hour >= 12)
    assert gone.sum() > 10
    pd.testing.assert_frame_equal(usual[~gone], after)
    assert (after["day"] == "2023-12-16").any()


def test_currency_error_multiplies_money_and_nothing_else(spark: SparkSession, usual: pd.DataFrame) -> None:
    after = lines(spark, shop("currency_error", **RETAILER))
    late = usual["day"] >= "2023-12-01"
    pd.testing.assert_frame_equal(usual[~late], after[~late])
    pd.testing.assert_frame_equal(usual.drop(columns=MONEY), after.drop(columns=MONEY))
    pd.testing.assert_frame_equal(usual.loc[late, MONEY] * 100, after.loc[late, MONEY], rtol=1e-12)


@pytest.mark.long
def test_slow_creep_raises_prices_by_the_same_amount_every_month(spark: SparkSession, usual: pd.DataFrame) -> None:
    after = lines(spark, shop("slow_creep", **RETAILER))
    early = usual["day"] < "2023-01-01"
    pd.testing.assert_frame_equal(usual[early], after[early])
    pd.testing.assert_frame_equal(usual.drop(columns=MONEY), after.drop(columns=MONEY))
    bought = ~early & (usual["document"] == "SALE")
    months = usual[bought]["day"].dt.month
    rise = after[bought].groupby(months)["net_amount"].sum() / usual[bought].groupby(months)["net_amount"].sum() - 1
    # The middle of month m is day 30.4 m − 15 of 365: 30 % × that share.
    assert rise.to_list() == pytest.approx([0.3 * (30.4 * m - 15) / 365 for m in range(1, 13)], abs=0.008)
