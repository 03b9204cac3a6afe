"""How answers look: text that fits the terminal, or JSON."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from segmentation.core.text import number, table


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "  ") -> None:
    """A table as wide as the terminal at most."""
    width = shutil.get_terminal_size((100, 24)).columns - len(indent)
    for line in table(headings, rows, width):
        print(f"{indent}{line}".rstrip())


def print_text(text: str, indent: str) -> None:
    """A sentence in lines that fit the terminal."""
    width = max(shutil.get_terminal_size((100, 24)).columns, 40)
    print(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=f"{indent}  "))


def print_json(content: Any) -> None:
    """Dates in ISO's form, money as numbers."""
    print(json.dumps(content, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def growth(after: Any, before: Any) -> str:
    """By how much, as a percentage.

    >>> growth(110, 100), growth(5, 0), growth(None, 3)
    ('+10.0%', '–', '–')
    """
    return "–" if not before or after is None else number(float(after) / float(before) - 1, "+.1%")
