"""Feature definitions: `conf/features/<dimension>.yml`, checked before Spark starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import field_validator, model_validator
from sqlglot import exp

from segmentation.core.config import Strict, load, parse_sql, sql_columns
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.periods import LIFETIME, WINDOWS, YEAR, Window
from segmentation.core.schemas import DIMENSIONS, Column, Table, published_table
from segmentation.features.kernel import Wanted
from segmentation.features.states import STATES

Unit = Literal["money", "count", "units", "share", "ratio", "days", "months", "level", "score", "text"]
SQL_TYPES: dict[str, str] = {
    "money": "decimal(18,2)", "count": "bigint", "units": "decimal(18,3)", "share": "double", "ratio": "double",
    "days": "double", "months": "double", "level": "int", "score": "double", "text": "string",
}  # fmt: skip
RESERVED = {"customer_id", "as_of", "run_id"}
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


class FeatureFile(Strict):
    """A file of `conf/features/`."""

    features: dict[str, Block]


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


@dataclass(frozen=True)
class Registry:
    """All features in file order; the order is the priority when two say the same."""

    features: tuple[Feature, ...]

    @property
    def table(self) -> Table:
        """The contract of `customer_features`."""
        columns = tuple(Column(f.name, f.sql_type, _comment(f)) for f in self.features)
        customer = Column("customer_id", "string", "The customer")
        return published_table(
            "customer_features",
            "one row per as-of date and known customer",
            ("as_of", "customer_id"),
            (customer, *columns),
        )

    def fitted(self, dimension: str) -> tuple[Feature, ...]:
        """The features that take part in a dimension's clustering."""
        return tuple(f for f in self.features if f.dimension == dimension and f.in_fit)

    def only(self, names: Iterable[str]) -> Registry:
        """Some features and those that they read, directly or not."""
        wanted = set(names)
        for f in reversed(self.features):  # a feature reads those before it
            wanted |= f.reads if f.name in wanted else set()
        return Registry(tuple(f for f in self.features if f.name in wanted))

    @property
    def inputs(self) -> Mapping[str, frozenset[str]]:
        """Of each feature the inputs (transactions, customers, …) that tell of what it measures, in the end."""
        found: dict[str, frozenset[str]] = {}
        for f in self.features:  # a feature reads those before it
            states = (STATES[name].inputs for name in f.reads if name in STATES)
            found[f.name] = frozenset[str]().union(*states, *(found[name] for name in f.reads if name in found))
        return found

    @property
    def settles(self) -> Mapping[str, int | None]:
        """Of each feature the days of history after which a stationary customer's value is stationary; None: never.

        Its own window, or the longest of those that it reads; a year for what is measured over the whole history, such
        as the days since the last order. Where the file says `grows_with_calendar`, a year more than its window.
        """
        found: dict[str, int | None] = {}
        for f in self.features:  # a feature reads those before it
            own = [0] if f.window is None else [f.window.days]
            days = [
                *own,
                *([YEAR.days] if f.is_of_whole_history else []),
                *(found[name] for name in f.reads if name in found),
            ]
            known = [d for d in days if d is not None]
            if len(known) < len(days) or (f.block.grows_with_calendar and f.window is None):
                found[f.name] = None
            else:
                found[f.name] = max(known) + (YEAR.days or 0 if f.block.grows_with_calendar else 0)
        return found

    @property
    def meant_for_fit(self) -> list[str]:
        """The names that a profile may speak of, for some source or other."""
        return [f.name for f in self.features if f.meant_for_fit]

    def notes(self) -> list[str]:
        """One line per feature that the source's lack of inputs switched off."""
        lines: dict[str, str] = {}
        for f in self.features:
            if f.off_because:
                lines[f.base] = (
                    f"{f.dimension}.{f.base} is off: the source has no {', '.join(f.off_because).replace('|', ' or ')}"
                )
        return list(lines.values())


def load_registry(folder: Path, provides: frozenset[str]) -> Registry:
    """The features of `conf/features/`, with those switched off that the source cannot feed.

    Raises ConfigError naming file, feature and the nearest right name.
    """
    have = {p.stem for p in (folder / "features").glob("*.yml")}
    for stem in sorted(have - set(DIMENSIONS)):
        raise ConfigError(f"{folder}/features/{stem}.yml: not a dimension. {nearest(stem, DIMENSIONS)}")
    features: dict[str, Feature] = {}
    bases: set[str] = set()  # a base with other windows elsewhere would be a second definition under one name
    for dimension in DIMENSIONS:
        if dimension not in have:
            continue
        path = folder / "features" / f"{dimension}.yml"
        for base, block in load(path, FeatureFile).features.items():
            expanded = _expand(path, dimension, base, block, features, provides)
            for name in (base, *(f.name for f in expanded)):
                if name in bases or name in features:
                    raise ConfigError(f'{path}: feature "{name}" is already declared.')
            bases.add(base)
            features |= {f.name: f for f in expanded}
    return Registry(tuple(features.values()))


def _expand(
    path: Path,
    dimension: str,
    base: str,
    block: Block,
    earlier: Mapping[str, Feature],
    provides: frozenset[str],
) -> list[Feature]:
    where = f'{path}: feature "{base}"'
    if not re.fullmatch(r"[a-z][a-z0-9_]*", base) or base in RESERVED:
        raise ConfigError(
            f"{where}: not a name for a column. Expected lower-case words joined by _, such as net_revenue."
        )
    if base in STATES and not block.windows and block.value != base:
        raise ConfigError(f"{where}: this is the name of a state with another value. Choose another name.")
    if block.quintile_of is not None:
        if block.quintile_of not in earlier:
            raise ConfigError(
                f'{where}: "{block.quintile_of}" is not declared above. {nearest(block.quintile_of, earlier)}'
            )
        of = earlier[block.quintile_of]
        if of.is_text or _has_quintile(of, earlier):
            raise ConfigError(f'{where}: "{of.name}" is text or made of quintiles; `quintile_of` needs a number.')
        off = of.off_because
        return [Feature(base, base, dimension, None, block, "", frozenset({block.quintile_of}), off)]
    assert block.value is not None  # Block demands one of the two
    reads = sql_columns(block.value, where)
    allowed = set(STATES) if block.windows else {*STATES, *earlier}
    missing: set[str] = set()
    for name in sorted(reads):
        if name not in allowed:
            kind = "a state" if block.windows else "a state or a feature declared above"
            raise ConfigError(f'{where}: "{name}" is not {kind}. {nearest(name, allowed)}')
        if name in earlier and name not in STATES:
            missing |= set(earlier[name].off_because)
        else:
            missing |= STATES[name].lacks(provides)
            if block.windows and not STATES[name].windowed:
                raise ConfigError(f'{where}: "{name}" is an attribute and has no windows; remove `windows`.')
    off, sql = tuple(sorted(missing)), _guard_divisions(block.value, where)
    if not block.windows:
        return [Feature(base, base, dimension, None, block, sql, reads, off)]
    return [
        Feature(f"{base}_{name}", base, dimension, WINDOW_BY_NAME[name], block, sql, reads, off)
        for name in block.windows
    ]


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


def _has_quintile(feature: Feature, earlier: Mapping[str, Feature]) -> bool:
    """Whether a feature is a quintile or made of one: known only once all customers are."""
    parts = (earlier[name] for name in feature.reads if name in earlier and name != feature.name)
    return feature.block.quintile_of is not None or any(_has_quintile(part, earlier) for part in parts)


def _guard_divisions(value: str, where: str) -> str:
    """Makes x / 0 null, as every ratio without a basis is.

    >>> _guard_divisions("a / (b % c)", "doc")
    'a / NULLIF((b % NULLIF(c, 0)), 0)'
    """
    tree = parse_sql(value, where)
    # The innermost first: a divisor is copied into its guard, with the guards that it has by then.
    for division in reversed(list(tree.bfs())):
        if not isinstance(division, exp.Div | exp.Mod):
            continue
        divisor = division.expression
        divisor.replace(exp.Nullif(this=divisor.copy(), expression=exp.Literal.number(0)))
    return tree.sql(dialect="spark")


def _comment(f: Feature) -> str:
    window = "" if f.window is None else (
        ", whole history" if f.window.days is None else f", last {f.window.days} days before the as-of date"
    )  # fmt: skip
    empty = (
        "null where there is nothing to measure" if f.block.missing is None else f"{f.block.missing:g} where nothing"
    )
    growing = "; grows with the calendar" if f.grows_with_calendar else ""
    return f"{f.block.description}{window}; {f.block.unit}; {empty}{growing}"
