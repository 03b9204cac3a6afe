"""Which k, whether its segments are clusters or parts of a continuum, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segmentation.clustering.evidence import DIFFERENT, Evidence
from segmentation.clustering.references import NOISES, RESAMPLES
from segmentation.clustering.sweep import Candidate, SweepConfig, Swept
from segmentation.clustering.usefulness import Useful
from segmentation.core.text import figure

CLUSTERS, CONTINUUM, NONE = "clusters", "continuum", "none"
MOST_NEIGHBOURS = 0.6
"""Where more of the pairs of neighbours than this have a valley between them, one speaks of clusters."""
ERRORS = 2.0
"""By so many standard errors a silhouette must rise above that of noise."""
CLOSE = 0.05
"""A k whose stability is not more below the best one's is as stable."""


@dataclass(frozen=True)
class Weighed:
    """The best candidate of one k, what speaks for it, and what against it."""

    candidate: Candidate
    evidence: Evidence | None
    barred: str | None
    """What rules it out; None where nothing does."""
    flaws: tuple[str | None, ...]
    """What it is left for where there is one without, the gravest first; None in the place of one that it has not."""

    @property
    def k(self) -> int:
        """Number of clusters."""
        return self.candidate.k

    @property
    def against(self) -> tuple[str, ...]:
        """All of it in words."""
        return tuple(f for f in (self.barred, *self.flaws) if f)


@dataclass(frozen=True)
class Choice:
    """The decision for one dimension; `candidate` None means one segment for all."""

    candidate: Candidate | None
    chosen_by: str
    structure: str
    """clusters, continuum (its segments are parts of one crowd), or none (what there is, noise has too)."""
    reason: str
    weighed: tuple[Weighed, ...]


def choose(config: SweepConfig, dimension: str, swept: Swept) -> Choice:
    """The most stable k, or the most useful of those: of clusters among those with the best index, else among all.

    Of each k the seed with the lowest SSE stands. Silhouettes count by how far they rise above that of noise with the
    same covariance, which allows for k and for features that go together. A k below min_stability is barred; where no
    other rises by min_excess and ERRORS standard errors, there is no structure. Preferred are those with
    min_actionable_k segments, none below min_share, and neighbours that differ in min_different features; the last is
    waived first. Where some of these have a valley between more than MOST_NEIGHBOURS, there are clusters, and those
    within one standard error of the best are weighed. Else customers are a continuum, and all are weighed. With a
    holdout, of those as stable as the most stable (to CLOSE) the smallest is taken that is as useful as any of them to
    within one standard error; without one, or where none is useful beyond ERRORS of these, the most stable (to 0.01),
    of equals the one that most of the other figures speak for, then the smallest. These (Davies–Bouldin,
    Calinski–Harabasz, gap, agreement of seeds) settle no more, as each goes up or down with k also where customers are
    a continuum.
    """
    pinned = config.pinned_k.get(dimension)
    weighed = tuple(_weighed(config, c, swept.evidence.get(c.k)) for c in swept.best)
    if pinned is not None:
        return _pinned(config, pinned, weighed)
    if not weighed:
        reason = f"No structure: the {swept.customers:,} customers do not differ. One segment for all."
        return Choice(None, "system", NONE, reason, ())
    able = [w for w in weighed if not w.barred]
    if not any(_rises(config, w) for w in able):
        return Choice(None, "system", NONE, _nothing(swept.customers, weighed), weighed)
    preferred = _preferred(able)
    rising = preferred if any(_rises(config, w) for w in preferred) else able
    clusters = [w for w in rising if _structure(config, w) == CLUSTERS]
    pool = clusters or preferred
    top = max(pool, key=lambda w: (_excess(w), -w.k))
    near = [w for w in pool if _excess(w) >= _excess(top) - _error(top)] if clusters else pool
    chosen, by, preferences = _best(near)
    if not clusters:
        why = "the only stable k without a greater fault" if len(pool) == 1 else by
        why += ". Customers are a continuum, of which its segments are parts, not clusters"
    elif len(near) == 1:
        why = "the best silhouette above that of noise"
    else:
        why = f"{by}, which have the best silhouette above that of noise to within one error"
    structure = CLUSTERS if clusters else CONTINUUM
    reason = f"k={chosen.k}: {why}.{_told(preferences)} {_said(chosen, weighed)}"
    return Choice(chosen.candidate, "system", structure, reason, weighed)


def _best(near: Sequence[Weighed]) -> tuple[Weighed, str, dict[str, int]]:
    """The one to take, by what it is the best, and for which of its equals other figures speak, where that decides."""
    most = max(_stability(w) for w in near)
    stable = {w.k: u for w in near if _stability(w) >= most - CLOSE and (u := _useful(w))}
    top = max(stable.values(), key=lambda u: u.share, default=None)
    if top is None or len(stable) < 2 or top.share <= ERRORS * top.error:
        equals = [w for w in near if round(_stability(w), 2) == round(most, 2)]
        preferences = _preferences(equals)
        votes = list(preferences.values())
        chosen = min(equals, key=lambda w: (-votes.count(w.k), w.k))
        by = f"the most stable of k={', '.join(str(w.k) for w in near)}"
        if len(equals) > 1:
            by += f" (k={', '.join(str(w.k) for w in equals)} are equally so)"
        return chosen, by, preferences
    chosen = min((w for w in near if w.k in stable and stable[w.k].share >= top.share - top.error), key=lambda w: w.k)
    return chosen, f"the smallest as useful as any of k={', '.join(map(str, stable))}, the most stable", {}


def _preferences(equals: Sequence[Weighed]) -> dict[str, int]:
    """For which of these k each of the other figures speaks."""
    least: dict[str, dict[int, float | None]] = {
        "Davies–Bouldin": {w.k: w.candidate.indices.davies_bouldin for w in equals},
        "Calinski–Harabasz": {w.k: _minus(w.candidate.indices.calinski_harabasz) for w in equals},
        "the gap": {w.k: _minus(w.evidence.gap) for w in equals if w.evidence},
        "the agreement of seeds": {w.k: _minus(w.evidence.seed_agreement) for w in equals if w.evidence},
    }
    known = {name: [(v, k) for k, v in of.items() if v is not None] for name, of in least.items()}
    return {name: min(values)[1] for name, values in known.items() if values}


def _told(preferences: Mapping[str, int]) -> str:
    if len(set(preferences.values())) < 2:
        return ""
    (first, k), *others = preferences.items()
    return f" Of the equally stable {first} speaks for k={k}{''.join(f', {name} for k={k}' for name, k in others)}."


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _weighed(config: SweepConfig, c: Candidate, e: Evidence | None) -> Weighed:
    i = c.indices
    least = min(config.min_different, c.centroids.shape[1])
    alike = e is not None and e.separation < least
    flaws = (
        f"fewer than {config.min_actionable_k} segments" if c.k < config.min_actionable_k else None,
        f"a segment of {i.min_share:.1%}" if i.min_share < config.min_share else None,
        f"neighbours that differ in fewer than {least} feature{'' if least == 1 else 's'}" if alike else None,
    )
    barred = None
    if len(i.sizes) != c.k or min(i.sizes) == 0 or None in (i.silhouette, i.davies_bouldin, i.calinski_harabasz):
        barred = "an empty segment, or none that is wider than a point"
    elif e is None or e.stability is None or e.excess is None or e.error is None:
        barred = "too few customers to resample"
    elif e.stability < config.min_stability:
        barred = f"a stability of {e.stability:.2f}"
    return Weighed(c, e, barred, flaws)


def _preferred(weighed: Sequence[Weighed]) -> list[Weighed]:
    fewest = min(tuple(f is not None for f in w.flaws) for w in weighed)
    return [w for w in weighed if tuple(f is not None for f in w.flaws) == fewest]


def _rises(config: SweepConfig, w: Weighed) -> bool:
    return _excess(w) >= max(config.min_excess, ERRORS * _error(w))


def _structure(config: SweepConfig, w: Weighed) -> str:
    if w.evidence is None or not _rises(config, w):
        return NONE
    return CLUSTERS if w.evidence.valleys > MOST_NEIGHBOURS else CONTINUUM


def _pinned(config: SweepConfig, k: int, weighed: Sequence[Weighed]) -> Choice:
    reason = f"k={k}: pinned in conf/sweep.yml."
    if k == 1 or not weighed:
        return Choice(None, "user", NONE, reason, ())
    (chosen,) = weighed
    structure = _structure(config, chosen)
    kind = {
        CLUSTERS: "",
        CONTINUUM: " Customers are a continuum: its segments are a partition, not clusters.",
        NONE: " At this k cutting noise looks the same: its segments are a partition, not clusters.",
    }[structure]
    return Choice(chosen.candidate, "user", structure, f"{reason}{kind} {_said(chosen, weighed)}", tuple(weighed))


def _said(w: Weighed, weighed: Sequence[Weighed]) -> str:
    i, e = w.candidate.indices, w.evidence
    parts = [
        f"Silhouette {figure(i.silhouette, 3)}, Davies–Bouldin {figure(i.davies_bouldin, 2)}, "
        f"Calinski–Harabasz {figure(i.calinski_harabasz, 0)}; the smallest segment holds {i.min_share:.1%} of the "
        "customers."
    ]
    if e is not None and e.stability is not None and e.excess is not None:
        parts += [
            f"Noise of the same covariance has a silhouette of {_noise(w):.3f} (mean of {NOISES}).",
            f"Over {RESAMPLES} resamples the adjusted Rand index is {e.stability:.2f}, and the least stable segment "
            f"returns in {min(e.returns):.0%}.",
            f"Neighbours differ by {DIFFERENT:g} standard deviations in {e.separation} or more features; between "
            f"{e.valleys:.0%} of them customers are fewer than at either centre.",
        ]
    if (useful := _useful(w)) is not None:
        parts.append(f"Segments of then explain {useful.share:.1%} of the variance of the log spend in the holdout.")
    if w.barred and len(weighed) == 1:
        parts.append(f"Against it: {w.barred}.")
    if any(w.flaws) and len(weighed) > 1:
        parts.append(f"It has {' and '.join(f for f in w.flaws if f)}, but no stable k has fewer faults.")
    more = next((m for m in weighed if m.k == w.k + 1), None)
    if more and more.evidence and more.evidence.stability is not None:
        parts.append(
            f"k={more.k} has a smallest segment of {more.candidate.indices.min_share:.1%} and one that returns in "
            f"{min(more.evidence.returns):.0%} of the resamples (adjusted Rand {more.evidence.stability:.2f})."
        )
    return " ".join(parts)


def _nothing(customers: int, weighed: Sequence[Weighed]) -> str:
    top = max(weighed, key=lambda w: (_excess(w), -w.k))
    reason = f"No structure in the {customers:,} customers. One segment for all."
    if top.evidence is None or top.evidence.excess is None:
        return f"{reason} There are too few to tell it from noise."
    return (
        f"{reason} The silhouette that rises most above that of noise with the same covariance is "
        f"{figure(top.candidate.indices.silhouette, 3)} against {_noise(top):.3f} (k={top.k}), with an adjusted Rand "
        f"index of {_stability(top):.2f} over {RESAMPLES} resamples."
    )


def _noise(w: Weighed) -> float:
    return (w.candidate.indices.silhouette or 0) - _excess(w)


def _excess(w: Weighed) -> float:
    return w.evidence.excess if w.evidence and w.evidence.excess is not None else 0.0


def _error(w: Weighed) -> float:
    return w.evidence.error if w.evidence and w.evidence.error is not None else 0.0


def _useful(w: Weighed) -> Useful | None:
    return w.evidence.useful if w.evidence else None


def _stability(w: Weighed) -> float:
    return w.evidence.stability if w.evidence and w.evidence.stability is not None else 0.0
