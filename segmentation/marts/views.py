"""The marts: one SELECT a file of `conf/sql/marts`, with what its rows and columns mean in its first lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlglot
from sqlglot import exp

from segmentation.core.config import Strict, parse, parse_yaml
from segmentation.core.errors import ConfigError, first_line, nearest
from segmentation.core.schemas import AGGREGATES, SCHEMA

Audience = Literal["analysts", "everyone"]


class Header(Strict):
    """The comment that a file begins with, as YAML."""

    grain: str
    audience: Audience
    columns: dict[str, str]


@dataclass(frozen=True)
class Mart:
    """A view: its SELECT over the views of tables, the grain, and what each column means, in order."""

    name: str
    grain: str
    audience: Audience
    """analysts: may read of single customers; everyone: reads the aggregate tables alone."""
    columns: Mapping[str, str]
    sql: str


def load_marts(folder: Path, tables: Collection[str]) -> list[Mart]:
    """The marts under `folder`/sql/marts, by name; `tables` are those that they may read.

    Raises ConfigError where a file's comment or SQL is wrong: an unknown key or table, columns that are not those of
    the SELECT, or a mart for everyone that reads what not everyone may see.
    """
    return [_read(path, tables) for path in sorted((folder / "sql" / "marts").glob("*.sql"))]


def _read(path: Path, tables: Collection[str]) -> Mart:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not readable as UTF-8: {error}") from None
    size = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    comment = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:size])
    where = f"{path}, first comment"
    header = parse(parse_yaml(comment, where), Header, where)
    sql = "\n".join(lines[size:]).strip()
    try:
        tree = sqlglot.parse_one(sql, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise ConfigError(f"{path}: not a SELECT: {first_line(error)}") from None
    if path.stem in tables:
        raise ConfigError(f"{path}: {SCHEMA}.{path.stem} is a table. Name the mart otherwise.")
    if not isinstance(tree, exp.Query):
        raise ConfigError(f"{path}: expected one SELECT, found {tree.key.upper()}.")
    if tree.named_selects != list(header.columns):
        raise ConfigError(
            f"{path}: the SELECT gives {', '.join(tree.named_selects)}; its comment explains "
            f"{', '.join(header.columns)}. Expected the same columns in the same order."
        )
    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    reads = set()
    for table in tree.find_all(exp.Table):
        if not table.db and table.name in own:
            continue
        if table.db != SCHEMA or table.name not in tables:
            raise ConfigError(
                f"{path}: reads {table.sql()}. {nearest(table.name, sorted(tables))} Write {SCHEMA}.TABLE."
            )
        reads.add(table.name)
    beyond = reads - {t.name for t in AGGREGATES}
    if header.audience == "everyone" and beyond:
        raise ConfigError(
            f"{path}: a mart for everyone reads {', '.join(sorted(beyond))}; expected only "
            f"{', '.join(t.name for t in AGGREGATES)}. Say `audience: analysts`."
        )
    return Mart(path.stem, header.grain, header.audience, header.columns, sql)
