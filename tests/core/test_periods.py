"""Windows are half-open: the first day is inside, the as-of date is not."""

from __future__ import annotations

import datetime as dt

import pytest

from segmentation.core.errors import ConfigError
from segmentation.core.periods import LIFETIME, WINDOWS, Window, parse_as_of

AS_OF = dt.date(2016, 3, 31)


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (30, dt.date(2016, 3, 1)),
        (31, dt.date(2016, 2, 29)),  # a leap day is a day
        (90, dt.date(2016, 1, 1)),
        (365, dt.date(2015, 4, 1)),
    ],
)
def test_a_window_starts_so_many_days_before_the_as_of_date(days: int, first: dt.date) -> None:
    assert Window(days).start(AS_OF) == first
    inside = [first + dt.timedelta(days=i) for i in range(days)]
    assert (inside[-1], len(inside)) == (AS_OF - dt.timedelta(days=1), days)


def test_the_whole_history_starts_before_every_day() -> None:
    assert LIFETIME.start(AS_OF) <= dt.date(1, 1, 1)


def test_windows_ascend_and_end_with_the_whole_history() -> None:
    # The DuckDB twin of the benchmarks relies on it: a day in one window is in every later one.
    assert [w.name for w in WINDOWS] == ["30d", "90d", "180d", "365d", "lifetime"]
    lengths = [w.days for w in WINDOWS[:-1]]
    assert lengths == sorted(lengths)
    assert WINDOWS[-1] == LIFETIME


@pytest.mark.parametrize("text", ["", "yesterday", "2017-02-29", "01.12.2017", "2017-12", "2017-12-01T00:00"])
def test_what_is_not_a_date_is_refused_as_found(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_as_of(text)
    assert str(refused.value) == f'--as-of "{text}" is not a date. Expected YYYY-MM-DD, such as 2018-01-01.'
