"""What has changed since the as-of date before, and what a refit made of the segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.core.schemas import UNIFIED
from segmentation.reports.data import ReportData, integer, number, text
from segmentation.reports.view import dimensions, rows_of
from segmentation.reports.words import UNKNOWN
from segmentation.segments.matching import GONE, NEW, SAME


@dataclass(frozen=True)
class Migration:
    """Who moved between the unified segments of two as-of dates."""

    since: str
    stayed: float
    """Share of the customers of then who are in the same segment, 0..1."""
    moves: Sequence[tuple[str, str, int, float | None, float | None]]
    """(from, to, customers, share of the segment then, revenue of 365 days), most customers first; none who stayed."""


def migration(data: ReportData) -> Migration | None:
    """None without an earlier as-of date."""
    rows = rows_of(data.migration, UNIFIED)
    if not rows:
        return None
    before = [r for r in rows if r["from_segment_id"] != NEW]
    stayed = [r for r in rows if r["from_segment_id"] == r["to_segment_id"]]
    moves = [
        (text(r["from_segment_name"]), text(r["to_segment_name"]), integer(r["customers"]) or 0, number(r["share"]),
         number(r["revenue_365d"]))
        for r in rows if r["from_segment_id"] != r["to_segment_id"]
    ]  # fmt: skip
    total = sum(integer(r["customers"]) or 0 for r in before)
    return Migration(
        str(rows[0]["previous_as_of"]),
        sum(integer(r["customers"]) or 0 for r in stayed) / total if total else 0.0,
        sorted(moves, key=lambda m: (-m[2], m[0], m[1])),
    )


@dataclass(frozen=True)
class Growth:
    """Why a segment has another size than at the as-of date before; customers."""

    name: str
    before: int
    now: int
    came: int
    gone: int
    moved_in: int
    moved_out: int
    by_model: int


def growth(data: ReportData) -> list[Growth]:
    """The unified segments, those first that have changed most."""
    found = [
        Growth(text(r["segment_name"]), *(integer(r[c]) or 0 for c in (
            "customers_before", "customers", "came", "gone", "moved_in", "moved_out", "by_model")))
        for r in rows_of(data.changes, UNIFIED)
    ]  # fmt: skip
    return sorted(found, key=lambda g: (-abs(g.now - g.before), g.name))


@dataclass(frozen=True)
class Kinship:
    """What became of a segment in the refit that is in use."""

    dimension: str
    before: str
    relation: str
    """same, split, merged, new or retired."""
    now: str
    overlap: float | None
    """Customers in both, of those in either; None without a partner."""


def kinship(data: ReportData) -> list[Kinship]:
    """Of all dimensions; what is the same comes last."""

    def named(segment_id: str) -> str:
        return UNKNOWN if segment_id in (NEW, GONE) else data.names.get(segment_id, segment_id)

    order = dimensions(data)
    found = [
        Kinship(d, named(text(r["from_segment_id"])), text(r["relation"]), named(text(r["to_segment_id"])),
                number(r["overlap"]))
        for d in order for r in rows_of(data.lineage, d)
    ]  # fmt: skip
    # Whatever the order in which the rows are stored.
    return sorted(found, key=lambda k: (k.relation == SAME, order.index(k.dimension), k.relation, k.before, k.now))
