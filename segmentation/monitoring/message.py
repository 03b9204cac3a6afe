"""One message about a month: what was decided and what it rests on, in words that need no statistics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segmentation.core.config import fingerprint
from segmentation.monitoring.kpis import BREACH, ESCALATED, PREFIX
from segmentation.monitoring.verdict import HOLDS, MOVED, REFIT, STOP, WORDS, Judged, gravity

WAITING, REFUSED, FOLLOWED, NONE = "waits", "refused", "followed", "none"
"""What became of the challenger of a month whose customers have outgrown its segments, and that are not replaced."""
SHOWN = 6
TOLD = (STOP, REFIT, MOVED, ESCALATED, BREACH)
"""Verdicts of rows that a message tells of."""

TITLES = {
    WORDS[STOP]: "not published: something is wrong with the data",
    WORDS[REFIT]: "published; customers have outgrown them, and new ones take over from the next date",
    WORDS[MOVED]: "published; customers have moved, and the segments still serve",
    WORDS[HOLDS]: "published; they hold",
    "made": "published; they were made from these very customers",
    WAITING: "published; customers have outgrown them, and new ones wait for approval: jobs/promote.py --approve",
    REFUSED: "published; customers have outgrown them, and the new ones were refused by conf/promotion.yml",
    FOLLOWED: "published; customers have outgrown them, and new ones take over from the next date already",
    NONE: "published; customers have outgrown them, and none were fitted to follow this month",
}
MEASURED = {
    WORDS[STOP]: "something is wrong with the data",
    WORDS[REFIT]: "customers have outgrown them",
    WORDS[MOVED]: "customers have moved, and the segments still serve",
    WORDS[HOLDS]: "they hold",
}
"""Of drift that was measured by itself, of a month that is published already."""

SAYS = {
    "feature_psi": "is spread differently than when the segments were made",
    "recent_psi": "has lately been spread differently than when the segments were made",
    "extreme_share": "is as small or large for more customers as it was for hardly anybody when the segments were made",
    "missing_share": "is known of another share of the customers than when the segments were made",
    "segment_share": "has another size than when the segments were made",
    "members_shift": "has members who behave differently than when it was made",
    "centroid_shift": "would lie elsewhere if it were made today",
    "outside_share": "more customers are far from every segment",
    "silhouette_loss": "segments are less distinct than when they were made",
    "migration_share": "more customers than usual have changed segment",
}
"""What a check has found of its subject, without figures."""


@dataclass(frozen=True)
class Message:
    """What is told of the run `run_id`; every figure stands in its rows of `drift_report`."""

    run_id: str
    """Of a month that was refused, and has no run, a hash of what was said: said again, it is the same message."""
    as_of: dt.date
    verdict: str
    title: str
    lines: tuple[str, ...]
    concerns: tuple[str, ...]
    """Owners of key figures in breach, and whom these have escalated to."""

    @property
    def text(self) -> str:
        """Title and lines, for people."""
        return "\n".join([self.title, *(f"  - {line}" for line in self.lines)])

    def payload(self) -> dict[str, object]:
        """The same for machines: JSON-like."""
        return {"run_id": self.run_id, "as_of": self.as_of.isoformat(), "verdict": self.verdict, "title": self.title,
                "lines": list(self.lines), "concerns": list(self.concerns)}  # fmt: skip


def message(
    run_id: str, as_of: dt.date, verdict: str, rows: Sequence[Judged], names: Mapping[str, str], challenger: str = NONE
) -> Message:
    """Of a month and its rows of `drift_report`.

    verdict: that of the month. names: of segments, by id. challenger: where segments no longer hold and stay all the
    same, what became of those that were to follow: WAITING, REFUSED, FOLLOWED or NONE.
    """
    found = sorted((r for r in rows if r.verdict in TOLD), key=reading_order)
    lines = [_line(r, names) for r in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more in drift_report")
    concerns = dict.fromkeys(r.owner for r in found if r.owner)
    title = f"Segments as of {as_of}: {title_of(verdict, rows, challenger)}"
    return Message(run_id, as_of, verdict, title, tuple(lines), tuple(concerns))


def title_of(verdict: str, rows: Sequence[Judged], challenger: str = NONE, month: bool = True) -> str:
    """What is said first of a month, or of drift that was measured without one (`month`): the same wherever it is."""
    outgrown = verdict == WORDS[MOVED] and any(r.verdict == REFIT for r in rows)
    if not month:
        return MEASURED[WORDS[REFIT] if outgrown else verdict]
    made = verdict == WORDS[REFIT] and not rows
    return TITLES["made" if made else challenger if outgrown else verdict]


def refusal(as_of: dt.date, why: str, stands: bool) -> Message:
    """Of a month whose data, or what was made of them, were refused; `stands`: it had been published before."""
    what = "unchanged, as published" if stands else "not published"
    title = f"Segments as of {as_of}: {what}: the data, or what was made of them, were refused"
    return Message(f"refused-{fingerprint(as_of, why)}", as_of, "refused", title, (why,), ())


def reading_order(r: Judged) -> tuple[object, ...]:
    """A key that sorts rows as people read them: by `gravity`, and then key figures."""
    return (1, r.verdict != ESCALATED, r.check, r.subject) if r.check.startswith(PREFIX) else (0, *gravity(r))


def _line(r: Judged, names: Mapping[str, str]) -> str:
    words, _, _ = r.explanation.partition("; chance gives")
    what = names.get(r.subject, r.subject)
    if r.check.startswith(PREFIX):
        again = " for the second month running" if r.verdict == ESCALATED else ""
        return f"{what}: {words}; {r.value:.1%} is beyond the limit of {r.threshold:.1%}{again} ({r.owner})"
    if r.subject == r.dimension:
        return f"{r.dimension}: {SAYS[r.check]}: {words}"
    return f"{what} ({r.dimension}) {SAYS[r.check]}: {words}"
