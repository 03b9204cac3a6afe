"""Whether more customers than usual have changed segment."""

from __future__ import annotations

import pytest

from segmentation.monitoring import migration_changes

BEFORE = [(30, 100), (64, 200), (28, 100)] * 2


def test_the_share_is_held_against_the_months_before() -> None:
    [found] = migration_changes("unified", (60, 120), BEFORE)
    assert found.value == pytest.approx(0.5 - 0.3)
    assert found.words == "50.0% of the returning customers changed segment, 30.0% in the 6 months before"
    assert found.chance is not None
    # Deviations 0, ±0.02 twice each over five; t with five degrees of freedom, 5 % above.
    assert found.chance(0.05) == pytest.approx((4 * 0.02**2 / 5) ** 0.5 * 2.015 * (7 / 6) ** 0.5, rel=1e-3)


def test_fewer_than_usual_is_no_alarm_and_five_months_say_nothing() -> None:
    [calm] = migration_changes("unified", (1, 120), BEFORE)
    assert calm.value == 0.0
    [young] = migration_changes("unified", (60, 120), BEFORE[:5])
    assert young.chance is None
    assert list(migration_changes("unified", (60, 120), [])) == []
    assert list(migration_changes("unified", (0, 0), BEFORE)) == []
