"""What a table is: its columns with types and comments, its key and its grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["state", "published", "log", "aggregate"]

MONEY = "decimal(18,2)"
DIMENSIONS = ("demographics", "transactional", "behavioral", "psychographic", "cx_engagement")
UNIFIED = "unified"
ALL_DIMENSIONS = (*DIMENSIONS, UNIFIED)
NO_DATA = "no_data"
SCHEMA = "segmentation"
"""In which SQL finds tables and marts."""


@dataclass(frozen=True)
class Column:
    """A column: its Spark type, what it means (with unit and what null says), and its row contract."""

    name: str
    type: str
    comment: str
    required: bool = False
    non_negative: bool = False
    """Negative values are refused, except where the row is marked `is_return`."""


@dataclass(frozen=True)
class Table:
    """A table's contract. `state` changes by one commit an ingest, `published` is partitioned by (as_of, run_id).

    An `aggregate` lies in a directory of its own, which people may read who may not read the others; it is made of what
    is published, an as-of date at a time.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    kind: Kind = "published"
    date_column: str | None = field(default=None)
    """The column that says on which day a row happened, checked for impossible and future dates."""
    change_feed: bool = False
    """Whether the table tells which of its rows a commit inserted, updated or deleted."""
    parted_by: tuple[str, ...] = ()
    """Of a state table the columns whose values have files of their own: what lies in others stays unread."""

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order: the `select` that ends a transform."""
        return tuple(c.name for c in self.columns)

    @property
    def folder(self) -> str:
        """Where it lies in a warehouse; aggregates apart from the others."""
        return f"{'aggregates' if self.kind == 'aggregate' else 'segmentation'}/{self.name}"

    @property
    def ddl(self) -> str:
        """The columns as Spark reads a schema: names and types."""
        return ", ".join(f"`{c.name}` {c.type}" for c in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError where there is none."""
        return {c.name: c for c in self.columns}[name]

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The partition columns. Disjoint attempts at published tables never conflict."""
        return {"published": ("as_of", "run_id"), "aggregate": ("as_of",)}.get(self.kind, self.parted_by)


def col(name: str, type_: str, comment: str, *, required: bool = False, non_negative: bool = False) -> Column:
    """A column, its contract by name."""
    return Column(name, type_, comment, required, non_negative)


AS_OF = col("as_of", "date", "The run sees exactly the events before this day")
RUN_ID = col("run_id", "string", "The attempt that wrote the row; see runs")
DIMENSION = col("dimension", "string", "One of the five dimensions, or unified")


def published_table(name: str, grain: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> Table:
    """A table partitioned by (as_of, run_id) whose further columns come from configuration."""
    return Table(name, grain, key, (AS_OF, RUN_ID, *columns))
