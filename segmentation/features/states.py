"""The states that a feature's `value` may name, and which staged columns each is made of.

A state is a column per customer and window (or per customer, for attributes); a family's module computes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.tiles import SUMS


@dataclass(frozen=True)
class State:
    """`empty` is its value for a customer without events in the window: 0 for what counts, null for the rest."""

    name: str
    needs: frozenset[str]
    comment: str
    empty: int | None = 0
    windowed: bool = True


def _state(name: str, needs: str, comment: str, empty: int | None = 0, windowed: bool = True) -> State:
    return State(name, frozenset(needs.split()), comment, empty, windowed)


PURCHASES = (
    *(State(s.name, s.needs, s.comment) for s in SUMS),
    _state("order_days", "transactions.event_date", "Days with an order"),
    _state("days_since_last_order", "transactions.event_date", "Days from the last order to the as-of date", None),
    _state("days_since_first_order", "transactions.event_date", "Days from the first order to the as-of date", None),
)
CADENCE = (
    _state("median_gap_days", "transactions.event_date", "Median days between successive days with orders", None),
    _state("gap_variation", "transactions.event_date", "Standard deviation of those gaps over their mean", None),
)
AFFINITY = (
    _state("categories", "transactions.category", "Categories with revenue above zero"),
    _state("category_hhi", "transactions.category", "Sum of squared category shares of revenue (Herfindahl)", None),
    _state("item_amount", "transactions.category transactions.quantity", "Revenue of goods sold by the item"),
    _state("expected_item_amount", "transactions.category transactions.quantity",
           "What those items would cost at their categories' median prices"),
    _state("net_by_department", "transactions.department", "Revenue by department, a map", None),
    _state("known_store_orders", "transactions.store_id", "Orders whose store is known"),
    _state("top_store_orders", "transactions.store_id", "Orders in the store visited most"),
)  # fmt: skip
VARIETY = (
    _state("products", "transactions.product_id", "Different products bought"),
    _state("new_products", "transactions.product_id", "Of these, bought for the first time ever"),
)
ENGAGEMENT = (
    *(
        _state(f"{name}s", "interactions.interaction_type", f"Interactions of type {name}")
        for name in ("exposure", "redemption", "open", "click", "visit", "service_contact", "complaint")
    ),
    _state("visit_minutes", "interactions.minutes", "Minutes of visits"),
    _state("campaigns_received", "interactions.campaign_id", "Different campaigns sent to the customer"),
    _state("campaigns_responded", "interactions.campaign_id", "Of any campaign: redeemed or clicked at least once"),
    _state("days_since_last_response", "interactions.interaction_type", "Days from the last redemption or click", None),
    _state("days_since_first_interaction", "interactions.event_date", "Days from the first interaction", None),
)
FEEDBACK = (
    _state("nps_answers", "feedback.score", "Answers on the 0..10 recommendation scale"),
    _state("nps_sum", "feedback.score", "Sum of these answers"),
    _state("satisfaction_answers", "feedback.score", "Answers on the 1..5 satisfaction scale"),
    _state("satisfaction_sum", "feedback.score", "Sum of these answers"),
)
ATTRIBUTE_COLUMNS = (
    "age_band_rank", "income_band_rank", "household_size", "children", "home_ownership", "marital_status",
    "loyalty_tier_rank", "city", "region",
)  # fmt: skip
ATTRIBUTES = tuple(
    _state(c, f"customers.{c}", "See stg_customers, the row valid on the day before the as-of date", None, False)
    for c in ATTRIBUTE_COLUMNS
)

STATES: dict[str, State] = {
    s.name: s for s in (*PURCHASES, *CADENCE, *AFFINITY, *VARIETY, *ENGAGEMENT, *FEEDBACK, *ATTRIBUTES)
}
