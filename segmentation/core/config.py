"""Configuration files: YAML read safely into pydantic models that refuse unknown keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import sqlglot
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlglot import exp

from segmentation.core.errors import ConfigError, first_line, nearest


class Strict(BaseModel):
    """A configuration block: immutable, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys; a user who wrote both wants to know."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the loader itself refuses it
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f'key "{key}" stands twice', key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The parsed content of one YAML file. Raises ConfigError for a missing file, bad syntax or a tag."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        have = [p.stem for p in path.parent.glob("*.yml")] if path.parent.is_dir() else []
        raise ConfigError(f"{path}: there is no such file. {nearest(path.stem, have)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not readable as plain YAML: {error}") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The content of YAML; `where` names it in errors. Raises ConfigError for bad syntax, a key twice or a tag."""
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, ValueError) as error:  # 2017-02-30 is no date
        raise ConfigError(f"{where}: not readable as plain YAML: {error}") from None


def load(path: Path, model: type[Model]) -> Model:
    """One configuration file as `model`. Raises ConfigError naming file, key and the nearest right name."""
    return parse(read_yaml(path), model, str(path))


def parse(content: Any, model: type[Model], where: str) -> Model:
    """`content` as `model`; `where` names it in the error."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: " + "; ".join(_explain(e, model) for e in error.errors())) from None


def _explain(error: Any, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, error["loc"])
        return f'key "{key}" is not known. {nearest(str(error["loc"][-1]), known)}'
    if "password" in error["msg"]:
        return f'key "{key}": {error["msg"]}'  # what was found may hold one
    return f'key "{key}": {error["msg"]} (found {error["input"]!r:.80})'


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    schema: dict[str, Any] = model.model_json_schema()
    node = schema
    for part in location[:-1]:
        node = _resolve(schema, node)
        named = next(iter(node.get("patternProperties", {}).values()), None)
        node = (
            node.get("properties", {}).get(part) or named or node.get("additionalProperties") or node.get("items") or {}
        )
    return list(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: Any) -> dict[str, Any]:
    """Follows `$ref`, and in a union takes the branch that is an object."""
    if not isinstance(node, dict):
        return {}
    for branch in [node, *node.get("anyOf", [])]:
        if "$ref" in branch:
            return dict(schema["$defs"][branch["$ref"].rsplit("/", 1)[1]])
    return node


def parse_sql(text: str, where: str) -> exp.Condition:
    """A SQL expression's tree in Spark's dialect. Raises ConfigError when it does not parse."""
    try:
        tree = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise ConfigError(f"{where}: not a SQL expression: {text!r} ({first_line(error)})") from None
    if not isinstance(tree, exp.Condition) or tree.find(exp.Select):
        # A subquery or a statement would reach beyond the row that the expression is given.
        raise ConfigError(f"{where}: expected one expression over columns, found {text!r}.")
    return tree


def sql_columns(text: str, where: str) -> frozenset[str]:
    """The column names an expression reads; of `customer.city`, a field of a struct, the column is `customer`.

    >>> sorted(sql_columns("a / nullif(b, 0)", "doc"))
    ['a', 'b']
    """
    return frozenset(column.parts[0].name for column in parse_sql(text, where).find_all(exp.Column))


def fingerprint(*parts: Any) -> str:
    """16 hexadecimal digits that change whenever a part does; parts must be JSON-like.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_version() -> str:
    """A hash of the library's own source files: what ran, also where there is no git and no build."""
    import zipfile

    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    if root.is_dir():
        files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if _is_source(p.name)}
    else:  # imported from a wheel or zip that --py-files put on the path
        archive = next(p for p in root.parents if zipfile.is_zipfile(p))
        prefix = root.relative_to(archive).as_posix() + "/"
        with zipfile.ZipFile(archive) as content:
            files = {
                n.removeprefix(prefix): content.read(n)
                for n in content.namelist()
                if n.startswith(prefix) and _is_source(n)
            }
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return digest.hexdigest()[:16]


def _is_source(name: str) -> bool:
    return name.endswith((".py", ".jinja"))
