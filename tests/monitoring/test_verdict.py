"""What has moved, and one word about all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from segmentation.core.config import load
from segmentation.core.errors import ConfigError
from segmentation.monitoring import Change, MonitoringRules, judge
from tests.conftest import CONF

RULES = load(CONF / "monitoring.yml", MonitoringRules)


def change(
    check: str, value: float, chance: float | None = 0.0, subject: str = "x", excuse: str | None = None,
    at_most: str = "stop",
) -> Change:  # fmt: skip
    given = None if chance is None else lambda alpha: chance
    return Change("transactional", check, subject, value, given, "words", excuse, at_most)


def words(*changes: Change) -> tuple[list[str], str]:
    rows, verdict, _ = judge(RULES, changes)
    return [r.verdict for r in rows], verdict


def test_the_gravest_figure_gives_the_word() -> None:
    assert words(change("feature_psi", 0.05)) == (["holds"], "stable")
    assert words(change("feature_psi", 0.05), change("members_shift", 0.3)) == (["moved", "holds"], "rescored")
    assert words(change("feature_psi", 0.2), change("members_shift", 0.6)) == (["moved", "refit"], "refit")
    assert words(change("feature_psi", 3.0), change("members_shift", 9.0)) == (["stop", "refit"], "stop")
    assert words() == ([], "stable")


def test_a_figure_at_its_limit_is_not_beyond_it() -> None:
    """0.1, 0.5 and 2."""
    assert words(change("feature_psi", 0.1)) == (["holds"], "stable")
    assert words(change("feature_psi", 0.5)) == (["moved"], "rescored")
    assert words(change("feature_psi", 2.0)) == (["refit"], "refit")
    assert words(change("feature_psi", 0.3, chance=0.3)) == (["holds"], "stable")


def test_what_asks_for_more_comes_first_and_then_what_is_farther_beyond_its_own_limit() -> None:
    refit, far, farther = change("outside_share", 0.11), change("feature_psi", 0.4), change("extreme_share", 0.13 / 1.4)
    rows, _, _ = judge(RULES, [far, farther, refit])
    assert [(r.check, r.verdict) for r in rows] == [
        ("outside_share", "refit"), ("feature_psi", "moved"), ("extreme_share", "moved")
    ]  # fmt: skip
    small, large = change("missing_share", 0.19), change("feature_psi", 0.3)
    assert [r.check for r in judge(RULES, [large, small])[0]] == ["missing_share", "feature_psi"]


def test_what_chance_may_give_has_not_moved_however_large() -> None:
    assert words(change("feature_psi", 0.9, chance=1.0)) == (["holds"], "stable")
    assert words(change("feature_psi", 0.9, chance=0.8)) == (["refit"], "refit")
    assert words(change("segment_share", 0.9, chance=None)) == (["too few"], "stable")


def test_what_grows_by_itself_asks_for_nothing() -> None:
    grown = change("members_shift", 9.0, excuse="windows fill", at_most="moved")
    assert words(grown) == (["moved"], "rescored")
    assert words(replace(grown, a_year_ago=change("members_shift", 0.1))) == (["holds"], "stable")
    much = change("feature_psi", 3.0, excuse="windows fill", at_most="moved")
    assert words(replace(much, a_year_ago=change("feature_psi", 0.0))) == (["moved"], "rescored")


def test_what_has_outgrown_its_training_asks_for_a_refit_and_never_stops_a_month() -> None:
    assert words(change("feature_psi", 3.0, at_most="refit")) == (["refit"], "refit")
    assert words(change("feature_psi", 0.5, at_most="refit")) == (["moved"], "rescored")
    assert words(change("feature_psi", 3.0, at_most="stop")) == (["stop"], "stop")


def test_an_excuse_stands_in_the_row_and_once_in_the_reason_where_one_of_its_rows_gave_the_word() -> None:
    filled = [change("outside_share", v, excuse="windows fill", at_most="moved") for v in (0.4, 0.6)]
    rows, _, reason = judge(RULES, filled)
    assert [r.explanation for r in rows] == ["words; windows fill; chance gives 0.000"] * 2
    assert reason == "transactional, x: outside_share 0.60; transactional, x: outside_share 0.40; windows fill"
    held = change("feature_psi", 0.05, excuse="windows fill")
    assert judge(RULES, [held, change("members_shift", 0.3)])[2] == "transactional, x: members_shift 0.30"
    assert judge(RULES, [*filled, change("feature_psi", 2.5)])[2] == "transactional, x: feature_psi 2.50"


def test_chance_is_asked_for_the_share_that_all_figures_together_allow() -> None:
    asked: list[float] = []

    def chance(alpha: float) -> float:
        asked.append(alpha)
        return 0.0

    judge(RULES, [Change("unified", "feature_psi", str(i), 0.0, chance, "") for i in range(4)])
    assert asked == [RULES.false_alarms / 4] * 4


def test_the_reason_names_the_worst_three_by_how_far_they_are_beyond() -> None:
    far = [change("feature_psi", 0.6 + i / 10, subject=f"f{i}") for i in range(4)]
    _, _, reason = judge(RULES, [*far, change("missing_share", 0.06, subject="other")])
    assert reason == (
        "transactional, f3: feature_psi 0.90; transactional, f2: feature_psi 0.80; "
        "transactional, f1: feature_psi 0.70; and 2 more"
    )
    _, _, calm = judge(RULES, [change("feature_psi", 0.05)])
    assert calm == "none of 1 figures has moved by more than chance and what is allowed"


@pytest.mark.parametrize(
    ("line", "message"),
    [("  feature_psi: {moved: 0.5, refit: 0.1}", "`moved` ≤ `refit` ≤ `stop` is expected"),
     ("  feature_spi: {moved: 0.5}", "feature_spi"), ("  feature_psi: {moved: 0}", "greater than 0")],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named(tmp_path: Path, line: str, message: str) -> None:
    text = (CONF / "monitoring.yml").read_text()
    at = text.index("  feature_psi:")
    (tmp_path / "monitoring.yml").write_text(f"{text[:at]}{line}\n{text[text.index('  recent_psi:') :]}")
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "monitoring.yml", MonitoringRules)


def test_what_holds_against_the_same_month_of_last_year_is_the_season() -> None:
    christmas = change("members_shift", 0.9)
    alike, other = change("members_shift", 0.2), change("members_shift", 0.4)
    assert words(replace(christmas, a_year_ago=alike)) == (["holds"], "stable")
    assert words(replace(christmas, a_year_ago=other)) == (["refit"], "refit")
    assert words(replace(christmas, a_year_ago=change("members_shift", 0.2, chance=None))) == (["refit"], "refit")
    assert words(replace(change("feature_psi", 3.0), a_year_ago=change("feature_psi", 0.0))) == (["stop"], "stop")
    [row], _, _ = judge(RULES, [replace(christmas, a_year_ago=alike)])
    assert row.value == 0.9
    assert row.explanation.endswith("; as in the same month of last year, from which it is 0.200 away")


def test_causes_come_before_their_effects_and_what_gave_the_word_is_named() -> None:
    cause = [change("feature_psi", 0.2 + i / 10, subject=f"f{i}") for i in range(3)]
    effect = change("centroid_shift", 9.0, subject="s")
    rows, verdict, reason = judge(RULES, [effect, *cause, change("feature_psi", 0.0, subject="calm")])
    assert [r.subject for r in rows] == ["f2", "f1", "f0", "s", "calm"]
    assert verdict == "refit"
    assert reason == (
        "transactional, f2: feature_psi 0.40; transactional, f1: feature_psi 0.30; "
        "transactional, s: centroid_shift 9.00; and 1 more"
    )
