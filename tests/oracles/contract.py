"""The rule that a receipt line of text breaks first, one line at a time: the twin of `segmentation.staging`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any

Raw = dict[str, str | None]

FIRST_DAY, RECEIVED = dt.date(2016, 1, 1), dt.date(2018, 1, 1)
NUMBERS = ("line", "net", "off", "units")
KEYS, VALUES = ("receipt", "line", "customer"), ("at", "net", "currency", "returned")


class UnreadableError(ValueError):
    """Text that is not what its column holds."""


def read(row: Raw) -> dict[str, Any]:
    """The values of a line of text; None where it says nothing. Raises UnreadableError."""
    return {name: _read(name, (text or "").strip(" ")) for name, text in row.items()}


def broken_rule(row: Raw) -> str | None:
    """The first rule that a line of text breaks on its own; None where it keeps the contract."""
    if any((row[n] or "").strip().lower().lstrip("+-") in ("nan", "inf", "infinity") for n in NUMBERS):
        return "non_finite"
    try:
        value = read(row)
    except UnreadableError:
        return "wrong_type"
    if any(value[name] is None for name in KEYS):
        return "missing_key"
    if any(value[name] is None for name in VALUES):
        return "missing_value"
    if value["at"] < FIRST_DAY:
        return "impossible_date"
    if value["at"] >= RECEIVED:
        return "future_date"
    if not value["returned"] and any(value[n] is not None and value[n] < 0 for n in ("net", "off", "units")):
        return "negative_amount"
    if value["returned"] and any(value[n] is not None and value[n] > 0 for n in ("net", "units")):
        return "positive_return"
    return None if value["currency"] == "USD" else "unknown_currency"


def _read(name: str, text: str) -> Any:
    if text == "":
        return None
    try:
        if name == "at":
            return dt.datetime.fromisoformat(text).date()  # at noon, UTC's day is New York's
        if name == "line":
            return int(text)
        if name == "returned":
            return {"true": True, "false": False}[text]
        return Decimal(text) if name in NUMBERS else text
    except (ValueError, KeyError, InvalidOperation):
        raise UnreadableError(f"{name}: {text}") from None
