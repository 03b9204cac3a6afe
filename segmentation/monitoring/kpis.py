"""What a segment is worth, against the month before: key figures with an owner, and how far each may fall or rise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from segmentation.monitoring.rules import Kpi
from segmentation.monitoring.verdict import HOLDS, TOO_FEW, Judged

BREACH, ESCALATED = "breach", "escalated"
PREFIX = "kpi_"
"""Of `drift_report.check`, before the name of a key figure."""


@dataclass(frozen=True)
class Measured:
    """A segment's customers and its key figures, by name; None where there are none to measure."""

    customers: int
    figures: Mapping[str, float | None]


def kpi_rows(
    kpis: Mapping[str, Kpi], dimension: str, then: Mapping[str, Measured], now: Mapping[str, Measured],
    breached: Set[tuple[str, str]],
) -> Iterator[Judged]:  # fmt: skip
    """A row of `drift_report` for each key figure of each segment that both months have; breaches first.

    then, now: by segment_id. `breached`: check and subject of the month before's breaches; a second one running
    escalates. A figure is not judged in a segment of fewer customers than its `min_customers`, in either month.
    """
    rows = [
        _row(f"{PREFIX}{name}", kpi, dimension, segment, then[segment], now[segment], name, breached)
        for segment in sorted(then.keys() & now.keys())
        for name, kpi in kpis.items()
    ]
    order = (ESCALATED, BREACH, HOLDS, TOO_FEW)
    return iter(sorted(rows, key=lambda r: (order.index(r.verdict), r.check, r.subject)))


def _row(
    check: str, kpi: Kpi, dimension: str, segment: str, then: Measured, now: Measured, name: str,
    breached: Set[tuple[str, str]],
) -> Judged:  # fmt: skip
    before, after = then.figures[name], now.figures[name]
    words = f"{kpi.description}: {_figure(after)}, the month before {_figure(before)}"
    fewest = min(then.customers, now.customers)
    if fewest < kpi.min_customers:
        return Judged(dimension, check, segment, 0.0, None, TOO_FEW, f"{words}; {fewest:,} customers: too few to judge")
    if before is None or after is None or before < 0:
        return Judged(dimension, check, segment, 0.0, None, TOO_FEW, f"{words}: nothing to compare")
    value = kpi.change(before, after)
    if value <= kpi.limit:
        return Judged(dimension, check, segment, value, kpi.limit, HOLDS, words, kpi.owner)
    if (check, segment) in breached:
        return Judged(dimension, check, segment, value, kpi.limit, ESCALATED, words, kpi.escalates_to)
    return Judged(dimension, check, segment, value, kpi.limit, BREACH, words, kpi.owner)


def _figure(x: float | None) -> str:
    return "unknown" if x is None else f"{x:,.2f}"
