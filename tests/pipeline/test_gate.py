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

RULES = PromotionRules(max_silhouette_loss=0.02, min_stability=0.75, max_moved_share=0.5)
THREE = np.zeros((3, 2))


@pytest.fixture(autouse=True)
def champions_silhouette(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "indices_of", lambda *_: SimpleNamespace(silhouette=0.3))


def verdict(silhouette: float | None = 0.29, stability: float | None = 0.8, moved: float = 0.4, chosen: bool = True,
            old: Any = THREE, before: Any = THREE, known: bool = True) -> gate.Verdict:  # fmt: skip
    candidate = SimpleNamespace(indices=SimpleNamespace(silhouette=silhouette)) if chosen else None
    weighed = [SimpleNamespace(candidate=candidate, evidence=SimpleNamespace(stability=stability))]
    fitted: Any = {
        UNIFIED: SimpleNamespace(choice=SimpleNamespace(candidate=candidate, weighed=weighed), preprocessor=None)
    }
    found: Any = {UNIFIED: SimpleNamespace(before=before, moved=moved)}
    champion: Any = {UNIFIED: SimpleNamespace(centroids=old)} if known else {}
    everyone: Any = SimpleNamespace(features=None, scored=100)
    return weigh(RULES, fitted, found, champion, everyone)


def test_what_keeps_all_rules_passes_with_its_figures() -> None:
    assert verdict() == gate.Verdict(
        "passed",
        "silhouette 0.290, the champion's 0.300 (at most 0.02 less); stability 0.80 (at least 0.75); 40.0 % in "
        "another segment (at most 50 %)",
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"silhouette": 0.279}, "refused: silhouette 0.279, the champion's 0.300 (at most 0.02 less)"),
        ({"silhouette": None}, "refused: silhouette unknown, the champion's 0.300 (at most 0.02 less)"),
        ({"stability": 0.74}, "refused: stability 0.74 (at least 0.75)"),
        ({"stability": None}, "refused: stability unknown (at least 0.75)"),
        ({"moved": 0.51}, "refused: 51.0 % in another segment (at most 50 %)"),
        ({"chosen": False}, "refused: no unified segments, where the champion has 3"),
    ],
)
def test_each_rule_alone_refuses(facts: dict[str, Any], said: str) -> None:
    found = verdict(**facts)
    assert f"{found.word}: {found.reason}" == said


@pytest.mark.parametrize("facts", [{"old": np.zeros((1, 2))}, {"before": None}, {"known": False}])
def test_a_champion_that_says_nothing_of_these_customers_gives_way(facts: dict[str, Any]) -> None:
    assert verdict(**facts).reason.startswith("the champion ")
    assert verdict(**facts, stability=0.0, moved=1.0).word == "passed"
