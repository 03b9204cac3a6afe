"""A small history through the whole room, every expected number written out by hand."""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from typing import Any

import pytest
from pyspark.sql import Row

from segmentation.features import Registry

EUR = Decimal
WINDOWS = ("30d", "90d", "180d", "365d", "lifetime")

# Anna ordered on 2016-12-31 (before the last 365 days), 2017-06-30 (before the last 180), 2017-12-02 (the first of the
# last 30 days) and 2017-12-23, and brought something back on 2017-12-31. Nothing lies between 30 and 180 days, so
# 30d, 90d and 180d agree in what she bought.
MONEY = {
    "net_revenue": dict.fromkeys(("30d", "90d", "180d"), EUR("28.00"))  # 12 + 5 + 14 − 3
    | {"365d": EUR("37.00"), "lifetime": EUR("39.00")},  # + 6 + 3, + 2
    "orders": {"30d": 2, "90d": 2, "180d": 2, "365d": 3, "lifetime": 4},
    "average_order_value": dict.fromkeys(("30d", "90d", "180d"), EUR("14.00"))
    | {"365d": EUR("12.33"), "lifetime": EUR("9.75")},
    # Vitamins and milk 1 + 2, less the bread that came back; fuel is no item.
    "items": dict.fromkeys(("30d", "90d", "180d"), EUR("2.000")) | {"365d": EUR("5.000"), "lifetime": EUR("6.000")},
    "items_per_order": {"90d": 1.0, "365d": 5 / 3, "lifetime": 1.5},
    "days_since_last_order": 9.0,  # the return on the last day is no order
    "customer_lifetime_months": 366 / 30.4375,
    "revenue_trend_90d": 1.0,
    "orders_trend_90d": 1.0,
}
COSTS = {
    # Milk 5 − 3, fuel 14 − 13, bread back −3 + 1.50; the cost of vitamins is unknown.
    "margin": {"90d": EUR("1.50"), "365d": EUR("6.00"), "lifetime": EUR("7.00")},
    "margin_share": {"90d": 1.5 / 16, "365d": 6 / 25, "lifetime": 7 / 27},
    "return_share": {"90d": 3 / 31, "365d": 3 / 40, "lifetime": 3 / 42},
}
PLACES = {
    "online_share": {"30d": 1 / 2, "90d": 1 / 2, "180d": 1 / 2, "365d": 1 / 3, "lifetime": 1 / 4},
    "store_share": {"30d": 1 / 2, "90d": 1 / 2, "180d": 1 / 2, "365d": 2 / 3, "lifetime": 3 / 4},
    "home_store_share": {"90d": 1.0, "365d": 1 / 2, "lifetime": 2 / 3},
    "card_share": {"90d": 1.0, "365d": 1.0, "lifetime": 2 / 3},  # of one order the payment is unknown
}
RHYTHM = {
    "median_days_between_orders": {"90d": 21.0, "180d": 21.0, "365d": 88.0, "lifetime": 155.0},  # 181, 155, 21
    "order_gap_variation": {"180d": None, "365d": 67 / 88, "lifetime": sqrt(44232) / 357},  # 155, 21: 88 ± 67
    "weekend_share": {"90d": 1.0, "365d": 2 / 3, "lifetime": 3 / 4},
    "evening_share": {"90d": 1 / 2, "365d": 2 / 3, "lifetime": 2 / 4},
    "season_share": {"365d": 2 / 3, "lifetime": 3 / 4},
}
GOODS = {
    # In 90 days milk 5, vitamins 12, fuel 14, and bread below zero; in 365 milk 8 and bread 3; in all milk 10.
    "category_concentration": {"90d": 365 / 961, "365d": 413 / 1369, "lifetime": 449 / 1521},
    "category_breadth": {"30d": 3, "90d": 3, "180d": 3, "365d": 4, "lifetime": 4},
    "prepared_share": {"90d": -3 / 28, "365d": 3 / 37, "lifetime": 3 / 39},
    "fuel_share": {"90d": 14 / 28, "365d": 14 / 37, "lifetime": 14 / 39},
    "fresh_share": {"90d": 5 / 28, "365d": 8 / 37, "lifetime": 10 / 39},
    "health_share": {"90d": 12 / 28, "365d": 12 / 37, "lifetime": 12 / 39},
    **{f"{d}_share": dict.fromkeys(("90d", "365d", "lifetime"), 0.0)
       for d in ("grocery", "packaged_meat", "drug_and_beauty")},
    "private_label_share": {"90d": 5 / 17, "365d": 8 / 26, "lifetime": 10 / 28},
    # Of vitamins, milk and fuel only milk was bought before; in 365 days bread was new too.
    "new_product_share": {"30d": 2 / 3, "90d": 2 / 3, "180d": 2 / 3, "365d": 3 / 4},
    # Milk was sold for 3.00 and 2.50 to her and for 2.00 to Eve, so 2.50 is usual; hers alone are bread and vitamins.
    "premium_index": {"90d": 17 / 17, "365d": 26 / 25.5, "lifetime": 28 / 28},
}  # fmt: skip
PRICES = {
    "discount_share": {"30d": 3 / 34, "90d": 3 / 34, "180d": 3 / 34, "365d": 5 / 45, "lifetime": 5 / 47},
    "discounted_line_share": {"90d": 1 / 3, "365d": 2 / 5, "lifetime": 2 / 6},
    "coupon_share": {"90d": 0.0, "365d": 1 / 45, "lifetime": 1 / 47},
    "coupon_line_share": {"90d": 0.0, "365d": 1 / 5, "lifetime": 1 / 6},
}
CAMPAIGNS = {
    "campaigns_received": {"30d": 1, "90d": 2, "180d": 2, "365d": 2, "lifetime": 3},
    "responses": dict.fromkeys(WINDOWS, 3),  # two redemptions and a click
    # She answered k1, sent more than a year ago, and k2: two of the two that she received in the window.
    "campaign_response_rate": {"90d": 1.0, "180d": 1.0, "365d": 1.0, "lifetime": 2 / 3},
    "redemption_rate": {"90d": 1.0, "180d": 1.0, "365d": 1.0, "lifetime": 2 / 3},
    "days_since_last_response": 1.0,
    "open_rate": {"90d": 1.0, "365d": 1.0, "lifetime": 2 / 3},
    "click_rate": {"90d": 1 / 2, "365d": 1 / 2, "lifetime": 1 / 3},
}
SERVICE = {
    "visits": {"30d": 2, "90d": 2, "180d": 2, "365d": 3, "lifetime": 3},
    "visit_minutes": {"90d": 6.0, "365d": 5.0, "lifetime": 5.0},  # 4.5 + 7.5, + 3
    "service_contacts": {"90d": 1, "365d": 2, "lifetime": 2},
    "complaints": {"90d": 0, "365d": 0, "lifetime": 1},
    "nps": {"365d": 9.5, "lifetime": 7.0},  # 9, 10, then 2
    "satisfaction": {"365d": 4.0, "lifetime": 4.0},
}
PERSON = {
    "age_band": 3, "income_band": 5, "household_size": 4, "children": 2, "home_ownership": "Homeowner",
    "marital_status": "Married", "loyalty_tier": 2, "region": "West", "city": "Ulm",
}  # fmt: skip
# Days since the last order: Eve 1, Anna 9, Edge 30; orders in 365 days: four zeros, 1, 3, 7; revenue −4, 0, 0, 0, 2,
# 37, 127. The cuts lie at 1.2, 2.4, 3.6 and 4.8 of the ranks counted from 0 (for the days at 0.4, 0.8, 1.2 and 1.6).
SCORES = {"recency_quintile": 3, "frequency_quintile": 5, "monetary_quintile": 5, "rfm_code": 355}
ANNA = {
    "money": MONEY, "costs": COSTS, "places": PLACES, "rhythm": RHYTHM, "goods": GOODS, "prices": PRICES,
    "campaigns": CAMPAIGNS, "service": SERVICE, "person": PERSON, "scores": SCORES,
}  # fmt: skip


def columns(expected: dict[str, Any]) -> dict[str, Any]:
    """Base → window → value as column → value."""
    flat: dict[str, Any] = {}
    for name, value in expected.items():
        flat |= {f"{name}_{window}": v for window, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


@pytest.mark.parametrize("group", ANNA)
def test_what_is_known_of_anna_is(group: str, history: dict[str, Row]) -> None:
    expected = columns(ANNA[group])
    assert {name: history["anna"][name] for name in expected} == expected


def test_no_feature_is_without_a_number_by_hand(everything: Registry) -> None:
    by_hand = {name for group in ANNA.values() for name in columns(group)}
    assert {f.name for f in everything.features} == by_hand


# On the first day of each window and on the day before it, and on the as-of date, Edge spent a power of two.
EDGE = {
    "net_revenue": {"30d": EUR(1), "90d": EUR(7), "180d": EUR(31), "365d": EUR(127), "lifetime": EUR(255)},
    "orders": {"30d": 1, "90d": 3, "180d": 5, "365d": 7, "lifetime": 8},
    "visits": {"30d": 1, "90d": 3, "180d": 5, "365d": 7, "lifetime": 8},
    "median_days_between_orders": {"90d": 30.0},  # two gaps of 1 and 59 days
    "nps": {"365d": 10.0, "lifetime": 5.0},
}


def test_window_excludes_the_as_of_day(history: dict[str, Row]) -> None:
    assert history["edge"]["net_revenue_lifetime"] == EUR(255)  # 1 + 2 + … + 128; the as-of date's 256 is not in it
    assert history["edge"]["days_since_last_order"] == 30.0
    assert history["edge"]["nps_lifetime"] == 5.0


@pytest.mark.parametrize("base", EDGE)
def test_the_first_day_of_a_window_is_inside_and_the_day_before_it_outside(base: str, history: dict[str, Row]) -> None:
    expected = columns({base: EDGE[base]})
    assert {name: history["edge"][name] for name in expected} == expected


def test_who_is_known_has_a_dated_record_before_the_as_of_date(history: dict[str, Row]) -> None:
    # Bob by a complaint, Dora by a dated attribute, Fred by an answer, Rita by a return. Not Ghost, of whom there is
    # only an undated snapshot, nor Today, of whom there is nothing before the as-of date.
    assert set(history) == {"anna", "bob", "dora", "edge", "eve", "fred", "rita"}


def test_who_never_bought_has_zeros_for_what_is_counted_and_nulls_for_what_is_measured(
    history: dict[str, Row], everything: Registry
) -> None:
    bob = history["bob"].asDict()
    said = {name for name, value in bob.items() if value is not None} - {"as_of", "customer_id"}
    assert {name: bob[name] for name in said if bob[name] != 0} == {
        "complaints_90d": 1, "complaints_365d": 1, "complaints_lifetime": 1, "region": "South",
        "frequency_quintile": 1, "monetary_quintile": 1,
    }  # fmt: skip
    counts = {"net_revenue", "orders", "items", "margin", "category_breadth", "campaigns_received", "responses",
              "visits", "service_contacts", "complaints"}  # fmt: skip
    counted = {f.name for f in everything.features if f.window and f.base in counts}
    assert said == counted | {"region", "frequency_quintile", "monetary_quintile"}


def test_an_undated_snapshot_describes_whom_others_introduce(history: dict[str, Row]) -> None:
    assert history["bob"]["region"] == "South"


def test_the_attributes_are_those_of_the_day_before_the_as_of_date(history: dict[str, Row]) -> None:
    # Anna's Silver ends and her Gold begins on the as-of date: on the day before she was Silver. Dora is a day old.
    assert (history["anna"]["loyalty_tier"], history["anna"]["region"]) == (2, "West")
    assert history["dora"]["loyalty_tier"] == 1


def test_a_division_by_zero_is_null(history: dict[str, Row]) -> None:
    # Rita only brought something back: revenue −4, no order, nothing bought.
    rita = history["rita"]
    assert (rita["net_revenue_90d"], rita["orders_90d"], rita["items_90d"]) == (EUR("-4.00"), 0, EUR("-1.000"))
    ratios = ("average_order_value_90d", "items_per_order_90d", "return_share_90d", "online_share_90d",
              "discount_share_90d", "weekend_share_90d", "new_product_share_90d", "open_rate_90d", "visit_minutes_90d",
              "nps_365d", "orders_trend_90d", "days_since_last_order", "rfm_code")  # fmt: skip
    assert {name: rita[name] for name in ratios} == dict.fromkeys(ratios)


def test_ties_share_a_quintile_and_five_is_best(history: dict[str, Row]) -> None:
    names = ("recency_quintile", "frequency_quintile", "monetary_quintile", "rfm_code")
    assert {who: tuple(history[who][n] for n in names) for who in history} == {
        "anna": (3, 5, 5, 355),
        "edge": (1, 5, 5, 155),
        "eve": (5, 4, 4, 544),
        "bob": (None, 1, 1, None),
        "dora": (None, 1, 1, None),
        "fred": (None, 1, 1, None),
        "rita": (None, 1, 1, None),
    }


def test_the_columns_have_the_declared_types(history: dict[str, Row], everything: Registry) -> None:
    of_unit = {"money": Decimal, "units": Decimal, "count": int, "level": int, "text": str}
    anna = history["anna"]
    wrong = [
        f.name
        for f in everything.features
        if anna[f.name] is not None and not isinstance(anna[f.name], of_unit.get(f.block.unit, float))
    ]
    assert wrong == []
    assert anna.__fields__ == ["as_of", "customer_id", *(f.name for f in everything.features)]
