"""What is said of a segment: its figures, what it buys, and where a rule has its members from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segmentation.reports import words
from segmentation.reports.view import Segment

LARGEST_PARTS = 4  # of a mix; the rest is said as one number
MOST_DEPARTMENTS = 12  # a row each


def facts(segment: Segment, currency: str) -> list[tuple[str, str]]:
    """(label, value) as the tables and portraits show them; what is unknown is a dash."""
    return [
        ("Customers", words.count(segment.customers)),
        ("Share", words.percent(segment.customer_share)),
        ("Revenue share", words.percent(segment.revenue_share)),
        ("Average order", words.money(segment.average_order_value, currency, 2)),
        ("Orders per customer", words.decimal(segment.orders_per_customer_365d)),
        ("Days\u00a0since last\u00a0order", words.count(segment.median_days_since_last_order)),
        ("Discount share", words.percent(segment.discount_share_365d)),
    ]


def mix(shares: Mapping[str, float]) -> str:
    """The largest parts in words.

    >>> mix({"grocery": 0.5, "fresh": 0.25, "drug_and_beauty": 0.25})
    'grocery 50.0%, drug and beauty 25.0%, fresh 25.0%'
    """
    ordered = sorted(((part, share) for part, share in shares.items() if share > 0), key=lambda p: (-p[1], p[0]))
    said = [f"{words.feature_words(part)} {words.percent(share)}" for part, share in ordered[:LARGEST_PARTS]]
    rest = sum(share for _, share in ordered[LARGEST_PARTS:])
    return ", ".join(said + ([f"others {words.percent(rest)}"] if rest else []))


def basket(found: Sequence[Segment]) -> tuple[list[tuple[str, list[tuple[float | None, float | None]]]], int]:
    """Of the largest departments (share of a segment's revenue, how many times everyone's) by segment; and of how many.

    Shares are of revenue in known departments; everyone's are those of the segments by their revenue.
    """
    weight = {s.id: s.revenue_share or 0.0 for s in found}
    of_all: dict[str, float] = {}
    for s in found:
        for department, share in s.category_mix.items():
            of_all[department] = of_all.get(department, 0.0) + share * weight[s.id]
    total = sum(weight[s.id] for s in found if s.category_mix)
    largest = sorted((d for d, share in of_all.items() if share > 0), key=lambda d: (-of_all[d], d))[:MOST_DEPARTMENTS]

    def cell(s: Segment, department: str) -> tuple[float | None, float | None]:
        if not s.category_mix:
            return None, None
        share = s.category_mix.get(department, 0.0)
        return share, share / (of_all[department] / total)

    return [(d, [cell(s, d) for s in found]) for d in largest], len(of_all)


def overlap(segment: Segment, labels: Mapping[str, str]) -> str:
    """Where a rule's members would be without it, and which other rules hold for them too."""

    def said(shares: Mapping[str, float]) -> str:
        ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"“{labels.get(i, i)}” {words.percent(share)}" for i, share in ordered)

    without = f" Without it they would be {said(segment.model_mix)}." if segment.model_mix else ""
    also = f" Another rule holds for some too: {said(segment.rule_overlap)}." if segment.rule_overlap else ""
    return without + also
