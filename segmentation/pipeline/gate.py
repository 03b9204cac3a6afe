"""The gate: whether a refit is good enough, and near enough to the champion, to take its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.clustering import indices_of
from segmentation.core.schemas import UNIFIED
from segmentation.core.text import figure
from segmentation.monitoring import REFUSED, WAITING
from segmentation.pipeline.bundle import Fitted
from segmentation.pipeline.identity import Identified
from segmentation.pipeline.population import Everyone
from segmentation.pipeline.promotion import PromotionRules
from segmentation.segments import Model
from segmentation.segments.matching import SAME

FIRST, PASSED = "first", "passed"


@dataclass(frozen=True)
class Ruling:
    """What is to become of a bundle, and why, in words: `runs.verdict`, by which a later attempt goes, and `reason`."""

    word: str
    reason: str

    @classmethod
    def of(cls, passed: bool, reason: str) -> Ruling:
        """Of a challenger."""
        return cls(PASSED if passed else REFUSED, reason)


def weigh(
    rules: PromotionRules, fitted: Mapping[str, Fitted], found: Mapping[str, Identified], champion: Mapping[str, Model],
    everyone: Everyone, called_for: bool = False,
) -> Ruling:  # fmt: skip
    """The ruling on a challenger: its unified layer beside the champion's, both on the customers of its training.

    Both silhouettes are in the challenger's space: the champion's is that of its segments as their means of today draw
    them there. A single segment for all never takes the place of several; a champion that cannot score these features
    any more gives way. A challenger that drift has `called_for` is not held against the champion: segments that most
    customers have ended up in one of are well apart, and of no use. One that passes waits for a person's word where the
    rules ask for it and the unified segments are not all the same.
    """
    ruling = _weighed(rules, fitted, found, champion, everyone, called_for)
    kin = found[UNIFIED].kin
    changed = Counter(k.relation for k in kin if k.relation != SAME)
    if ruling.word != PASSED or not rules.approval or (kin and not changed):
        return ruling
    # Without a champion's segments to compare with, all are new.
    what = ", ".join(f"{n} {relation}" for relation, n in sorted(changed.items())) or "all are new"
    return Ruling(WAITING, f"waits for approval of what became of segments: {what}; {ruling.reason}")


def _weighed(
    rules: PromotionRules, fitted: Mapping[str, Fitted], found: Mapping[str, Identified], champion: Mapping[str, Model],
    everyone: Everyone, called_for: bool,
) -> Ruling:  # fmt: skip
    f, old, before = fitted[UNIFIED], champion.get(UNIFIED), found[UNIFIED].before
    chosen = f.choice.candidate
    if old is None:
        return Ruling.of(True, "the champion was fitted on features that are off or gone")
    if len(old.centroids) == 1 or before is None:
        return Ruling.of(True, "the champion has no unified segments to compare with")
    if chosen is None:
        return Ruling.of(False, f"no unified segments, where the champion has {len(old.centroids)}")
    evidence = next((w.evidence for w in f.choice.weighed if w.candidate is chosen), None)
    stability = evidence.stability if evidence else None
    useful = evidence.useful.share if evidence and evidence.useful else None
    checks = [
        (stability is not None and stability >= rules.min_stability,
         f"stability {figure(stability, 2)} (at least {rules.min_stability:g})"),
        (chosen.indices.min_share >= rules.min_share,
         f"smallest segment {chosen.indices.min_share:.1%} (at least {rules.min_share:.1%})"),
    ]  # fmt: skip
    if useful is not None:
        checks.append(
            (
                useful >= rules.min_usefulness,
                f"{useful:.1%} of the variance of next-period spend (at least {rules.min_usefulness:.1%})",
            )
        )
    if not called_for:
        was = indices_of(everyone.features, f.preprocessor, before, everyone.scored).silhouette
        now, moved = chosen.indices.silhouette, found[UNIFIED].moved
        checks += [
            (was is None or (now is not None and now >= was - rules.max_silhouette_loss),
             f"silhouette {figure(now, 3)}, the champion's {figure(was, 3)} (at most {rules.max_silhouette_loss:g} "
             "less)"),
            (moved is not None and moved <= rules.max_moved_share,
             f"{figure(None if moved is None else 100 * moved, 1)} % in another segment (at most "
             f"{100 * rules.max_moved_share:g} %)"),
        ]  # fmt: skip
    failed = [said for holds, said in checks if not holds]
    if failed:
        return Ruling.of(False, "; ".join(failed))
    return Ruling.of(True, "; ".join(said for _, said in checks))
