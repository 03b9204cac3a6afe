"""Business rules: `conf/rules.yml`, in order, the first match wins, over the unified segment only."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from segmentation.core.config import Strict, load, parse_sql, sql_columns
from segmentation.core.errors import ConfigError, nearest


class Rule(Strict):
    """Customers who meet `when` (SQL over customer_features) get this segment, for this reason."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    segment_name: str
    when: str
    reason: str

    @property
    def segment_id(self) -> str:
        """The identity of a declared segment is its rule."""
        return ruled_id(self.name)


class Rules(Strict):
    """The file."""

    rules: list[Rule]

    def without(self, off: Collection[str]) -> tuple[Rules, list[str]]:
        """The rules that read no switched-off feature, and one line for each of the others."""
        lines = []
        kept = []
        for rule in self.rules:
            missing = sorted(sql_columns(rule.when, rule.name) & set(off))
            if missing:
                lines.append(f"rule {rule.name} is off: {', '.join(missing)} is off")
            else:
                kept.append(rule)
        return Rules(rules=kept), lines


def ruled_id(name: str) -> str:
    """The segment_id of a rule's customers."""
    return f"rule-{name}"


def load_rules(folder: Path, features: Collection[str]) -> Rules:
    """The rules. Raises ConfigError for a name that is no feature, or that stands twice."""
    path = folder / "rules.yml"
    rules = load(path, Rules)
    seen: set[str] = set()
    for rule in rules.rules:
        parse_sql(rule.when, f'{path}: rule "{rule.name}"')
        for column in sorted(sql_columns(rule.when, rule.name) - set(features)):
            raise ConfigError(f'{path}: rule "{rule.name}": "{column}" is not a feature. {nearest(column, features)}')
        if rule.name in seen:
            raise ConfigError(f'{path}: rule "{rule.name}" stands twice.')
        seen.add(rule.name)
    return rules
