"""Which k, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.clustering.sweep import Candidate, SweepConfig


@dataclass(frozen=True)
class Weighed:
    """The best candidate of one k with the score it got, 0..1; None where it could not be scored."""

    candidate: Candidate
    score: float | None
    eligible: bool


@dataclass(frozen=True)
class Choice:
    """The decision for one dimension; `candidate` None means one segment for all."""

    candidate: Candidate | None
    chosen_by: str
    reason: str
    weighed: tuple[Weighed, ...]


def choose(config: SweepConfig, dimension: str, candidates: Sequence[Candidate], customers: int) -> Choice:
    """The smallest k whose score is within `tolerance` of the best.

    Of each k the seed with the lowest SSE stands. A k is eligible from min_actionable_k on, with no cluster below
    min_share. The score is the mean of silhouette, Davies–Bouldin (inverted) and Calinski–Harabasz, each
    scaled to 0..1 over the eligible.
    """
    pinned = config.pinned_k.get(dimension)
    if not candidates:
        if pinned == 1:
            return Choice(None, "user", "k=1: pinned in conf/sweep.yml.", ())
        return Choice(
            None,
            "system",
            f"No structure: the {customers:,} customers do not differ. One segment for all.",
            (),
        )
    best: dict[int, Candidate] = {}
    for c in sorted(candidates, key=lambda c: (c.k, c.indices.sse, c.seed)):
        best.setdefault(c.k, c)
    if pinned is not None:
        return Choice(
            best[pinned],
            "user",
            f"k={pinned}: pinned in conf/sweep.yml.",
            (Weighed(best[pinned], None, True),),
        )
    able = [c for c in best.values() if c.k >= config.min_actionable_k and _is_real(c)]
    large = [c for c in able if c.indices.min_share >= config.min_share]
    pool = large or able
    if not pool:
        reason = (
            f"No structure: the {customers:,} customers fall into fewer than {config.min_actionable_k} distinct groups "
            f"(min_actionable_k in conf/sweep.yml). One segment for all."
        )
        return Choice(None, "system", reason, tuple(Weighed(c, None, False) for c in best.values()))
    scores = _scores(pool)
    top = max(scores.values())
    chosen = min((c for c in pool if scores[c.k] >= top - config.tolerance), key=lambda c: c.k)
    weighed = tuple(Weighed(c, scores.get(c.k), c in pool) for c in best.values())
    return Choice(chosen, "system", _reason(config, chosen, scores, best, bool(large)), weighed)


def _is_real(c: Candidate) -> bool:
    """All k clusters have members and the indices exist."""
    i = c.indices
    return (
        len(i.sizes) == c.k and min(i.sizes) > 0 and None not in (i.silhouette, i.davies_bouldin, i.calinski_harabasz)
    )


def _scores(pool: Sequence[Candidate]) -> dict[int, float]:
    columns = [
        {c.k: float(c.indices.silhouette or 0) for c in pool},
        {c.k: -float(c.indices.davies_bouldin or 0) for c in pool},
        {c.k: float(c.indices.calinski_harabasz or 0) for c in pool},
    ]
    scaled = [_unit(column) for column in columns]
    return {c.k: sum(column[c.k] for column in scaled) / len(scaled) for c in pool}


def _unit(column: dict[int, float]) -> dict[int, float]:
    low, high = min(column.values()), max(column.values())
    return {k: (v - low) / (high - low) if high > low else 1.0 for k, v in column.items()}


def _reason(
    config: SweepConfig, chosen: Candidate, scores: dict[int, float], best: dict[int, Candidate], large: bool
) -> str:
    i = chosen.indices
    top_k = max(scores, key=lambda k: (scores[k], -k))
    what = (
        "best score" if top_k == chosen.k
        else f"smallest k within {config.tolerance:g} of the best score ({scores[top_k]:.2f} at k={top_k})"
    )  # fmt: skip
    text = (
        f"k={chosen.k}: {what} of silhouette, Davies–Bouldin and Calinski–Harabasz ({scores[chosen.k]:.2f}; silhouette "
        f"{i.silhouette:.3f}, Davies–Bouldin {i.davies_bouldin:.2f}, Calinski–Harabasz {i.calinski_harabasz:,.0f}); "
        f"its smallest segment holds {i.min_share:.1%} of the customers."
    )
    if not large:
        return text + f" No k kept every segment above {config.min_share:.0%}."
    small = [k for k, c in best.items() if c.indices.min_share < config.min_share and k >= config.min_actionable_k]
    if small:
        listed = ", ".join(f"{k} ({best[k].indices.min_share:.1%})" for k in small)
        text += f" Left out, with a segment below {config.min_share:.0%}: k={listed}."
    finer = [
        k for k, c in best.items() if k < config.min_actionable_k and (c.indices.silhouette or -1) > (i.silhouette or 0)
    ]
    if finer:
        listed = ", ".join(f"k={k} ({best[k].indices.silhouette:.3f})" for k in finer)
        text += f" The silhouette alone prefers {listed}: too few to act on (min_actionable_k)."
    return text
