"""What has moved by more than chance, what that asks for, and one word about all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segmentation.monitoring.rules import Limits, MonitoringRules

HOLDS, MOVED, REFIT, STOP, TOO_FEW = "holds", "moved", "refit", "stop", "too few"
WORDS = {HOLDS: "stable", MOVED: "rescored", REFIT: "refit", STOP: "stop"}
"""The worst of a report's rows → its verdict."""
SHOWN = 3
EFFECTS = ("members_shift", "centroid_shift", "silhouette_loss", "migration_share")
"""Checks that move because others do: a new kind of customer draws a centroid away, a wrong feature moves members."""


@dataclass(frozen=True)
class Change:
    """One figure about then and now."""

    dimension: str
    check: str
    subject: str
    """A feature, a segment_id, or the dimension itself."""
    value: float
    chance: Callable[[float], float] | None
    """What the value exceeds by chance alone in a given share of cases; None where there is too little to judge."""
    words: str
    excuse: str | None = None
    """Why it may move without anything being wrong: for instance it grows by itself while windows fill."""
    at_most: str = STOP
    """The gravest that it may ask for, however far it has moved: STOP, REFIT or MOVED."""
    a_year_ago: Change | None = None
    """The same figure against the same month of last year, where there is one: what holds against it is the season."""


@dataclass(frozen=True)
class Judged:
    """A change with what is too much, and what follows; the columns of `drift_report`."""

    dimension: str
    check: str
    subject: str
    value: float
    threshold: float | None
    """Beyond this it has moved; None where there is too little to judge."""
    verdict: str
    explanation: str
    owner: str | None = None
    """Whom it concerns: of a key figure its owner, or who is told when it stays in breach."""


def judge(rules: MonitoringRules, changes: Sequence[Change]) -> tuple[list[Judged], str, str]:
    """The rows in order of `gravity`; the verdict (stable, rescored, refit or stop), that of the gravest; and why.

    Each of m changes may exceed chance in false_alarms / m of cases (Bonferroni), so the whole report raises a false
    alarm in false_alarms at most, however the figures go together.
    """
    alpha = rules.false_alarms / max(len(changes), 1)
    judged = sorted(((_judged(rules, c, alpha), c) for c in changes), key=lambda of: gravity(of[0]))
    rows = [r for r, _ in judged]
    worst = next((w for w in (STOP, REFIT, MOVED) if any(r.verdict == w for r in rows)), HOLDS)
    told = (STOP,) if worst == STOP else (REFIT, MOVED)
    alarms = [r for r in rows if r.verdict in told]
    if not alarms:
        return rows, WORDS[HOLDS], f"none of {len(rows)} figures has moved by more than chance and what is allowed"
    shown = alarms[:SHOWN]
    if all(r.verdict != worst for r in shown):
        shown[-1] = next(r for r in alarms if r.verdict == worst)  # what has given the word is always named
    named = [f"{r.dimension}, {r.subject}: {r.check} {r.value:.2f}" for r in shown]
    more = [f"and {len(alarms) - SHOWN} more"] if len(alarms) > SHOWN else []
    excuses = dict.fromkeys(c.excuse for r, c in judged if c.excuse and r.verdict in told)
    return rows, WORDS[worst], "; ".join([*named, *more, *excuses])


def _judged(rules: MonitoringRules, c: Change, alpha: float) -> Judged:
    limits: Limits = getattr(rules.checks, c.check)
    value = float(c.value)  # numpy's numbers are none of Spark's
    if c.chance is None:
        return Judged(c.dimension, c.check, c.subject, value, None, TOO_FEW, f"{c.words}: too few to judge")
    chance = float(c.chance(alpha))
    threshold = max(limits.moved, chance)
    words = "; ".join([c.words, *([c.excuse] if c.excuse else []), f"chance gives {chance:.3f}"])
    if value <= threshold:
        return Judged(c.dimension, c.check, c.subject, value, threshold, HOLDS, words)
    wrong = limits.stop is not None and value > limits.stop  # no season makes data right
    if not wrong and c.a_year_ago is not None and _judged(rules, c.a_year_ago, alpha).verdict == HOLDS:
        words += f"; as in the same month of last year, from which it is {c.a_year_ago.value:.3f} away"
        return Judged(c.dimension, c.check, c.subject, value, threshold, HOLDS, words)
    asked = ((STOP, limits.stop), (REFIT, limits.refit))[(STOP, REFIT, MOVED).index(c.at_most) :]
    reached = [w for w, at in asked if at is not None and value > at]
    return Judged(c.dimension, c.check, c.subject, value, threshold, reached[0] if reached else MOVED, words)


def gravity(r: Judged) -> tuple[int, bool, int, float, str, str, str]:
    """What stops comes first, then what has moved: causes before their effects, and of each the gravest first."""
    order = (STOP, REFIT, MOVED, HOLDS, TOO_FEW)
    group = {STOP: 0, REFIT: 1, MOVED: 1, HOLDS: 2, TOO_FEW: 3}[r.verdict]
    beyond = -r.value / (r.threshold or float("inf"))
    return group, r.check in EFFECTS, order.index(r.verdict), beyond, r.dimension, r.check, r.subject
