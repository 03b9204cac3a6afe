"""Names that hold beyond chance, and a suffix for twins that is true."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import ALL_DIMENSIONS
from segmentation.features import load_registry
from segmentation.segments import Personas, load_personas, name_segments
from segmentation.segments.personas import Level, Persona, Thresholds, holds, words
from tests.conftest import CONF

MANY = 10_000


def personas(*listed: Persona) -> Personas:
    return Personas(personas={"transactional": list(listed)})


def named(people: Personas, *segments: dict[str, float], customers: int = MANY) -> tuple[str, ...]:
    return name_segments(people, "transactional", segments, [customers] * len(segments))


SPENDERS = personas(
    Persona(name="Champions", when={"revenue": "high", "orders": "very_high"}),
    Persona(name="High spenders", when={"revenue": "high"}),
    Persona(name="Rare", when={"orders": "very_low"}),
    Persona(name="Low spenders", when={"revenue": "low"}),
)


@pytest.mark.parametrize(
    ("level", "z", "customers", "expected"),
    [
        ("high", 0.40, MANY, True), ("high", 0.39, MANY, False), ("high", -0.9, MANY, False),
        ("low", -0.40, MANY, True), ("low", -0.39, MANY, False), ("low", 0.9, MANY, False),
        ("very_high", 0.90, MANY, True), ("very_high", 0.89, MANY, False),
        ("very_low", -0.90, MANY, True), ("very_low", -0.89, MANY, False),
        # 0.4·√100 is four standard errors, 0.4·√99 is 3.98; 1·√16 is four, 1·√15 is 3.9
        ("high", 0.4, 100, True), ("high", 0.4, 99, False), ("low", -0.4, 99, False),
        ("very_high", 1.0, 16, True), ("very_high", 1.0, 15, False), ("high", 5.0, 0, False),
    ],
)  # fmt: skip
def test_a_level_holds_from_its_threshold_and_beyond_four_standard_errors(
    level: Level, z: float, customers: int, expected: bool
) -> None:
    assert holds(level, z, customers, Thresholds()) is expected


def test_thresholds_are_the_files() -> None:
    assert holds("high", 0.2, MANY, Thresholds(high=0.2, very_high=0.3))
    assert not holds("very_high", 0.2, MANY, Thresholds(high=0.2, very_high=0.3))


def test_the_first_persona_whose_every_predicate_holds_gives_the_name() -> None:
    names = named(
        SPENDERS,
        {"revenue": 1.0, "orders": 1.0},  # Champions and High spenders hold
        {"revenue": 1.0, "orders": 0.5},  # orders are not very high
        {"revenue": -1.0, "orders": -1.0},  # Rare stands before Low spenders
        {"revenue": -1.0},  # what is not measured holds nothing
        {"revenue": 0.1, "orders": 0.1},
    )
    assert names == ("Champions", "High spenders", "Rare", "Low spenders", "Mixed")


def test_too_few_customers_are_mixed() -> None:
    assert named(SPENDERS, {"revenue": 1.0, "orders": 1.0}, customers=15) == ("Mixed",)


def test_a_dimension_without_personas_is_mixed() -> None:
    assert name_segments(SPENDERS, "behavioral", [{"revenue": 2.0}], [MANY]) == ("Mixed",)


def test_twins_each_add_the_feature_in_which_they_stand_out_most() -> None:
    """Items differ by 1.1 (−.5 against .6), orders by .7, revenue by .5."""
    assert named(
        SPENDERS,
        {"revenue": 1.0, "orders": 0.8, "items_365d": -0.5},
        {"revenue": 0.5, "orders": 0.1, "items_365d": 0.6},
    ) == ("High spenders, low items", "High spenders, high items")


def test_a_suffix_must_be_true_of_the_segment_not_only_of_the_pair() -> None:
    """.3 is far from −.6, yet no high: the first has nothing to add, the second has."""
    assert named(
        SPENDERS, {"revenue": 0.7, "items_30d": 0.3}, {"revenue": 0.7, "items_30d": -0.6}
    ) == ("High spenders", "High spenders, low items")  # fmt: skip


def test_of_three_twins_only_who_stands_out_from_both_says_so() -> None:
    names = named(SPENDERS, *({"revenue": 0.7, "items": items} for items in (0.5, 0.9, 0.9)))
    assert names == ("High spenders",) * 3
    names = named(SPENDERS, *({"revenue": 0.7, "items": items} for items in (0.5, 0.9, -0.9)))
    assert names == ("High spenders", "High spenders, high items", "High spenders, low items")


def test_a_value_of_a_nominal_feature_is_more_or_fewer() -> None:
    assert named(
        SPENDERS, {"revenue": 0.7, "home_ownership=Renter": 0.8}, {"revenue": 0.7, "home_ownership=Renter": -0.5}
    ) == ("High spenders, more Renter (home ownership)", "High spenders, fewer Renter (home ownership)")  # fmt: skip


def test_one_of_a_kind_gets_no_suffix() -> None:
    assert named(SPENDERS, {"revenue": 0.7, "items": 2.0}, {"revenue": -0.7, "items": -2.0}) == (
        "High spenders", "Low spenders",
    )  # fmt: skip


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.lists(st.tuples(*[st.floats(-1.5, 1.5)] * 3), min_size=2, max_size=5), st.sampled_from([20, 200, MANY]))
def test_every_name_is_true_whatever_the_segments(rows: list[tuple[float, ...]], customers: int) -> None:
    segments = [dict(zip(("revenue", "orders", "items"), row, strict=True)) for row in rows]
    names = named(SPENDERS, *segments, customers=customers)
    conditions = {p.name: p.when for p in SPENDERS.personas["transactional"]} | {"Mixed": {}}
    for own, name in zip(segments, names, strict=True):
        base, _, suffix = name.partition(", ")
        assert all(holds(level, own[f], customers, Thresholds()) for f, level in conditions[base].items())
        if suffix:
            direction, feature = suffix.split(" ")
            assert direction in ("high", "low")
            assert holds("high" if direction == "high" else "low", own[feature], customers, Thresholds())
            assert names.count(name) == 1


def test_words_of_a_feature() -> None:
    assert [words(f) for f in ("orders_30d", "orders_lifetime", "days_since_last_order", "a_b=c_d", "id")] == [
        "orders", "orders", "days since last order", "c_d (a b)", "id",
    ]  # fmt: skip


FEATURES = [f.name for f in load_registry(CONF, frozenset()).features]
OURS = load_personas(CONF, FEATURES)


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_assignments_earn_no_name(seed: int) -> None:
    """400 customers whose features are noise, dealt at random into four segments: nothing there to be named."""
    rng = np.random.default_rng(seed)
    for dimension in ALL_DIMENSIONS:
        slots = sorted({f for p in OURS.personas[dimension] for f in p.when})
        x = rng.normal(0, 1, (400, len(slots)))
        segment = rng.permutation(np.repeat(range(4), 100))
        z = [dict(zip(slots, x[segment == s].mean(axis=0) - x.mean(axis=0), strict=True)) for s in range(4)]
        assert name_segments(OURS, dimension, z, [100] * 4) == ("Mixed",) * 4, f"seed {seed}, {dimension}"


def test_real_differences_do_earn_a_name() -> None:
    """The same noise, but the quarter with the highest revenue together."""
    rng = np.random.default_rng(0)
    revenue = np.sort(rng.normal(0, 1, 400)).reshape(4, 100)
    z = [{"net_revenue_365d": float(quarter.mean())} for quarter in revenue]
    names = name_segments(OURS, "transactional", z, [100] * 4)
    assert [n.split(",")[0] for n in names] == ["Low spenders", "Mixed", "Mixed", "High spenders"]


def copy_of(folder: Path, old: str, new: str) -> Path:
    shutil.copy(CONF / "personas.yml", folder)
    text = (folder / "personas.yml").read_text(encoding="utf-8")
    assert old in text
    (folder / "personas.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("net_revenue_365d: high", "net_revenu_365d: high",
         r'transactional: Champions.*: "net_revenu_365d" is no feature of the fit.*Did you mean "net_revenue_365d"\?'),
        ("  behavioral:", "  behavioural:", r'"behavioural" is not a dimension\. .*Did you mean "behavioral"\?'),
        ("net_revenue_365d: high", "net_revenue_365d: hihg", r"'very_low', 'low', 'high' or 'very_high'.*hihg"),
        ("thresholds:", "tresholds:", r'key "tresholds" is not known\. .*Did you mean "thresholds"\?'),
        ("{name: High spenders, when:", "{name: High spenders, wen:", r"wen"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_the_nearest_right_word(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_personas(copy_of(tmp_path, old, new), FEATURES)
