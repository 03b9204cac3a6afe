"""Histories of a shop, made up from a seed: every column of the staged tables, with what real files do to it."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.tiles.data import Row

KINDS = ("exposure", "redemption", "open", "click", "visit", "service_contact", "complaint")
DEPARTMENTS = {"milk": "fresh", "bread": "prepared", "ham": "packaged_meat", "vitamins": "health", "fuel": "fuel",
               "soap": "drug_and_beauty", "rice": "grocery", "toys": None}  # fmt: skip
LENGTHS = (30, 90, 180, 365)


@dataclass(frozen=True)
class History:
    """Rows of the staged tables, as `tests.features.data.inputs` takes them."""

    lines: list[Row]
    interactions: list[Row]
    feedback: list[Row]
    customers: list[Row]


def history(seed: int, as_of: dt.date, lines: int = 400) -> History:
    """About ten customers' records around the as-of date; as many days lie on the edges of windows as between them."""
    return _Chance(seed, as_of).history(lines)


class _Chance(random.Random):
    def __init__(self, seed: int, as_of: dt.date) -> None:
        super().__init__(seed)
        self.as_of = as_of

    def history(self, lines: int) -> History:
        return History(
            [self.line() for _ in range(lines)],
            [self.contact() for _ in range(lines // 2)],
            [self.answer() for _ in range(lines // 5)],
            [attributes for i in range(12) for attributes in self.attributes(f"c{i}")],
        )

    def day(self) -> dt.date:
        edge = self.choice((0, *LENGTHS))
        age = self.choice([edge - 1, edge, edge + 1, self.randint(-20, 800), self.randint(1, 400)])
        return self.as_of - dt.timedelta(days=age)

    def some(self, *values: Any) -> Any:
        """One of the values, or nothing."""
        return self.choice((*values, None))

    def cents(self, most: int = 9_999) -> Decimal:
        return Decimal(self.randint(0, most)) / 100

    def who(self) -> str:
        return f"c{self.randint(0, 9)}"

    def line(self) -> Row:
        category = self.some(*DEPARTMENTS)
        sign = self.choice((1, 1, 1, 1, -1))
        return {
            "customer_id": self.who(), "event_date": self.day(), "order_id": f"o{self.randint(1, 4)}",
            "net_amount": sign * self.cents(), "quantity": self.some(0, 1, 1, Decimal("2.5"), sign, 12),
            "discount_amount": self.some(0, self.cents(300)), "coupon_amount": self.some(0, self.cents(200)),
            "cost_amount": self.some(sign * self.cents(5_000)), "local_hour": self.some(0, 9, 17, 18, 23),
            "channel": self.some("online", "store", "kiosk"), "payment_method": self.some("card", "cash"),
            "store_id": self.some("s1", "s2", "s10"), "product_id": self.some(*(f"p{i}" for i in range(9))),
            "category": category, "department": DEPARTMENTS.get(category), "is_private_label": self.some(True, False),
            "unit_of_measure": "fuel_volume" if category == "fuel" else "item", "is_return": sign < 0,
            "unit_price": self.some(Decimal(self.randint(1, 9_999_999)) / 1_000_000),
        }  # fmt: skip

    def contact(self) -> Row:
        return {
            "customer_id": f"c{self.randint(0, 11)}", "event_date": self.day(), "interaction_type": self.choice(KINDS),
            "campaign_id": self.some("k1", "k2", "k3"), "minutes": self.some(Decimal(self.randint(0, 99_999)) / 1000),
        }  # fmt: skip

    def answer(self) -> Row:
        kind = self.choice(("nps", "satisfaction"))
        return {
            "customer_id": self.who(), "event_date": self.day(), "feedback_type": kind, "score": self.randint(1, 5),
        }  # fmt: skip

    def attributes(self, customer: str) -> list[Row]:
        """A customer's rows, each until the next one, or overlapping it, or without a date."""
        since = sorted({self.choice((dt.date(1900, 1, 1), self.day(), self.day())) for _ in range(self.randint(0, 3))})
        until = [*since[1:], self.some(self.day())][: len(since)]
        return [
            {"customer_id": customer, "valid_from": a, "valid_to": self.some(b), "region": self.some("North", "West"),
             "loyalty_tier_rank": self.some(1, 2, 3), "children": self.some(0, 2), "city": self.some("Ulm")}
            for a, b in zip(since, until, strict=True)
        ]  # fmt: skip
