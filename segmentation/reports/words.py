"""Numbers and names as people read them."""

from __future__ import annotations

import datetime as dt
import math
import re

UNKNOWN = "–"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
# Not strftime: its names follow the machine's locale.
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
WINDOW = re.compile(r"_(\d+)d$")


def feature_words(name: str) -> str:
    """A feature column in words, its window in brackets; a one-hot column names its value.

    >>> feature_words("items_lifetime"), feature_words("home_ownership=Renter")
    ('items (lifetime)', 'home ownership: Renter')
    >>> feature_words("net_revenue_365d") == "net revenue (365\u00a0d)"
    True
    """
    name, _, value = name.partition("=")
    window = ""
    if found := WINDOW.search(name):
        name, window = name[: found.start()], f" ({found[1]}\u00a0d)"
    elif name.endswith("_lifetime"):
        name, window = name.removesuffix("_lifetime"), " (lifetime)"
    return name.replace("_", " ").strip() + window + (f": {value}" if value else "")


def count(value: float | None) -> str:
    """A whole number with thousands separated.

    >>> count(12345.0), count(-5), count(None)
    ('12,345', '−5', '–')
    """
    return decimal(value, 0)


def decimal(value: float | None, places: int = 1) -> str:
    """A number with fixed places and a true minus sign.

    >>> decimal(-0.254, 2), decimal(1234.5), decimal(None)
    ('−0.25', '1,234.5', '–')
    """
    return UNKNOWN if value is None else f"{value:,.{places}f}".replace("-", "−")


def signed(value: float) -> str:
    """One place with its sign, which nought has not.

    >>> signed(1.23), signed(-0.5), signed(-0.04)
    ('+1.2', '−0.5', '0.0')
    """
    rounded = round(value, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def percent(share: float | None) -> str:
    """A share as a percentage.

    >>> percent(0.2481), percent(0.0002), percent(0.0), percent(1.0), percent(None)
    ('24.8%', '<0.1%', '0%', '100%', '–')
    """
    if share is None:
        return UNKNOWN
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{100 * share:.0f}%" if share in (0.0, 1.0) else f"{100 * share:.1f}%".replace("-", "−")


def probability(p: float | None) -> str:
    """A p-value, to three places where it matters.

    >>> probability(0.31), probability(0.0499), probability(0.0004), probability(None)
    ('0.31', '0.049', '<0.001', '–')
    """
    if p is None:
        return UNKNOWN
    # Cut off, not rounded: 0.0499 is below 0.05, and is shown below it.
    return "<0.001" if p < 0.001 else f"{math.floor(p * 1000) / 1000:.3f}" if p < 0.1 else f"{p:.2f}"


def money(value: float | None, currency: str, places: int = 0) -> str:
    """An amount with its currency; an unusual one by its ISO 4217 code.

    >>> money(1234.5, "USD", 2), money(-3.0, "EUR"), money(5.0, "SEK") == "SEK\u00a05", money(None, "USD")
    ('$1,234.50', '−€3', True, '–')
    """
    if value is None:
        return UNKNOWN
    sign, unit = "−" if value < 0 else "", SYMBOLS.get(currency, currency + "\u00a0")
    return f"{sign}{unit}{abs(value):,.{places}f}"


def day(date: dt.date) -> str:
    """A date without a month's abbreviation to guess at.

    >>> day(dt.date(2018, 1, 1))
    '1 January 2018'
    """
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def above_everyone(feature: str, z: float) -> str:
    """What sets a segment apart, z in standard deviations from everyone's mean.

    >>> above_everyone("net_revenue_365d", 1.23).replace("\u00a0", " ")
    'net revenue (365 d) 1.2 sd above everyone'
    >>> above_everyone("orders_lifetime", -0.5).replace("\u00a0", " ")
    'orders (lifetime) 0.5 sd below everyone'
    """
    return f"{feature_words(feature)} {abs(z):.1f}\u00a0sd {'above' if z >= 0 else 'below'} everyone"
