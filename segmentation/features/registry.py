"""Which features there are: `conf/features/<dimension>.yml`, checked before Spark starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from segmentation.core.config import Strict, load, parse_sql, sql_columns
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.periods import YEAR
from segmentation.core.schemas import DIMENSIONS, Column, Table, published_table
from segmentation.features.feature import WINDOW_BY_NAME, Block, Feature
from segmentation.features.states import STATES

RESERVED = {"customer_id", "as_of", "run_id"}


class FeatureFile(Strict):
    """A file of `conf/features/`."""

    features: dict[str, Block]


@dataclass(frozen=True)
class Registry:
    """All features in file order; the order is the priority when two say the same."""

    features: tuple[Feature, ...]

    @property
    def table(self) -> Table:
        """The contract of `customer_features`."""
        columns = tuple(Column(f.name, f.sql_type, f.comment) for f in self.features)
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
