"""What chance is said to give is exceeded as often as said, also far out, where a whole report's figures share 1 %."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.monitoring.chance import drop_chance, next_chance, shift_chance

DRAWS, MONTHS = 10, 200_000


@pytest.mark.parametrize("alpha", [0.01, 0.0005])
def test_errors_that_ten_resamples_have_drawn_are_not_taken_for_known(alpha: float) -> None:
    """Along one axis and of means: the rate is exact; by quantiles of known errors 4 to 40 times as much."""
    rng = np.random.default_rng(5)
    n, m = 400, 100
    error = np.sqrt(1 / n + 1 / m)
    moves, drop = rng.normal(0, error, (2, MONTHS))
    drawn = rng.normal(size=(DRAWS, MONTHS)).std(axis=0, ddof=1)
    unit = shift_chance(1.0, n, m, DRAWS, alpha), drop_chance(1.0, n, m, DRAWS, alpha)
    for found in ((np.abs(moves) > unit[0] * drawn).mean(), (drop > unit[1] * drawn).mean()):
        assert found == pytest.approx(alpha, abs=4 * np.sqrt(alpha / MONTHS))
    assert shift_chance(1.0, n, m, None, alpha) < unit[0]


def test_a_shift_over_several_axes_goes_beyond_less_often() -> None:
    """The same total error over three axes."""
    rng = np.random.default_rng(6)
    way = np.sqrt((rng.normal(0, np.sqrt(1 / 50 / 3), (3, MONTHS)) ** 2).sum(axis=0))
    alpha = 0.01
    assert 0 < (way > shift_chance(1.0, 100, 100, None, alpha)).mean() < alpha


@pytest.mark.parametrize("months", [3, 12])
def test_one_more_month_like_those_before_is_rarely_beyond_them(months: int) -> None:
    rng = np.random.default_rng(7)
    before, after = rng.normal(0.3, 0.02, (months, MONTHS)), rng.normal(0.3, 0.02, MONTHS)
    alpha = 0.01
    unit = next_chance(1.0, months, alpha)
    beyond = (after - before.mean(axis=0) > unit * before.std(axis=0, ddof=1)).mean()
    assert beyond == pytest.approx(alpha, abs=4 * np.sqrt(alpha / MONTHS))
