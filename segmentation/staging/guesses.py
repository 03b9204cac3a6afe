"""A column of an unknown file as a SQL expression of one of our types, by looking at its values."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from segmentation.core.shapes import Seen
from segmentation.staging.synonyms import KIND_WORDS

# Spark's pattern → Python's. Of two that fit all values the first is taken.
FORMATS = {
    "dd.MM.yyyy": "%d.%m.%Y", "dd/MM/yyyy": "%d/%m/%Y", "MM/dd/yyyy": "%m/%d/%Y", "d/M/yyyy": "%d/%m/%Y",
    "M/d/yyyy": "%m/%d/%Y", "dd-MM-yyyy": "%d-%m-%Y", "yyyy/MM/dd": "%Y/%m/%d", "yyyyMMdd": "%Y%m%d",
}  # fmt: skip
TIMES = {"": "", " HH:mm:ss": " %H:%M:%S", " HH:mm": " %H:%M", " H:mm": " %H:%M"}
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


@dataclass(frozen=True)
class Guess:
    """An expression for one of our columns, why, and the file's column and values that it stands on."""

    sql: str
    why: str
    column: str = ""
    values: tuple[str, ...] = ()


def as_type(wanted: str, seen: Seen, typed: bool) -> Guess:
    """The column as `wanted`; `typed` files give no text where we want numbers or days."""
    name = name_of(seen.name)
    why = (
        f"such as {', '.join(' '.join(t.split())[:30] for t in seen.texts[:2])}"
        if seen.texts
        else "it is empty in what was read"
    )
    sql = name
    if seen.type == "text" and wanted in ("date", "timestamp"):
        sql, more = _time(name, wanted, seen)
        why += more
        sql = f"try_cast({sql} AS {wanted})" if typed and sql == name else sql
    elif seen.type == "text" and wanted.startswith("decimal"):
        sql = _number(name, seen)
        why += "; with a decimal comma" if sql != name else ""
        sql = f"try_cast({sql} AS {wanted})" if typed else sql
    elif seen.type == "text" and wanted == "int":
        topped = any(t.endswith("+") for t in seen.texts)
        sql = f"replace({name}, '+', '')" if topped else name
        sql = f"try_cast({sql} AS int)" if typed or topped else sql
    elif wanted == "boolean" and seen.type != "boolean":
        sql = f"{name} = 1" if seen.type == "integer" else f"try_cast({name} AS boolean)"
    elif wanted == "date" and seen.type == "timestamp":
        sql = f"CAST({name} AS date)"
    elif wanted == "string" and seen.type == "double":
        sql = f"CAST(CAST({name} AS bigint) AS string)"
        why += "; a number with a fraction is no name"
    return Guess(sql, why, seen.name, seen.texts)


def as_kind(column: str, seen: Seen) -> Guess:
    """A column of few words as ours."""
    words, name, texts = KIND_WORDS[column], name_of(seen.name), seen.texts
    kinds = set(words.values())
    if texts and set(texts) <= kinds:
        return Guess(name, f"its values are ours: {', '.join(texts)}", seen.name, texts)
    if texts and {t.lower() for t in texts} <= kinds:
        return Guess(f"lower({name})", f"its values are ours: {', '.join(texts)}", seen.name, texts)
    known = {t: kind for t in texts[:50] if (kind := next((k for w, k in words.items() if w in t.lower()), None))}
    if not known:
        return Guess(
            "NULL", f"choose: which of {', '.join(texts[:8])} is {', '.join(sorted(kinds))}?", seen.name, texts
        )
    branches = " ".join(f"WHEN {_text(t)} THEN '{kind}'" for t, kind in known.items())
    others = [t for t in texts if t not in known]
    # An unknown kind of event is refused by name; an unknown channel is only not known.
    end = " ELSE 'other'" if others and column.endswith("_type") else ""
    why = "by the words in its values; choose" + (f"; not told: {', '.join(others[:8])}" if others else "")
    return Guess(f"CASE {name} {branches}{end} END", why, seen.name, texts)


def is_time(seen: Seen) -> bool:
    """Whether the column holds days or instants."""
    if seen.type in ("date", "timestamp"):
        return True
    return _format(seen) is not None


def _time(name: str, wanted: str, seen: Seen) -> tuple[str, str]:
    found = _format(seen)
    if not found:
        return name, "" if found == "" else "; no known form of a date"
    said = ""
    swapped = found.replace("dd", "X").replace("MM", "dd").replace("X", "MM")
    if "/" in found and "yyyy/" not in found and _fits(seen, swapped):
        said = f"; choose: {found} or {swapped}, no value tells"
    if "HH" not in found and "H:" not in found:
        return f"try_to_date({name}, '{found}')", f"; as {found}{said}"
    # A clock's time, not an instant: the mapping's time zone says which instant it was.
    kind = "timestamp_ntz" if wanted == "timestamp" else "date"
    return f"CAST(try_to_timestamp({name}, '{found}') AS {kind})", f"; as {found}{said}"


def _format(seen: Seen) -> str | None:
    """Spark's pattern of nearly all values; empty for ISO 8601; None where none fits."""
    if not seen.texts:
        return None
    if _most(bool(ISO.fullmatch(t)) for t in seen.texts):
        return ""
    return next((day + time for day in FORMATS for time in TIMES if _fits(seen, day + time)), None)


def _fits(seen: Seen, pattern: str) -> bool:
    day, space, time = pattern.partition(" ")
    if day not in FORMATS:
        return False
    # Spark's dd takes two digits and d one or two; strptime takes both for both.
    digits = re.sub(r"(.)\1*", lambda m: rf"\d{{{1 if len(m[0]) == 1 else len(m[0])},{max(2, len(m[0]))}}}"
                    if m[1].isalpha() else re.escape(m[0]), pattern)  # fmt: skip
    return _most(bool(re.fullmatch(digits, t)) and _parses(t, FORMATS[day] + TIMES[space + time]) for t in seen.texts)


def _parses(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True


def _most(fits: Iterable[bool]) -> bool:
    """All but a few: a draft must survive the broken rows that staging refuses."""
    found = list(fits)
    return sum(found) >= 0.95 * len(found)


def _number(name: str, seen: Seen) -> str:
    """Text with a decimal comma as Spark reads numbers."""
    if any(re.fullmatch(r"-?\d{1,3}(\.\d{3})*,\d{1,6}", t) for t in seen.texts) and not any(
        re.fullmatch(r"-?\d+\.\d{1,2}", t) for t in seen.texts
    ):
        return f"replace(replace({name}, '.', ''), ',', '.')"
    return name


def name_of(column: str) -> str:
    """A column's name as SQL takes it.

    >>> name_of("Invoice No"), name_of("amount")
    ('`Invoice No`', 'amount')
    """
    return column if re.fullmatch(r"[A-Za-z_]\w*", column) else f"`{column}`"


def _text(value: str) -> str:
    return "'" + value.replace("'", "\\'") + "'"


def quoted(text: str) -> str:
    """A YAML scalar: as it stands where nothing in it could be read as something else."""
    plain = re.fullmatch(r"[A-Za-z_][\w .()/*+<=,'-]*", text) and text.lower() not in (
        "null",
        "true",
        "false",
        "yes",
        "no",
    )
    return (
        text
        if plain and not text.endswith(" ") and ": " not in text and " #" not in text
        else json.dumps(text, ensure_ascii=False)
    )
