"""The states that a feature's `value` may name, and which staged columns each is made of.

A state is a column per customer and window (or per customer, for attributes); a family's module computes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.staging.mapping import KINDS
from segmentation.tiles import SUMS

COUPON = "transactions.coupon_amount"


@dataclass(frozen=True)
class State:
    """`needs` names staged columns or kinds of event; `a|b` is met by either.

    `empty` is the value for a customer without events in the window: 0 for what counts, null for the rest.
    """

    name: str
    needs: frozenset[str]
    comment: str
    empty: int | None = 0
    windowed: bool = True

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs that tell of what it measures: transactions where it needs no column of its own."""
        named = {need.split(".")[0] for need in self.needs} or {"transactions"}
        # A coupon on a line is a redemption among the interactions too: 8 in 10 of them in The Complete Journey.
        return frozenset(named | ({"interactions"} if COUPON in self.needs else set()))

    def lacks(self, provides: frozenset[str]) -> set[str]:
        """The needs that a source does not meet."""
        return {need for need in self.needs if not provides & set(need.split("|"))}


def _state(name: str, needs: str, comment: str, empty: int | None = 0, windowed: bool = True) -> State:
    return State(name, frozenset(needs.split()), comment, empty, windowed)


AMOUNTS = tuple(State(s.name, s.needs, s.comment) for s in SUMS)
ORDER_DAYS = (
    _state("order_days", "transactions.event_date", "Days with an order"),
    _state("days_since_last_order", "transactions.event_date", "Days from the last order to the as-of date", None),
    _state(
        "days_since_first_order",
        "transactions.event_date",
        "Days from the first order to the as-of date",
        None,
    ),
)
CADENCE = (
    _state("median_gap_days", "transactions.event_date", "Median days between successive days with orders", None),
    _state("gap_variation", "transactions.event_date", "Standard deviation of those gaps over their mean", None),
)
CATEGORIES = (
    _state("categories", "transactions.category", "Categories with revenue above zero"),
    _state("category_hhi", "transactions.category", "Sum of squared category shares of revenue (Herfindahl)", None),
    _state("item_amount", "transactions.category transactions.quantity", "Revenue of goods sold by the item"),
    _state("expected_item_amount", "transactions.category transactions.quantity",
           "What those items would cost at their categories' median prices"),
)  # fmt: skip
DEPARTMENTS = (_state("net_by_department", "transactions.department", "Revenue by department, a map; 0 where none"),)
STORES = (
    _state("known_store_orders", "transactions.store_id", "Orders whose store is known"),
    _state("top_store_orders", "transactions.store_id", "Orders in the store visited most"),
)
VARIETY = (
    _state("products", "transactions.product_id", "Different products bought"),
    _state("new_products", "transactions.product_id", "Of these, bought for the first time ever"),
)
INTERACTION_TYPES = KINDS["interaction_type"]
RESPONSE = "interactions.redemption|interactions.click"
ENGAGEMENT = (
    *(_state(f"{t}s", f"interactions.{t}", f"Interactions of type {t}") for t in INTERACTION_TYPES),
    _state("responses", RESPONSE, "Redemptions and clicks"),
    _state("visit_minutes", "interactions.visit interactions.minutes", "Minutes of visits"),
    _state("campaigns_received", "interactions.exposure interactions.campaign_id", "Different campaigns received"),
    _state("campaigns_responded", f"{RESPONSE} interactions.campaign_id", "Campaigns with a redemption or click"),
    _state("days_since_last_response", RESPONSE, "Days from the last redemption or click", None),
)
FEEDBACK = (
    _state("nps_answers", "feedback.nps", "Answers on the 0..10 recommendation scale"),
    _state("nps_sum", "feedback.nps", "Sum of these answers"),
    _state("satisfaction_answers", "feedback.satisfaction", "Answers on the 1..5 satisfaction scale"),
    _state("satisfaction_sum", "feedback.satisfaction", "Sum of these answers"),
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
    s.name: s
    for s in (
        *AMOUNTS,
        *ORDER_DAYS,
        *CADENCE,
        *CATEGORIES,
        *DEPARTMENTS,
        *STORES,
        *VARIETY,
        *ENGAGEMENT,
        *FEEDBACK,
        *ATTRIBUTES,
    )
}
