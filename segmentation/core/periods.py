"""Half-open day windows that end before the as-of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from segmentation.core.errors import ConfigError


@dataclass(frozen=True)
class Window:
    """The days `[as_of − days, as_of)`; `days` None is a customer's whole history before the as-of date."""

    days: int | None

    @property
    def name(self) -> str:
        """The suffix a feature carries.

        >>> Window(90).name, Window(None).name
        ('90d', 'lifetime')
        """
        return "lifetime" if self.days is None else f"{self.days}d"

    def start(self, as_of: dt.date) -> dt.date:
        """The first day inside the window.

        >>> Window(30).start(dt.date(2018, 1, 1))
        datetime.date(2017, 12, 2)
        """
        return dt.date.min if self.days is None else as_of - dt.timedelta(days=self.days)


YEAR, LIFETIME = Window(365), Window(None)
WINDOWS = (Window(30), Window(90), Window(180), YEAR, LIFETIME)


def day_number(day: dt.date) -> int:
    """Days since 1970, as Arrow and numpy count them.

    >>> day_number(dt.date(1970, 1, 2))
    1
    """
    return (day - dt.date(1970, 1, 1)).days


def parse_as_ofs(text: str) -> tuple[dt.date, ...]:
    """One as-of date or several with commas between, each once, in order of time.

    >>> [str(day) for day in parse_as_ofs("2017-04-01, 2017-03-01")]
    ['2017-03-01', '2017-04-01']
    """
    return tuple(sorted({parse_as_of(part) for part in text.split(",")}))


def parse_as_of(text: str) -> dt.date:
    """An as-of date from the command line, ISO 8601.

    >>> parse_as_of("2018-01-01")
    datetime.date(2018, 1, 1)
    """
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f'--as-of "{text}" is not a date. Expected YYYY-MM-DD, such as 2018-01-01.') from None
