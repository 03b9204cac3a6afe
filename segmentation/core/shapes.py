"""What a look at unknown files finds: their columns, types and some values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A column's name, its type in the file (`text` where the file has no types), and some values."""

    name: str
    type: str
    values: tuple[Any, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Different values as text, without nulls and blanks, in the order of their first appearance."""
        shown = (str(v).strip() for v in self.values if v is not None)
        return tuple(dict.fromkeys(text for text in shown if text))


@dataclass(frozen=True)
class Shape:
    """Files with the same columns: a glob that names them, and how to read them."""

    files: str
    format: str
    columns: tuple[Seen, ...]
    options: dict[str, str] = field(default_factory=dict)
