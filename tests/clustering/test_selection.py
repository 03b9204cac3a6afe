"""Which k is chosen and what is said of it: the scores worked out by hand, for 1,000 customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segmentation.clustering import Candidate, Choice, SweepConfig, choose
from segmentation.clustering.indices import Indices

BY = "silhouette, Davies–Bouldin and Calinski–Harabasz"


def candidate(
    k: int, silhouette: float | None, davies_bouldin: float | None, calinski_harabasz: float | None,
    smallest: int = 200, seed: int = 11, sse: float = 50.0,
) -> Candidate:  # fmt: skip
    """A fit of 1,000 customers whose smallest cluster has `smallest`."""
    sizes = (*[smallest] * (k - 1), 1000 - smallest * (k - 1))
    indices = Indices(sizes, sse, silhouette, davies_bouldin, calinski_harabasz)
    return Candidate(k, seed, 5, "mllib", np.zeros((k, 1)), indices)


def chosen(*candidates: Candidate, **config: Any) -> Choice:
    return choose(SweepConfig(**config), "transactional", candidates, 1000)


# Scaled to 0..1 over the three: k=3 is best in everything, k=4 halfway, k=5 worst.
THREE, FOUR, FIVE = (candidate(3, 0.6, 0.5, 300), candidate(4, 0.3, 1.0, 200), candidate(5, 0.0, 1.5, 100))


def test_the_best_score_is_chosen_and_says_its_figures() -> None:
    choice = chosen(FIVE, FOUR, THREE)
    assert choice.candidate is THREE
    assert choice.chosen_by == "system"
    assert choice.reason == (
        f"k=3: best score of {BY} (1.00; silhouette 0.600, Davies–Bouldin 0.50, Calinski–Harabasz 300); "
        "its smallest segment holds 20.0% of the customers."
    )
    assert [(w.candidate.k, w.score, w.eligible) for w in choice.weighed] == [
        (3, 1.0, True), (4, pytest.approx(0.5), True), (5, 0.0, True),
    ]  # fmt: skip


def test_a_smaller_k_within_the_tolerance_of_the_best_is_chosen() -> None:
    """k=3 scores (.57/.6 + .98/1 + 196/200)/3 = .97 against 1.00 for k=4."""
    candidates = candidate(3, 0.57, 0.52, 296), candidate(4, 0.6, 0.5, 300), FIVE
    assert chosen(*candidates, tolerance=0.05).reason == (
        f"k=3: smallest k within 0.05 of the best score (1.00 at k=4) of {BY} (0.97; silhouette 0.570, "
        "Davies–Bouldin 0.52, Calinski–Harabasz 296); its smallest segment holds 20.0% of the customers."
    )
    closer = chosen(*candidates, tolerance=0.02)
    assert closer.reason.startswith(f"k=4: best score of {BY} (1.00;")
    assert closer.candidate is candidates[1]


@pytest.mark.parametrize(
    ("three", "four"),
    [
        ((0.2, 0.5, 100.0), (0.4, 0.5, 100.0)),  # a higher silhouette
        ((0.4, 0.9, 100.0), (0.4, 0.5, 100.0)),  # a lower Davies–Bouldin
        ((0.4, 0.5, 100.0), (0.4, 0.5, 200.0)),  # a higher Calinski–Harabasz
    ],
)
def test_each_index_weighs_a_third_in_its_direction(three: tuple[float, ...], four: tuple[float, ...]) -> None:
    choice = chosen(candidate(3, *three), candidate(4, *four))
    assert choice.candidate is not None
    assert choice.candidate.k == 4
    assert [w.score for w in choice.weighed] == [pytest.approx(2 / 3), 1.0]


def test_of_equals_the_smallest_k_is_the_best() -> None:
    choice = chosen(candidate(3, 0.4, 0.5, 100), candidate(4, 0.4, 0.5, 100))
    assert choice.reason.startswith(f"k=3: best score of {BY} (1.00;")


def test_a_k_with_a_small_segment_is_left_out_by_name_whatever_its_score() -> None:
    small = candidate(4, 0.99, 0.01, 9000, smallest=10)
    choice = chosen(THREE, small, FIVE)
    assert choice.candidate is THREE
    assert choice.reason.endswith(
        "its smallest segment holds 20.0% of the customers. Left out, with a segment below 3%: k=4 (1.0%)."
    )
    assert [(w.candidate.k, w.score, w.eligible) for w in choice.weighed] == [
        (3, 1.0, True), (4, None, False), (5, 0.0, True),
    ]  # fmt: skip


@pytest.mark.parametrize(("smallest", "eligible"), [(30, True), (29, False)])
def test_a_segment_of_exactly_the_smallest_share_is_large_enough(smallest: int, eligible: bool) -> None:
    choice = chosen(THREE, candidate(4, 0.9, 0.1, 900, smallest=smallest), min_share=0.03)
    assert choice.candidate is not None
    assert choice.candidate.k == (4 if eligible else 3)


def test_where_no_k_keeps_all_segments_large_the_best_of_all_is_chosen_and_says_so() -> None:
    three, four = candidate(3, 0.6, 0.5, 300, smallest=10), candidate(4, 0.3, 1.0, 200, smallest=5)
    choice = chosen(three, four)
    assert choice.candidate is three
    assert choice.reason.endswith("its smallest segment holds 1.0% of the customers. No k kept every segment above 3%.")
    assert all(w.eligible for w in choice.weighed)


def test_it_is_said_where_the_silhouette_prefers_fewer_than_one_can_act_on() -> None:
    choice = chosen(candidate(2, 0.9, 0.1, 900), THREE, FOUR)
    assert choice.candidate is THREE
    assert choice.reason.endswith(" The silhouette alone prefers k=2 (0.900): too few to act on (min_actionable_k).")
    assert [(w.candidate.k, w.eligible) for w in choice.weighed] == [(2, False), (3, True), (4, True)]
    assert "prefers" not in chosen(candidate(2, 0.5, 0.1, 900), THREE, FOUR).reason
    assert chosen(candidate(2, 0.9, 0.1, 900), THREE, FOUR, min_actionable_k=2).reason.startswith("k=2: best score")


def test_a_pinned_k_is_taken_whatever_the_others_score() -> None:
    choice = chosen(candidate(5, 0.0, 1.5, 100, seed=11, sse=60.0), candidate(5, -0.1, 2, 90, seed=23, sse=55.0),
                    pinned_k={"transactional": 5})  # fmt: skip
    assert choice.candidate is not None
    assert (choice.candidate.k, choice.candidate.seed, choice.chosen_by) == (5, 23, "user")
    assert choice.reason == "k=5: pinned in conf/sweep.yml."
    assert [(w.candidate.seed, w.score, w.eligible) for w in choice.weighed] == [(23, None, True)]


def test_a_k_pinned_for_another_dimension_changes_nothing_here() -> None:
    assert chosen(THREE, FOUR, pinned_k={"behavioral": 4}).candidate is THREE


def test_a_pinned_one_is_one_segment_by_the_users_wish() -> None:
    assert chosen(pinned_k={"transactional": 1}) == Choice(None, "user", "k=1: pinned in conf/sweep.yml.", ())


def test_without_candidates_there_is_one_segment() -> None:
    reason = "No structure: the 1,000 customers do not differ. One segment for all."
    assert chosen() == Choice(None, "system", reason, ())


def test_fewer_groups_than_one_can_act_on_are_one_segment() -> None:
    choice = chosen(candidate(2, 0.9, 0.1, 900))
    assert (choice.candidate, choice.chosen_by) == (None, "system")
    assert choice.reason == (
        "No structure: the 1,000 customers fall into fewer than 3 distinct groups "
        "(min_actionable_k in conf/sweep.yml). One segment for all."
    )
    assert [(w.candidate.k, w.score, w.eligible) for w in choice.weighed] == [(2, None, False)]


def test_of_a_ks_seeds_the_one_with_the_lowest_sse_stands_and_of_equals_the_lower_seed() -> None:
    worse, good, tie = (candidate(3, 0.6, 0.5, 300, seed=s, sse=sse) for s, sse in ((1, 51), (23, 50), (11, 50)))
    assert chosen(worse, good, FOUR).candidate is good
    assert chosen(worse, good, tie, FOUR).candidate is tie


@pytest.mark.parametrize(
    "broken",
    [
        candidate(3, None, 0.5, 900),
        candidate(3, 0.99, None, 900),
        candidate(3, 0.99, 0.01, None),
        candidate(3, 0.99, 0.01, 900, smallest=0),
        Candidate(3, 11, 5, "mllib", np.zeros((2, 1)), Indices((500, 500), 1, 0.9, 0.1, 900)),
    ],
    ids=["no silhouette", "no Davies–Bouldin", "no Calinski–Harabasz", "an empty cluster", "a cluster too few"],
)
def test_a_candidate_that_is_not_really_k_clusters_is_not_eligible(broken: Candidate) -> None:
    choice = chosen(broken, FOUR)
    assert choice.candidate is FOUR
    assert [w.eligible for w in choice.weighed] == [False, True]
