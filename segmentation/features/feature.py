"""What a feature is: a block of `conf/features/<dimension>.yml`, and each column that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import field_validator, model_validator
from sqlglot import exp

from segmentation.core.config import Strict, parse_sql
from segmentation.core.errors import nearest
from segmentation.core.periods import LIFETIME, WINDOWS, Window
from segmentation.features.kernel import Wanted
from segmentation.features.states import STATES

Unit = Literal["money", "count", "units", "share", "ratio", "days", "months", "level", "score", "text"]
SQL_TYPES: dict[str, str] = {
    "money": "decimal(18,2)", "count": "bigint", "units": "decimal(18,3)", "share": "double", "ratio": "double",
    "days": "double", "months": "double", "level": "int", "score": "double", "text": "string",
}  # fmt: skip
WINDOW_BY_NAME: dict[str, Window] = {w.name: w for w in WINDOWS}


class Block(Strict):
    """One feature as it stands in the file; `windows` makes one column each."""

    description: str
    value: str | None = None
    quintile_of: str | None = None
    highest_is_best: bool = True
    windows: list[str] = []
    unit: Unit
    missing: float | None = None
    fit: bool | list[str] = False
    watch: list[str] = []
    transform: Literal["none", "log1p"] = "none"
    impute: Literal["median"] | float = "median"
    grows_with_calendar: bool = False

    @field_validator("windows")
    @classmethod
    def _known_windows(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in WINDOW_BY_NAME:
                raise ValueError(f'window "{name}" is not known. {nearest(name, WINDOW_BY_NAME)}')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Block:
        if (self.value is None) == (self.quintile_of is None):
            raise ValueError("give either `value` or `quintile_of`")
        for key, asked in (("fit", self.fit), ("watch", self.watch)):
            if isinstance(asked, list) and (others := sorted(set(asked) - set(self.windows))):
                raise ValueError(f"`{key}` names windows that `windows` has not: {others}")
        if self.windows and self.fit is True:
            raise ValueError("`fit` must list the windows that take part in the fit")
        return self


@dataclass(frozen=True)
class Feature:
    """One column of `customer_features`."""

    name: str
    base: str
    dimension: str
    window: Window | None
    block: Block
    sql: str
    """The expression over states (windowed) or over states of the whole history and other features."""
    reads: frozenset[str]
    off_because: tuple[str, ...] = ()
    """The staged columns that the source lacks; the column is then null throughout."""

    @property
    def meant_for_fit(self) -> bool:
        """Whether its file wants it in the dimension's clustering."""
        fit = self.block.fit
        return self.window.name in fit if isinstance(fit, list) and self.window else fit is True

    @property
    def in_fit(self) -> bool:
        """Whether it takes part in the clustering of a source's customers."""
        return self.meant_for_fit and not self.off_because

    @property
    def is_watched(self) -> bool:
        """Whether the drift report looks at it though it takes no part in the fit."""
        is_asked = self.window is not None and self.window.name in self.block.watch
        return is_asked and not self.in_fit and not self.off_because

    @property
    def is_text(self) -> bool:
        """Nominal values, one-hot encoded in the fit."""
        return self.block.unit == "text"

    @property
    def sql_type(self) -> str:
        """The column's Spark type, which follows from the unit."""
        return SQL_TYPES[self.block.unit]

    @property
    def measured(self) -> frozenset[Wanted]:
        """The states that it is made of, each over its window; the whole history where it has no windows."""
        return frozenset() if self.off_because or not self.sql else frozenset(_measured(self.sql, self.window)[1])

    def sql_over_measured(self, dialect: str = "spark") -> str:
        """The expression over the columns of `measured`, and over other features."""
        return _measured(self.sql, self.window)[0].sql(dialect=dialect)

    @property
    def is_of_whole_history(self) -> bool:
        """Whether it is measured over all of it without a window, such as the days since the last order."""
        return self.window is None and any(s in STATES and STATES[s].windowed for s in self.reads)

    @property
    def grows_with_calendar(self) -> bool:
        """A stationary customer's value still changes with time: no drift of the segments."""
        return self.block.grows_with_calendar or (self.window is not None and self.window.days is None)

    @property
    def comment(self) -> str:
        """What its column holds, in words."""
        window = "" if self.window is None else (
            ", whole history" if self.window.days is None else f", last {self.window.days} days before the as-of date"
        )  # fmt: skip
        empty = (
            "null where there is nothing to measure"
            if self.block.missing is None
            else f"{self.block.missing:g} where nothing"
        )
        growing = "; grows with the calendar" if self.grows_with_calendar else ""
        return f"{self.block.description}{window}; {self.block.unit}; {empty}{growing}"


def _measured(sql: str, window: Window | None) -> tuple[exp.Expression, set[Wanted]]:
    """The expression with a column for each state, key and window."""
    tree, found = parse_sql(sql, "feature"), set()

    def one(node: exp.Expression) -> exp.Expression:
        column, key = (node.this, node.expressions[0].name) if isinstance(node, exp.Bracket) else (node, None)
        if isinstance(column, exp.Column) and STATES.get(column.name) and STATES[column.name].windowed:
            state = Wanted(column.name, window or LIFETIME, key)
            found.add(state)
            return exp.column(state.column, quoted=True)
        return node

    return tree.transform(one), found
