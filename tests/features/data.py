"""A small history in which everything happens that The Complete Journey lacks, and what a test may add to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS, STG_TRANSACTIONS
from segmentation.features import Inputs, Lines, Tiles
from segmentation.features.states import STATES
from segmentation.tiles import daily_tiles, monthly_tiles, price_tiles
from tests.tiles.data import Row, line, rows

EVERYTHING = frozenset(column for state in STATES.values() for need in state.needs for column in need.split("|"))
"""What a source provides that lacks nothing."""

AS_OF = dt.date(2018, 1, 1)
UNDATED = dt.date(1900, 1, 1)
# The first day of each window, and the day before it.
IN_30, OUT_30 = dt.date(2017, 12, 2), dt.date(2017, 12, 1)
IN_90, OUT_90 = dt.date(2017, 10, 3), dt.date(2017, 10, 2)
IN_180, OUT_180 = dt.date(2017, 7, 5), dt.date(2017, 7, 4)
IN_365, OUT_365 = dt.date(2017, 1, 1), dt.date(2016, 12, 31)
EDGES = (IN_30, OUT_30, IN_90, OUT_90, IN_180, OUT_180, IN_365, OUT_365, AS_OF)

MILK = {"product_id": "p1", "category": "milk", "department": "fresh", "is_private_label": True}
BREAD = {"product_id": "p2", "category": "bread", "department": "prepared", "is_private_label": False}
VITAMINS = {"product_id": "p3", "category": "vitamins", "department": "health", "is_private_label": False}
FUEL = {"product_id": "p4", "category": "fuel", "department": "fuel", "unit_of_measure": "fuel_volume"}
IN_STORE = {"customer_id": "anna", "channel": "store", "store_id": "s1"}

ORDER_1 = IN_STORE | {"order_id": "1", "event_date": OUT_365, "local_hour": 10, "payment_method": "cash"}
ORDER_2 = IN_STORE | {"order_id": "2", "event_date": dt.date(2017, 6, 30), "local_hour": 19, "payment_method": "card"}
ORDER_3 = {"customer_id": "anna", "order_id": "3", "event_date": IN_30, "local_hour": 9, "channel": "online",
           "payment_method": "card"}  # fmt: skip
ORDER_4 = IN_STORE | {"order_id": "4", "event_date": dt.date(2017, 12, 23), "local_hour": 18, "store_id": "s2"}
RETURN_5 = IN_STORE | {"order_id": "5", "event_date": dt.date(2017, 12, 31), "local_hour": 11, "payment_method": "card",
                       "is_return": True}  # fmt: skip
LINES: tuple[Row, ...] = (
    ORDER_1 | MILK | {"quantity": "1", "net_amount": "2.00", "cost_amount": "1.00"},
    ORDER_2 | BREAD | {"quantity": "2", "net_amount": "6.00", "discount_amount": "2.00", "coupon_amount": "1.00",
                       "cost_amount": "3.00"},
    ORDER_2 | MILK | {"quantity": "1", "net_amount": "3.00", "cost_amount": "1.50"},
    ORDER_3 | VITAMINS | {"quantity": "1", "net_amount": "12.00", "discount_amount": "3.00"},
    ORDER_3 | MILK | {"quantity": "2", "net_amount": "5.00", "cost_amount": "3.00"},
    ORDER_4 | FUEL | {"quantity": "10", "net_amount": "14.00", "cost_amount": "13.00"},
    RETURN_5 | BREAD | {"quantity": "-1", "net_amount": "-3.00", "cost_amount": "-1.50"},
    ORDER_1 | MILK | {"event_date": AS_OF, "net_amount": "900.00", "cost_amount": "1.00"},
    # Each edge has a power of two: a sum says which days are in it.
    *({"customer_id": "edge", "event_date": day, "net_amount": f"{2**i}.00"} for i, day in enumerate(EDGES)),
    {"customer_id": "eve", "event_date": dt.date(2017, 12, 31), "net_amount": "2.00"} | MILK,
    {"customer_id": "rita", "event_date": dt.date(2017, 12, 24), "quantity": "-1", "net_amount": "-4.00",
     "is_return": True},
    {"customer_id": "today", "event_date": AS_OF},
)  # fmt: skip


def _contact(customer: str, day: dt.date, kind: str, campaign: str | None = None, minutes: str | None = None) -> Row:
    return {
        "customer_id": customer, "event_date": day, "interaction_type": kind, "campaign_id": campaign,
        "minutes": minutes,
    }  # fmt: skip


INTERACTIONS: tuple[Row, ...] = (
    _contact("anna", dt.date(2016, 12, 1), "exposure", "k1"),
    _contact("anna", dt.date(2017, 11, 1), "exposure", "k3"),
    _contact("anna", dt.date(2017, 11, 2), "open", "k3"),
    _contact("anna", IN_30, "exposure", "k2"),
    _contact("anna", IN_30, "open", "k2"),
    _contact("anna", dt.date(2017, 12, 10), "redemption", "k1"),
    _contact("anna", dt.date(2017, 12, 11), "redemption", "k1"),
    _contact("anna", dt.date(2017, 12, 31), "click", "k2"),
    _contact("anna", dt.date(2017, 6, 30), "visit", minutes="3"),
    _contact("anna", dt.date(2017, 12, 20), "visit", minutes="4.5"),
    _contact("anna", dt.date(2017, 12, 21), "visit", minutes="7.5"),
    _contact("anna", IN_365, "service_contact"),
    _contact("anna", dt.date(2017, 12, 15), "service_contact"),
    _contact("anna", OUT_365, "complaint"),
    *(_contact("edge", day, "visit") for day in EDGES),
    _contact("bob", dt.date(2017, 12, 31), "complaint"),
    _contact("today", AS_OF, "open", "k2"),
)


def _answer(customer: str, day: dt.date, scale: str, score: str) -> Row:
    return {"customer_id": customer, "event_date": day, "feedback_type": scale, "score": score}


FEEDBACK: tuple[Row, ...] = (
    _answer("anna", OUT_365, "nps", "2"),
    _answer("anna", dt.date(2017, 6, 30), "nps", "10"),
    _answer("anna", dt.date(2017, 12, 31), "nps", "9"),
    _answer("anna", dt.date(2017, 5, 5), "satisfaction", "4"),
    _answer("edge", OUT_365, "nps", "0"),
    _answer("edge", IN_365, "nps", "10"),
    _answer("edge", AS_OF, "nps", "0"),
    _answer("fred", dt.date(2017, 12, 31), "satisfaction", "1"),
    _answer("today", AS_OF, "nps", "1"),
)


def _attributes(customer: str, since: dt.date, until: dt.date | None, **attributes: Any) -> Row:
    return {"customer_id": customer, "valid_from": since, "valid_to": until, **attributes}


CUSTOMERS: tuple[Row, ...] = (
    _attributes("anna", dt.date(2015, 1, 1), IN_365, loyalty_tier_rank=1, region="North"),
    _attributes("anna", IN_365, AS_OF, age_band_rank=3, income_band_rank=5, household_size=4, children=2,
                home_ownership="Homeowner", marital_status="Married", loyalty_tier_rank=2, city="Ulm", region="West"),
    _attributes("anna", AS_OF, None, loyalty_tier_rank=3, region="East"),
    _attributes("bob", UNDATED, None, region="South"),
    _attributes("ghost", UNDATED, None, region="South"),
    _attributes("dora", dt.date(2017, 12, 31), None, loyalty_tier_rank=1),
    _attributes("today", AS_OF, None, loyalty_tier_rank=1),
)  # fmt: skip


def inputs(
    spark: SparkSession,
    lines: Iterable[Row] = (),
    interactions: Iterable[Row] = (),
    feedback: Iterable[Row] = (),
    customers: Iterable[Row] = (),
    partitions: int | None = None,
    as_lines: bool = False,
) -> Inputs:
    """Staged tables with these rows, and the tiles of the lines, or the lines as they are."""

    def frame(table: Any, given: Iterable[Row]) -> Any:
        found = rows(spark, table, *given)
        return found if partitions is None else found.repartition(partitions)

    staged = frame(STG_TRANSACTIONS, [line(i, change) for i, change in enumerate(lines)])
    # Features read stored tiles; making them again would double each plan.
    tiles = (make(staged).localCheckpoint() for make in (daily_tiles, monthly_tiles, price_tiles))
    return Inputs(
        Lines(staged) if as_lines else Tiles(*tiles),
        frame(STG_CUSTOMERS, customers),
        frame(STG_INTERACTIONS, [{"interaction_id": f"i{i}", **row} for i, row in enumerate(interactions)]),
        frame(STG_FEEDBACK, [{"feedback_id": f"f{i}", **row} for i, row in enumerate(feedback)]),
    )
