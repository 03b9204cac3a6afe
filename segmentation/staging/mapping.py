"""`conf/sources/<name>.yml`: which files and columns of a retailer are which of ours."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from sqlglot import exp

from segmentation.core.config import Strict, load, parse_sql, sql_columns
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import STAGED, Table
from segmentation.staging.guards import Guards

UNDATED = dt.date(1900, 1, 1)
"""`valid_from` of a customer row whose source says nothing about time."""

KINDS = {
    "interaction_type": ("exposure", "redemption", "open", "click", "visit", "service_contact", "complaint"),
    "feedback_type": ("nps", "satisfaction"),
}
"""The kinds of event the system knows; a row of another kind is refused."""

# What a source need not map: a SQL expression over the columns that it does map, in this order.
DEFAULTS: dict[str, dict[str, str]] = {
    "stg_transactions": {
        "line_no": "1",
        "order_id": "transaction_id",
        "event_date": "to_date(from_utc_timestamp(transaction_ts, '{time_zone}'))",
        "local_hour": "hour(from_utc_timestamp(transaction_ts, '{time_zone}'))",
        "unit_of_measure": "'item'",
        "is_return": "false",
        "currency": "'{currency}'",
        "unit_price": "try_divide(net_amount, quantity)",
    },
    "stg_customers": {"valid_from": f"DATE'{UNDATED}'"},
    "stg_interactions": {"event_date": "to_date(from_utc_timestamp(interaction_ts, '{time_zone}'))"},
}


def _as_sql(value: Any) -> Any:
    """YAML reads `is_return: false` as a boolean; in a mapping it is an expression all the same."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


Sql = Annotated[str, BeforeValidator(_as_sql)]


class Input(Strict):
    """Files of one format, or a table: `files` is a glob under the input folder, or a JDBC table's name.

    Of a JDBC table `watermark` is a column that rises with every change; it tells whether there is anything new.
    """

    files: str
    format: Literal["parquet", "csv", "json", "delta", "orc", "jdbc"] = "parquet"
    options: dict[str, str] = {}
    watermark: str | None = None

    @model_validator(mode="after")
    def _reads_all_and_tells_nothing(self) -> Input:
        options = {key.lower(): value for key, value in self.options.items()}
        if "mode" in options:
            raise ValueError("options: mode cannot be chosen: rows that do not parse are quarantined")
        if self.format != "jdbc":
            if self.watermark is not None:
                raise ValueError("watermark is for format jdbc")
            return self
        if "url" not in options or "dbtable" in options or "query" in options:
            raise ValueError("format jdbc needs options.url, and the table's name as `files`")
        told = [key for key in ("user", "password") if not options.get(key, "$").startswith("$")]
        if told or re.search(r"(?i)(password|pwd|user)\s*=|//[^/]*:[^/]*@", options["url"]):
            raise ValueError(
                "user and password stay out of the mapping: name environment variables, "
                "user: $SHOP_DB_USER and password: $SHOP_DB_PASSWORD"
            )
        return self


class Lookup(Input):
    """A second file joined to the first for its columns; its key must be unique."""

    by: list[str]


class Rates(Input):
    """A dated table of rates: what one unit of `currency` is worth in the source's, from `date` until the next one."""

    columns: dict[Literal["currency", "date", "rate"], Sql] = {"currency": "currency", "date": "date", "rate": "rate"}

    @field_validator("columns")
    @classmethod
    def _all_three(cls, value: dict[str, str]) -> dict[str, str]:
        return {"currency": "currency", "date": "date", "rate": "rate"} | value

    @property
    def reads(self) -> frozenset[str]:
        """The table's columns that the mapping names."""
        return frozenset().union(*(sql_columns(sql, f"rates: {ours}") for ours, sql in self.columns.items()))


class Merges(Input):
    """A table of customers who are one: rows of `old_id` count for `new_id`, which may be merged further."""

    columns: dict[Literal["old_id", "new_id"], Sql] = {"old_id": "old_id", "new_id": "new_id"}

    @field_validator("columns")
    @classmethod
    def _both(cls, value: dict[str, str]) -> dict[str, str]:
        return {"old_id": "old_id", "new_id": "new_id"} | value

    @property
    def reads(self) -> frozenset[str]:
        """The table's columns that the mapping names."""
        return frozenset().union(*(sql_columns(sql, f"merges: {ours}") for ours, sql in self.columns.items()))


class RowRule(Strict):
    """A condition over our column names that marks a bad row."""

    rule: str
    when: Sql
    reason: str


class Part(Input):
    """Files of one shape that feed one of our tables."""

    lookups: list[Lookup] = []
    columns: dict[str, Sql]
    rules: list[RowRule] = []

    @property
    def is_text(self) -> bool:
        """Text formats carry no types, so a value's type can only be judged row by row."""
        return self.format in ("csv", "json")

    @property
    def reads(self) -> frozenset[str]:
        """The files' columns that the mapping names."""
        joined = {column for lookup in self.lookups for column in lookup.by}
        return frozenset(joined.union(*(sql_columns(sql, ours) for ours, sql in self.columns.items())))

    @property
    def given(self) -> frozenset[str]:
        """Our columns that have values: `local_hour: "NULL"` says that a default would be wrong."""
        return frozenset(c for c, sql in self.columns.items() if not isinstance(parse_sql(sql, c), exp.Null))


class Source(Strict):
    """A retailer's data, as declared. Money is in `currency`; days are days in `time_zone`."""

    description: str
    credit: str = ""
    time_zone: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    earliest_date: dt.date = dt.date(1990, 1, 1)
    received_on: dt.date | None = None
    levels: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    guards: Guards = Guards()
    rates: Rates | None = None
    merges: Merges | None = None
    transactions: list[Part]
    products: list[Part] = []
    customers: list[Part] = []
    campaigns: list[Part] = []
    interactions: list[Part] = []
    consent: list[Part] = []
    feedback: list[Part] = []

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            raise ValueError("not an IANA time zone such as America/New_York")
        return value

    def parts(self, table: Table) -> list[Part]:
        """The parts that feed a staged table; empty where the source lacks it."""
        parts: list[Part] = getattr(self, input_name(table))
        return parts

    def provides(self) -> frozenset[str]:
        """`table.column` of everything the source has; what is derived counts, what stays null does not."""
        have = set()
        for table in STAGED:
            parts = self.parts(table)
            mapped = {c for part in parts for c in part.given}
            if not parts:
                continue
            derived = {
                c
                for c, sql in DEFAULTS.get(table.name, {}).items()
                if (needed := _inputs(sql))
                and needed <= mapped  # a literal says nothing about the source
                and any(c not in part.columns for part in parts)
            }
            ranks = {f"{c}_rank" for c in self.levels if c in mapped}
            have |= {f"{input_name(table)}.{c}" for c in mapped | derived | ranks}
            have |= {f"{input_name(table)}.{kind}" for kind in self._kinds(table)}
        if "transactions.product_id" in have:  # staging fills a line's product attributes from the products table
            have |= {c.replace("products.", "transactions.") for c in have if c.startswith("products.")}
        return frozenset(have)

    def _kinds(self, table: Table) -> set[str]:
        """The kinds of interaction or feedback a source has: those it writes out, or all where a column tells."""
        column = f"{input_name(table).removesuffix('s')}_type"
        if column not in KINDS:
            return set()
        kinds: set[str] = set()
        for part in self.parts(table):
            written = _outcomes(parse_sql(part.columns.get(column, "''"), column))
            kinds |= set(KINDS[column]) if written is None else set(KINDS[column]) & written
        return kinds

    def absent_columns(self) -> list[tuple[str, str]]:
        """(input, column or kind of event) that the source lacks; an empty column is the whole input."""
        have = self.provides()
        lacking: list[tuple[str, str]] = []
        for table in STAGED:
            name = input_name(table)
            if not self.parts(table):
                lacking.append((name, ""))
                continue
            kinds = set(KINDS.get(f"{name.removesuffix('s')}_type", ())) - self._kinds(table)
            lacking += [(name, c) for c in table.names if f"{name}.{c}" not in have and c not in _SILENT]
            lacking += [(name, kind) for kind in sorted(kinds)]
        return lacking

    def absences(self) -> list[str]:
        """What the source lacks, one line each with the reason it gives, for the run and the report."""
        subjects = [".".join(filter(None, pair)) for pair in self.absent_columns()]
        lines = [f"no {s}: {self.absent[s]}" if s in self.absent else f"no {s}" for s in subjects]
        if self.customers and not self.dated_customers:
            lines.append("customers are a single snapshot: their attributes are not point in time")
        return lines

    @property
    def dated_customers(self) -> bool:
        """Whether customer rows say since when they hold; an undated snapshot introduces nobody."""
        return any("valid_from" in part.columns for part in self.customers)


# Columns that always have a value, or whose lack another line says.
_SILENT = {"line_no", "currency", "unit_of_measure", "valid_from", "valid_to"} | {
    c for t in STAGED for c in t.names if c.endswith("_rank")
}


def load_source(folder: Path, name: str) -> Source:
    """The mapping `conf/sources/<name>.yml`. Raises ConfigError naming file, key and the nearest right name."""
    path = folder / "sources" / f"{name}.yml"
    source = load(path, Source)
    for table in STAGED:
        for part in source.parts(table):
            _check_part(path, source, table, part)
    for column, levels in source.levels.items():
        if not any(f"{column}_rank" in t.names for t in STAGED):
            ranked = [c.removesuffix("_rank") for t in STAGED for c in t.names if c.endswith("_rank")]
            raise ConfigError(f'{path}: levels of "{column}": not an ordered column. {nearest(column, ranked)}')
        if len(set(levels)) != len(levels):
            raise ConfigError(f'{path}: levels of "{column}": one stands twice.')
    return source


def _check_part(path: Path, source: Source, table: Table, part: Part) -> None:
    where = f"{path}: {input_name(table)} ({part.files})"
    for column, sql in part.columns.items():
        if column not in table.names:
            raise ConfigError(f'{where}: "{column}" is not a column of {table.name}. {nearest(column, table.names)}')
        if column.endswith("_rank"):
            raise ConfigError(f'{where}: "{column}" is computed: list the order under `levels`.')
        parse_sql(sql, f"{where}: {column}")
    for rule in part.rules:
        for column in sql_columns(rule.when, f"{where}: rule {rule.rule}"):
            if column not in table.names:
                raise ConfigError(
                    f'{where}: rule {rule.rule}: "{column}" is not a column of {table.name}. '
                    f"{nearest(column, table.names)}"
                )
    defaults = DEFAULTS.get(table.name, {})
    for c in table.columns:
        default = defaults.get(c.name, "").format(time_zone=source.time_zone, currency=source.currency)
        if c.required and c.name not in part.columns and not (default and _inputs(default) <= set(part.columns)):
            raise ConfigError(f'{where}: "{c.name}" is required ({c.comment}); add it to `columns`.')


def _outcomes(tree: exp.Condition) -> set[str] | None:
    """The literals that an expression can come out as; None where only the data tell.

    >>> sorted(_outcomes(parse_sql("CASE WHEN code = 'O' THEN 'open' ELSE 'click' END", "doc")))
    ['click', 'open']
    >>> _outcomes(parse_sql("coalesce(code, 'open')", "doc"))
    """
    if isinstance(tree, exp.Literal | exp.Null):
        return {tree.name} if isinstance(tree, exp.Literal) else set()
    if isinstance(tree, exp.Case):
        branches = [*(branch.args["true"] for branch in tree.args["ifs"]), tree.args.get("default")]
    elif isinstance(tree, exp.If):
        branches = [tree.args["true"], tree.args.get("false")]
    else:
        return None
    found = [_outcomes(branch) for branch in branches if branch is not None]
    return None if None in found else {outcome for some in found for outcome in some or ()}


def _inputs(sql: str) -> frozenset[str]:
    return sql_columns(sql.replace("{time_zone}", "UTC").replace("{currency}", "USD"), "default")


def input_name(table: Table) -> str:
    """`transactions` for stg_transactions: what the user calls the input."""
    return table.name.removeprefix("stg_")
