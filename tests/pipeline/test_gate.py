"""The gate of `conf/promotion.yml`: each rule alone can refuse, and says by how much."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segmentation.core.schemas import UNIFIED
from segmentation.pipeline import gate
from segmentation.pipeline.gate import weigh
from segmentation.pipeline.promotion import PromotionRules

RULES = PromotionRules(
    max_silhouette_loss=0.02, min_stability=0.75, min_share=0.03, min_usefulness=0.05, max_moved_share=0.5
)
THREE = np.zeros((3, 2))


@pytest.fixture(autouse=True)
def champions_silhouette(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "indices_of", lambda *_: SimpleNamespace(silhouette=0.3))


def verdict(silhouette: float | None = 0.29, stability: float | None = 0.8, moved: float = 0.4, chosen: bool = True,
            old: Any = THREE, before: Any = THREE, known: bool = True, share: float = 0.1, useful: float | None = 0.2,
            called_for: bool = False, approval: bool = False,
            relations: tuple[str, ...] = ()) -> gate.Ruling:  # fmt: skip
    indices = SimpleNamespace(silhouette=silhouette, min_share=share)
    candidate = SimpleNamespace(indices=indices) if chosen else None
    evidence = SimpleNamespace(stability=stability, useful=None if useful is None else SimpleNamespace(share=useful))
    weighed = [SimpleNamespace(candidate=candidate, evidence=evidence)]
    fitted: Any = {
        UNIFIED: SimpleNamespace(choice=SimpleNamespace(candidate=candidate, weighed=weighed), preprocessor=None)
    }
    kin = [SimpleNamespace(relation=r) for r in relations]
    found: Any = {UNIFIED: SimpleNamespace(before=before, moved=moved, kin=kin)}
    champion: Any = {UNIFIED: SimpleNamespace(centroids=old)} if known else {}
    everyone: Any = SimpleNamespace(features=None, scored=100)
    rules = RULES.model_copy(update={"approval": approval})
    return weigh(rules, fitted, found, champion, everyone, called_for)


def test_what_keeps_all_rules_passes_with_its_figures() -> None:
    assert verdict() == gate.Ruling(
        "passed",
        "stability 0.80 (at least 0.75); smallest segment 10.0% (at least 3.0%); 20.0% of the variance of next-period "
        "spend (at least 5.0%); silhouette 0.290, the champion's 0.300 (at most 0.02 less); 40.0 % in another segment "
        "(at most 50 %)",
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"silhouette": 0.279}, "refused: silhouette 0.279, the champion's 0.300 (at most 0.02 less)"),
        ({"silhouette": None}, "refused: silhouette unknown, the champion's 0.300 (at most 0.02 less)"),
        ({"stability": 0.74}, "refused: stability 0.74 (at least 0.75)"),
        ({"stability": None}, "refused: stability unknown (at least 0.75)"),
        ({"share": 0.029}, "refused: smallest segment 2.9% (at least 3.0%)"),
        ({"useful": 0.04}, "refused: 4.0% of the variance of next-period spend (at least 5.0%)"),
        ({"moved": 0.51}, "refused: 51.0 % in another segment (at most 50 %)"),
        ({"chosen": False}, "refused: no unified segments, where the champion has 3"),
    ],
)
def test_each_rule_alone_refuses(facts: dict[str, Any], said: str) -> None:
    found = verdict(**facts)
    assert f"{found.word}: {found.reason}" == said


def test_what_drift_has_called_for_is_not_held_against_the_champion_and_without_a_holdout_usefulness_is_not_asked() -> (
    None
):
    assert verdict(moved=0.9, silhouette=0.1, called_for=True).word == "passed"
    assert verdict(moved=0.9, called_for=True, stability=0.1).word == "refused"
    assert verdict(useful=None).word == "passed"


@pytest.mark.parametrize("facts", [{"old": np.zeros((1, 2))}, {"before": None}, {"known": False}])
def test_a_champion_that_says_nothing_of_these_customers_gives_way(facts: dict[str, Any]) -> None:
    assert verdict(**facts).reason.startswith("the champion ")
    assert verdict(**facts, stability=0.0, moved=1.0).word == "passed"


def test_changed_segments_wait_where_a_person_is_asked() -> None:
    waits = verdict(approval=True, relations=("same", "split", "split", "retired"))
    assert waits.word == "waits"
    assert waits.reason.startswith("waits for approval of what became of segments: 1 retired, 2 split; stability 0.80")
    assert verdict(approval=True, relations=("same", "same")).word == "passed"
    assert verdict(approval=False, relations=("split",)).word == "passed"
    assert verdict(approval=True, relations=("split",), stability=0.1).word == "refused"
    nothing_to_compare_with = verdict(approval=True, known=False)
    assert nothing_to_compare_with.word == "waits"
    assert nothing_to_compare_with.reason.startswith("waits for approval of what became of segments: all are new; ")
