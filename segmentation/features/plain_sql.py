"""One feature as one self-contained SELECT over the staged tables, the same text for Spark SQL and DuckDB."""

from __future__ import annotations

import datetime as dt
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from segmentation.core.config import parse_sql
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.periods import LIFETIME, Window
from segmentation.features.feature import WINDOW_BY_NAME, Feature
from segmentation.features.plain import DEPARTMENT, KNOWN, RELATIONS, STATE_SQL
from segmentation.features.registry import Registry
from segmentation.features.rfm import QUINTILES
from segmentation.features.states import STATES


def plain_sql(registry: Registry, name: str, as_of: dt.date) -> str:
    """The SELECT that gives (customer_id, `name`), one row per customer known before `as_of`.

    Runs where the staged tables can be named without a schema. A feature that the source cannot feed is null.
    Raises ConfigError for a name that is no feature, and for a `value` that has no plain form.
    """
    feature = _find(registry, name)
    text = _Text(registry, as_of)
    text.add("known", "everyone of whom there is a dated record", text.fill(KNOWN, LIFETIME))
    select = text.select(feature)
    parts = [
        "".join(f"  -- {line}\n" for line in _wrap(comment)) + textwrap.indent(sql, "  ")
        for comment, sql in text.ctes.values()
    ]
    ctes = ",\n".join(f"{cte} AS (\n{part}\n)" for cte, part in zip(text.ctes, parts, strict=True))
    return f"{_heading(feature, as_of)}WITH {ctes}\n{select}\n"


def _find(registry: Registry, name: str) -> Feature:
    by_name = {f.name: f for f in registry.features}
    if name in by_name:
        return by_name[name]
    of_base = [f.name for f in registry.features if f.base == name]
    if of_base:
        raise ConfigError(f'"{name}" stands for a column a window: {", ".join(of_base)}. Name one of them.')
    raise ConfigError(f'"{name}" is not a feature. {nearest(name, by_name)} segmentation features lists them all.')


def _heading(f: Feature, as_of: dt.date) -> str:
    said = [f"{f.name} ({f.dimension}): {f.block.description}; unit: {f.block.unit}."]
    if f.window is not None and f.window.days is not None:
        said.append(
            f"The {f.window.days} days from {f.window.start(as_of)} to {as_of - dt.timedelta(days=1)}, both inside."
        )
    elif f.window is not None:
        said.append(f"Everything before {as_of}.")
    else:
        said.append(f"As of {as_of}: what happens on that day or later does not count.")
    if f.off_because:
        said.append(f"Off: the source has no {', '.join(f.off_because).replace('|', ' or ')}.")
    return "".join(f"-- {line}\n" for text in said for line in _wrap(text))


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 100)


@dataclass
class _Text:
    """WITH entries in the order in which each only needs those before it."""

    registry: Registry
    as_of: dt.date
    ctes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, name: str, comment: str, sql: str) -> str:
        self.ctes.setdefault(name, (comment, sql))
        return name

    def fill(self, template: str, window: Window) -> str:
        """A template's text; the relations that it names come before it."""
        as_of = f"DATE '{self.as_of}'"
        start = f"DATE '{window.start(self.as_of)}'"
        within = f"event_date < {as_of}" if window.days is None else f"event_date >= {start} AND event_date < {as_of}"
        words = {"as_of": as_of, "start": start, "within": within}

        def word(found: re.Match[str]) -> str:
            name, _, other = found[1].partition("@")
            return words.get(name) or self.relation(name, WINDOW_BY_NAME[other] if other else window)

        return re.sub(r"\{(\w+(?:@\w+)?)\}", word, template)

    def relation(self, name: str, window: Window) -> str:
        relation = RELATIONS[name]
        named = name if name == "attributes" else f"{name}_{window.name}"
        return self.add(named, relation.comment, self.fill(relation.sql, window))

    def select(self, f: Feature) -> str:
        """(customer_id, the feature) for everyone known."""
        if f.off_because:
            return f"SELECT customer_id, CAST(NULL AS {f.sql_type.upper()}) AS {f.name}\nFROM known"
        if f.block.quintile_of is not None:
            return self._quintile(f, self._values(f.block.quintile_of))
        position = self.registry.features.index(f)
        earlier = {e.name for e in self.registry.features[:position]} if f.window is None else set()
        tree, states = _states_read(f, earlier)
        groups = self._groups(f, states)
        if isinstance(tree, exp.Column):
            source, value = "known" + _joined(groups), _filled(tree.name) if states else tree.name
            source += _joined(self._values(name) for name in sorted(f.reads & earlier))
        else:
            others = [self._values(name) for name in sorted(f.reads & earlier)]
            source, value = self._parts(f, states, groups) + _joined(others), tree.sql(dialect="spark")
        return f"SELECT customer_id, {_typed(f, value)} AS {f.name}\nFROM {source}"

    def _values(self, name: str) -> str:
        """A relation with another feature's value."""
        other = next(f for f in self.registry.features if f.name == name)
        return self.add(f"all_{name}", f"{other.block.description}, of every customer", self.select(other))

    def _groups(self, f: Feature, states: dict[str, tuple[str, str]]) -> list[str]:
        """A relation with a row per customer who has any, for each relation that the states add up."""
        window = f.window or LIFETIME
        grouped: dict[str, list[str]] = {}
        for state, (relation, aggregate) in states.items():
            grouped.setdefault(relation, []).append(f"{self.fill(aggregate, window)} AS {state}")
        return [
            self.add(
                f"{f.name}_of_{relation}",
                "one row per customer who has any",
                f"SELECT customer_id,\n       {_listed(columns)}\nFROM {self.relation(relation, window)}\n"
                "GROUP BY customer_id",
            )
            for relation, columns in grouped.items()
        ]

    def _parts(self, f: Feature, states: dict[str, tuple[str, str]], groups: list[str]) -> str:
        """A relation with a row per customer known: every state that the feature's expression names, as a double."""
        if not states:
            return "known"
        columns = _listed(f"{_as_double(state)} AS {state}" for state in states)
        sql = f"SELECT customer_id,\n       {columns}\nFROM known{_joined(groups)}"
        return self.add(f"{f.name}_parts", "everyone: what counts is 0 where there is nothing", sql)

    def _quintile(self, f: Feature, values: str) -> str:
        of = f.block.quintile_of
        cuts = [(f"cut_{q * 100:.0f}", q) for q in QUINTILES]
        listed = _listed(
            f"percentile_cont({q}) WITHIN GROUP (ORDER BY CAST({of} AS DOUBLE)) AS {name}" for name, q in cuts
        )
        comment = "the exact percentiles of those who have a value, between two of them by linear interpolation"
        cut = self.add(f"{f.name}_cuts", comment, f"SELECT {listed}\nFROM {values}")
        first, last = (1, len(cuts) + 1) if f.block.highest_is_best else (len(cuts) + 1, 1)
        step = 1 if f.block.highest_is_best else -1
        below = "".join(
            f"\n         WHEN CAST({of} AS DOUBLE) <= {name} THEN {first + step * i}"
            for i, (name, _) in enumerate(cuts)
        )
        return (
            f"SELECT customer_id,\n       CASE\n         WHEN {of} IS NULL THEN CAST(NULL AS INT){below}\n"
            f"         ELSE {last}\n       END AS {f.name}\nFROM {values} CROSS JOIN {cut}"
        )


def _states_read(f: Feature, earlier: set[str]) -> tuple[exp.Condition, dict[str, tuple[str, str]]]:
    """The feature's expression in which every name is a column, and what the states among these are."""
    where = f'feature "{f.name}"'
    tree = parse_sql(f.sql, where)
    states: dict[str, tuple[str, str]] = {}
    for bracket in list(tree.find_all(exp.Bracket)):
        key = bracket.expressions[0] if len(bracket.expressions) == 1 else None
        if bracket.this.name != "net_by_department" or not isinstance(key, exp.Literal):
            raise ConfigError(
                f"{where}: {bracket.sql(dialect='spark')} has no plain form; expected net_by_department['…']."
            )
        name = "net_in_" + re.sub(r"\W", "_", key.name)
        relation, aggregate = DEPARTMENT
        state = relation, aggregate.format(department=key.name.replace("'", "''"))
        if states.setdefault(name, state) != state:  # 'a b' and 'a-b'
            name += f"_{len(states)}"
            states[name] = state
        column = exp.column(name)
        tree = column if bracket is tree else tree
        bracket.replace(column)
    for found in tree.find_all(exp.Column):
        if found.name in earlier or found.name in states:
            continue
        if found.name not in STATE_SQL:
            raise ConfigError(f'{where}: the state "{found.name}" has no plain definition in features/plain.py.')
        states[found.name] = STATE_SQL[found.name]
    return tree, states


def _listed(columns: Iterable[str]) -> str:
    return ",\n       ".join(columns)


def _joined(relations: Iterable[str]) -> str:
    return "".join(f"\nLEFT JOIN {name} USING (customer_id)" for name in relations)


def _filled(state: str) -> str:
    """A state's value, also for those without any; of what is not in STATES, revenue by department, that is null."""
    empty = STATES[state].empty if state in STATES else None
    return state if empty is None else f"coalesce({state}, {empty})"


def _as_double(state: str) -> str:
    is_attribute = state in STATES and not STATES[state].windowed
    return state if is_attribute else f"CAST({_filled(state)} AS DOUBLE)"


def _typed(f: Feature, value: str) -> str:
    if f.block.missing is not None:
        value = f"coalesce({value}, {f.block.missing:g})"
    if f.block.unit == "money" and f.block.value not in STATES:
        # 654.03 / 26 is 25.155 and as a double 25.15499…: six decimals first, or it would lose its cent.
        value = f"CAST({value} AS DECIMAL(28,6))"
    return f"CAST({value} AS {f.sql_type.upper()})"
