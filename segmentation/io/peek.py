"""A look at unknown files: their shapes, types and some values, without Spark; for the first draft of a mapping."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

from segmentation.core.errors import BadInputError, first_line
from segmentation.core.shapes import Seen, Shape

ROWS = 20_000  # enough to meet the values of a column that has few, and read in a second
FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet",
           ".orc": "orc"}  # fmt: skip
DELIMITERS = ",;\t|"


def look_at(folder: str) -> tuple[list[Shape], list[str]]:
    """The shapes of the files in a local folder, and what was passed over with the reason; at most 20,000 rows a file.

    Raises BadInputError where there is no such folder, or nothing in it that can be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise BadInputError(f"{folder}: there is no such folder. Name the folder of the raw files, on this machine.")
    shapes, passed = [], []
    for path in sorted(p for p in root.iterdir() if not p.name.startswith((".", "_"))):
        try:
            shapes.append(_shape(path))
        except (BadInputError, OSError, ValueError, pa.ArrowException) as error:
            passed.append(f"{path.name}: {first_line(error)}")
    if not shapes:
        raise BadInputError(
            f"{folder}: no file can be read. {' '.join(passed)} Expected CSV, Parquet, JSON lines, ORC or Delta."
        )
    groups: dict[Any, list[Shape]] = {}
    for shape in shapes:
        key = (shape.format, tuple(sorted(shape.options.items())), frozenset(c.name for c in shape.columns))
        groups.setdefault(key, []).append(shape)
    return [_united(group, [s.files for s in shapes]) for group in groups.values()], passed


def _shape(path: Path) -> Shape:
    if path.is_dir() and (path / "_delta_log").is_dir():
        return Shape(path.name, "delta", _parquet(next(path.rglob("*.parquet"), path)))
    part = next((p for p in sorted(path.iterdir()) if p.suffix in FORMATS), path) if path.is_dir() else path
    name = part.name.removesuffix(".gz")
    file_format = FORMATS.get(Path(name).suffix.lower())
    if file_format is None or (name != part.name):
        raise BadInputError("not looked into: its name does not end as CSV, Parquet, JSON or ORC files do.")
    if file_format == "csv":
        options, columns = _csv(part)
        return Shape(path.name, "csv", columns, options)
    if file_format == "json":
        return Shape(path.name, "json", _json(part))
    return Shape(path.name, file_format, _parquet(part) if file_format == "parquet" else _orc(part))


def _united(group: list[Shape], everything: list[str]) -> Shape:
    """Files of one shape under one glob, if it names no other file; or else the first of them alone."""
    if len(group) == 1:
        return group[0]
    names = [shape.files for shape in group]
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    glob = f"{start}*{end}"
    # Digits that all share would hide the next month's file: sales-2024-0*.csv.
    glob = f"{start.rstrip('0123456789-_')}*{end}" if start.rstrip("0123456789-_") else glob
    if {n for n in everything if Path(n).match(glob)} != set(names):
        raise BadInputError(f"{', '.join(names)}: one shape, and no pattern names them alone. Put them in one folder.")
    columns = (
        Seen(c.name, c.type, tuple(v for s in group for o in s.columns if o.name == c.name for v in o.values))
        for c in group[0].columns
    )
    return Shape(glob, group[0].format, tuple(columns), group[0].options)


def _common_start(names: list[str]) -> str:
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _csv(path: Path) -> tuple[dict[str, str], tuple[Seen, ...]]:
    options = {"header": "true"}
    with path.open("rb") as file:
        start = file.read(1 << 20)
    encoding = "utf-8-sig"
    try:
        start[: start.rfind(b"\n") + 1 or None].decode(encoding)
    except UnicodeDecodeError:
        encoding = options["encoding"] = "ISO-8859-1"
    with path.open(encoding=encoding, newline="") as file:
        lines = list(itertools.islice(file, ROWS))
    if not lines:
        raise BadInputError("it is empty.")
    found = max(DELIMITERS, key=lambda d: min(line.count(d) for line in lines[:20]))
    if found != ",":
        options["sep"] = found
    rows = list(csv.reader(lines, delimiter=found))
    header = rows[0]
    if any(_is_number(cell) or not cell.strip() for cell in header) or len(set(header)) < len(header):
        raise BadInputError(f"its first line is no header of different names: {lines[0].strip()!r:.60}")
    filled = [row for row in rows[1:] if len(row) == len(header)]
    return options, tuple(Seen(name, "text", tuple(row[i] for row in filled)) for i, name in enumerate(header))


def _is_number(cell: str) -> bool:
    return cell.strip().replace(".", "", 1).replace(",", "", 1).lstrip("+-").isdigit()


def _json(path: Path) -> tuple[Seen, ...]:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in itertools.islice(file, ROWS) if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise BadInputError("expected one JSON object a line.")
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(Seen(name, _of_values(row.get(name) for row in rows), tuple(row.get(name) for row in rows))
                 for name in names)  # fmt: skip


def _of_values(values: Iterable[Any]) -> str:
    """JSON is judged as text, except for whole columns of booleans, numbers and objects."""
    kinds = {type(v) for v in values if v is not None}
    if kinds and kinds <= {bool}:
        return "boolean"
    if kinds and kinds <= {int, float}:
        return "integer" if kinds == {int} else "decimal"
    return "nested" if kinds & {dict, list} else "text"


def _parquet(path: Path) -> tuple[Seen, ...]:
    file = pa.parquet.ParquetFile(path)
    first = next(file.iter_batches(ROWS), None)
    return _arrow(file.schema_arrow, pa.Table.from_batches([first] if first is not None else [], file.schema_arrow))


def _orc(path: Path) -> tuple[Seen, ...]:
    table = pa.orc.ORCFile(path).read().slice(0, ROWS)
    return _arrow(table.schema, table)


def _arrow(schema: pa.Schema, table: pa.Table) -> tuple[Seen, ...]:
    checks = (("boolean", pa.types.is_boolean), ("integer", pa.types.is_integer), ("date", pa.types.is_date),
              ("timestamp", pa.types.is_timestamp), ("decimal", pa.types.is_decimal), ("double", pa.types.is_floating),
              ("nested", pa.types.is_nested))  # fmt: skip
    kinds = {f.name: next((kind for kind, check in checks if check(f.type)), "text") for f in schema}
    return tuple(Seen(n, kinds[n], tuple(table.column(n).to_pylist() if kinds[n] != "nested" else ())) for n in kinds)
