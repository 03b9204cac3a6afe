"""The choice of k on made-up evidence: which rule decides, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from segmentation.clustering import Candidate, Choice, SweepConfig, Swept, choose
from segmentation.clustering.evidence import Evidence
from segmentation.clustering.indices import Indices
from segmentation.clustering.usefulness import Useful

CUSTOMERS = 1000
D = 4
GOOD = Evidence(
    seed_agreement=0.9, stability=0.9, returns=(1.0, 0.8), error=0.01, excess=0.2, gap=0.3, separation=3, valleys=1.0
)


def candidate(
    k: int, silhouette: float | None = 0.4, smallest: int = 100, seed: int = 11, sse: float = 50
) -> Candidate:
    """k clusters of CUSTOMERS, the first one of `smallest`."""
    rest = CUSTOMERS - smallest
    sizes = (smallest, *[rest // (k - 1)] * (k - 2), rest - rest // (k - 1) * (k - 2))
    return Candidate(k, seed, 5, "lloyd", np.zeros((k, D)), Indices(sizes, sse, silhouette, 0.5, 300))


def weighed(by_k: dict[int, Evidence], *candidates: Candidate, **config: Any) -> Choice:
    """The choice of candidates of these k, or of the given ones."""
    found = candidates or tuple(candidate(k) for k in by_k)
    return choose(SweepConfig(k_max=12, **config), "transactional", Swept(list(found), CUSTOMERS, by_k))


def k_of(choice: Choice) -> int | None:
    return choice.candidate.k if choice.candidate else None


def test_of_clusters_the_one_whose_silhouette_rises_most_above_noise() -> None:
    found = weighed({3: GOOD, 4: replace(GOOD, excess=0.23), 5: replace(GOOD, excess=0.1)})
    assert (k_of(found), found.chosen_by, found.structure) == (4, "system", "clusters")
    assert found.reason == (
        "k=4: the best silhouette above that of noise. Silhouette 0.400, Davies–Bouldin 0.50, Calinski–Harabasz 300; "
        "the smallest segment holds 10.0% of the customers. Noise of the same covariance has a silhouette of 0.170 "
        "(mean of 5). Over 10 resamples the adjusted Rand index is 0.90, and the least stable segment returns in 80%. "
        "Neighbours differ by 0.5 standard deviations in 3 or more features; between 100% of them customers are fewer "
        "than at either centre. k=5 has a smallest segment of 10.0% and one that returns in 80% of the resamples "
        "(adjusted Rand 0.90)."
    )


def test_within_one_error_of_the_best_the_most_stable_wins_and_beyond_it_does_not() -> None:
    near = {3: replace(GOOD, excess=0.191, stability=0.95), 4: replace(GOOD, stability=0.97), 5: GOOD}
    best = {6: replace(GOOD, excess=0.2)}
    found = weighed(near | best)
    assert k_of(found) == 4
    assert found.reason.startswith(
        "k=4: the most stable of k=3, 4, 5, 6, which have the best silhouette above that of noise to within one error."
    )
    beyond = {3: replace(GOOD, excess=0.1899, stability=0.99)}
    assert k_of(weighed(beyond | {5: GOOD})) == 5


def test_of_equally_stable_the_smallest() -> None:
    assert k_of(weighed({4: replace(GOOD, stability=0.902), 5: replace(GOOD, stability=0.898)})) == 4
    assert k_of(weighed({4: replace(GOOD, stability=0.902), 5: replace(GOOD, stability=0.918)})) == 5


def test_of_equally_stable_the_one_that_most_other_figures_speak_for_and_each_is_told() -> None:
    """k=3 has the best Calinski–Harabasz index; 4 the best of the three others; a stabler one takes it nevertheless."""
    evidence = {3: GOOD, 4: replace(GOOD, gap=0.4, seed_agreement=0.95), 5: replace(GOOD, gap=None)}
    indices = {3: (0.9, 400.0), 4: (0.7, 300.0), 5: (0.8, 200.0)}
    candidates = [
        replace(c, indices=replace(c.indices, davies_bouldin=db, calinski_harabasz=ch))
        for c in map(candidate, indices) for db, ch in [indices[c.k]]
    ]  # fmt: skip
    found = weighed(evidence, *candidates)
    assert k_of(found) == 4
    assert (
        " to within one error. Of the equally stable Davies–Bouldin speaks for k=4, Calinski–Harabasz for k=3, the gap "
        "for k=4, the agreement of seeds for k=4. Silhouette"
    ) in found.reason
    stabler = weighed(evidence | {5: replace(GOOD, stability=0.93)}, *candidates)
    assert k_of(stabler) == 5
    assert "speaks for" not in stabler.reason
    # Of what is less stable nobody asks what the others say, however well it does by them.
    fine = replace(candidates[2].indices, davies_bouldin=0.1, calinski_harabasz=900.0)
    shaky = {5: replace(GOOD, stability=0.8, gap=0.9, seed_agreement=1.0)}
    assert k_of(weighed(evidence | shaky, *candidates[:2], replace(candidates[2], indices=fine))) == 4


def test_with_a_holdout_the_smallest_as_useful_as_any_of_those_as_stable_as_the_most_stable() -> None:
    """k=3 is the most stable; 4 and 5 are as stable to 0.05, and 5 says most of the holdout; 6 says more, and sways."""
    by_k = {3: (0.97, 0.10), 4: (0.95, 0.20), 5: (0.93, 0.25), 6: (0.91, 0.40)}
    evidence = {k: replace(GOOD, stability=s, useful=Useful(u, 0.02), valleys=0.2) for k, (s, u) in by_k.items()}
    found = weighed(evidence)
    assert (k_of(found), found.structure) == (5, "continuum")
    assert found.reason.startswith("k=5: the smallest as useful as any of k=3, 4, 5, the most stable. Customers are a")
    assert "Segments of then explain 25.0% of the variance of the log spend in the holdout." in found.reason
    for share, k in ((0.229, 5), (0.231, 4)):  # to within one standard error
        assert k_of(weighed(evidence | {4: replace(evidence[4], useful=Useful(share, 0.02))})) == k


def test_a_holdout_of_which_no_segments_say_anything_changes_nothing() -> None:
    by_k = {3: (0.95, 0.001), 4: (0.97, 0.0), 5: (0.96, 0.003)}
    evidence = {k: replace(GOOD, stability=s, useful=Useful(u, 0.002), valleys=0.2) for k, (s, u) in by_k.items()}
    found = weighed(evidence)
    assert k_of(found) == 4
    assert found.reason.startswith("k=4: the most stable of k=3, 4, 5. Customers are a continuum")


def test_without_valleys_customers_are_a_continuum_and_the_most_stable_k_a_partition_of_it() -> None:
    flat = replace(GOOD, valleys=0.6)
    found = weighed({3: replace(flat, excess=0.01, stability=0.95), 4: replace(flat, stability=0.94), 5: flat})
    assert (k_of(found), found.structure) == (3, "continuum")
    assert found.reason.startswith(
        "k=3: the most stable of k=3, 4, 5. Customers are a continuum, of which its segments are parts, not clusters. "
    )


def test_a_k_with_valleys_is_preferred_to_a_more_stable_and_higher_one_without() -> None:
    found = weighed({3: replace(GOOD, valleys=0.5, stability=1.0, excess=0.3), 4: replace(GOOD, valleys=0.61)})
    assert (k_of(found), found.structure) == (4, "clusters")


@pytest.mark.parametrize(
    ("noise", "structure"),
    [({"excess": 0.019}, "none"), ({"excess": 0.021}, "clusters"), ({"excess": 0.04, "error": 0.021}, "none"),
     ({"excess": 0.04, "error": 0.019}, "clusters"), ({"stability": 0.74}, "none"), ({"stability": 0.75}, "clusters")],
)  # fmt: skip
def test_what_noise_has_too_or_does_not_come_back_is_no_structure(noise: dict[str, float], structure: str) -> None:
    found = weighed({3: replace(GOOD, error=0.001), 4: replace(GOOD, error=0.001)} if not noise else
                    {k: replace(GOOD, **({"error": 0.001} | noise)) for k in (3, 4)})  # fmt: skip
    assert found.structure == structure
    assert (found.candidate is None) == (structure == "none")
    if structure == "none":
        assert found.reason.startswith("No structure in the 1,000 customers. One segment for all. The silhouette that")
        assert found.chosen_by == "system"
        assert [w.k for w in found.weighed] == [3, 4]


def test_no_structure_is_said_with_its_figures() -> None:
    found = weighed({3: replace(GOOD, excess=0.004, stability=0.31), 4: replace(GOOD, excess=0.01, stability=0.42)})
    assert found.reason == (
        "No structure in the 1,000 customers. One segment for all. The silhouette that rises most above that of noise "
        "with the same covariance is 0.400 against 0.390 (k=4), with an adjusted Rand index of 0.42 over 10 resamples."
    )


def test_a_small_segment_two_alike_or_too_few_are_waived_only_where_no_other_is_stable() -> None:
    alike = replace(GOOD, separation=1)
    few, small = candidate(2), candidate(4, smallest=29)
    assert k_of(weighed({2: GOOD, 4: GOOD, 5: alike, 6: GOOD}, few, small, candidate(5), candidate(6))) == 6
    found = weighed({2: GOOD, 4: GOOD, 5: alike}, few, small, candidate(5))
    assert k_of(found) == 5
    assert [w.against for w in found.weighed] == [
        ("fewer than 3 segments",), ("a segment of 2.9%",), ("neighbours that differ in fewer than 2 features",),
    ]  # fmt: skip
    assert "It has neighbours that differ in fewer than 2 features, but no stable k has fewer faults." in found.reason
    assert k_of(weighed({2: GOOD, 4: GOOD}, few, small)) == 4
    assert k_of(weighed({2: GOOD, 4: replace(GOOD, stability=0.5)}, few, small)) == 2
    assert k_of(weighed({2: GOOD, 3: GOOD}, few, candidate(3, smallest=30))) == 3


def test_two_far_groups_do_not_keep_three_stable_ones_from_being_chosen() -> None:
    found = weighed({2: replace(GOOD, stability=1.0, excess=0.5), 3: replace(GOOD, valleys=0.5)})
    assert (k_of(found), found.structure) == (3, "continuum")


def test_two_clusters_are_chosen_where_no_larger_k_rises_above_noise() -> None:
    found = weighed({2: GOOD, 3: replace(GOOD, excess=-0.05)})
    assert (k_of(found), found.structure) == (2, "clusters")
    flat = {2: replace(GOOD, valleys=0.0), 3: replace(GOOD, excess=0.01, valleys=0.0)}
    assert (k_of(weighed(flat)), weighed(flat).structure) == (3, "continuum")


def test_what_bars_a_pinned_k_is_said_and_what_others_might_be_is_not() -> None:
    found = weighed({2: replace(GOOD, stability=0.2)}, pinned_k={"transactional": 2})
    assert k_of(found) == 2
    assert "Against it: a stability of 0.20." in found.reason
    assert "fewer faults" not in found.reason


def test_of_a_ks_seeds_the_one_with_the_lowest_sse_stands_and_of_equals_the_lower_seed() -> None:
    worse, good, tie = (candidate(3, seed=s, sse=sse) for s, sse in ((1, 51), (23, 50), (11, 50)))
    assert weighed({3: GOOD}, worse, good).candidate is good
    assert weighed({3: GOOD}, worse, good, tie).candidate is tie


@pytest.mark.parametrize(
    "broken",
    [
        candidate(3, None),
        candidate(3, smallest=0),
        Candidate(3, 11, 5, "mllib", np.zeros((2, D)), Indices((500, 500), 1, 0.9, 0.1, 900)),
        Candidate(3, 11, 5, "lloyd", np.zeros((3, D)), Indices((300, 300, 400), 1, 0.9, None, 900)),
        Candidate(3, 11, 5, "lloyd", np.zeros((3, D)), Indices((300, 300, 400), 1, 0.9, 0.1, None)),
    ],
    ids=["no silhouette", "an empty cluster", "a cluster too few", "no Davies–Bouldin", "no Calinski–Harabasz"],
)
def test_what_is_not_really_k_clusters_is_barred(broken: Candidate) -> None:
    found = weighed({3: replace(GOOD, excess=0.9), 4: GOOD}, broken, candidate(4))
    assert k_of(found) == 4
    assert [bool(w.barred) for w in found.weighed] == [True, False]


@pytest.mark.parametrize("missing", ["stability", "excess", "error"])
def test_where_too_few_customers_can_be_resampled_nothing_is_chosen(missing: str) -> None:
    found = weighed({3: replace(GOOD, **{missing: None})})
    assert (found.candidate, found.structure) == (None, "none")
    assert found.weighed[0].barred == "too few customers to resample"


@pytest.mark.parametrize(
    ("evidence", "structure", "said"),
    [
        (GOOD, "clusters", "k=5: pinned in conf/sweep.yml. Silhouette 0.400,"),
        (replace(GOOD, valleys=0.1), "continuum", "k=5: pinned in conf/sweep.yml. Customers are a continuum: its "
         "segments are a partition, not clusters. Silhouette"),
        (replace(GOOD, excess=0.0), "none", "k=5: pinned in conf/sweep.yml. At this k cutting noise looks the same: "
         "its segments are a partition, not clusters. Silhouette"),
    ],
)  # fmt: skip
def test_a_pinned_k_is_taken_and_called_what_it_is(evidence: Evidence, structure: str, said: str) -> None:
    found = weighed({5: evidence}, candidate(5, seed=11, sse=60), candidate(5, seed=23, sse=55),
                    pinned_k={"transactional": 5})  # fmt: skip
    assert (k_of(found), found.chosen_by, found.structure) == (5, "user", structure)
    assert found.candidate is not None
    assert found.candidate.seed == 23
    assert found.reason.startswith(said)


def test_a_k_pinned_for_another_dimension_changes_nothing_here() -> None:
    assert k_of(weighed({3: GOOD, 4: replace(GOOD, excess=0.1)}, pinned_k={"behavioral": 4})) == 3


def test_a_pinned_one_is_one_segment_by_the_users_wish() -> None:
    found = choose(SweepConfig(pinned_k={"transactional": 1}), "transactional", Swept([], CUSTOMERS))
    assert found == Choice(None, "user", "none", "k=1: pinned in conf/sweep.yml.", ())


def test_without_candidates_there_is_one_segment() -> None:
    reason = "No structure: the 1,000 customers do not differ. One segment for all."
    assert choose(SweepConfig(), "transactional", Swept([], CUSTOMERS)) == Choice(None, "system", "none", reason, ())
