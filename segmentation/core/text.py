"""Tables and numbers as text, for a terminal."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Lines of a text table: the first column to the left, numbers to the right.

    width: what the lines may take; the longest text is cut to fit, with an ellipsis, down to eight characters.

    >>> table(["name", "n"], [["a", "10"]])
    ['name   n', '----  --', 'a     10']
    >>> table(["name", "n"], [["a rather long name", "10"]], width=14)[-1]
    'a rather …  10'
    """
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    cells = [[c if len(c) <= w else c[: w - 1] + "…" for c, w in zip(row, widths, strict=True)] for row in cells]
    cells.insert(1, ["-" * w for w in widths])
    numbers = [all(_is_number(row[i]) for row in cells[2:]) for i in range(len(headings))]
    return [
        "  ".join(
            c.rjust(w) if i and number else c.ljust(w)
            for i, (c, w, number) in enumerate(zip(row, widths, numbers, strict=True))
        ).rstrip()
        for row in cells
    ]


def number(value: Any, form: str = ",", unit: str = "") -> str:
    """The number in a form of `format`; a dash for none.

    >>> number(0.1234, "+.1%"), number(None), number(1234, unit=" rows")
    ('+12.3%', '–', '1,234 rows')
    """
    return "–" if value is None else f"{value:{form}}{unit}"


def figure(value: float | None, digits: int) -> str:
    """A figure in a sentence.

    >>> figure(1234.5, 0), figure(0.25, 3), figure(None, 2)
    ('1,234', '0.250', 'unknown')
    """
    return "unknown" if value is None else f"{value:,.{digits}f}"


def _is_number(text: str) -> bool:
    """Or one with a unit (`3 days ago`), nothing, or the dash that stands for none."""
    return re.fullmatch(r"[–+-]?[\d.,]*[ %a-z]*", text) is not None and text[:1] not in string.ascii_lowercase
