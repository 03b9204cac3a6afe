"""A first draft of `conf/sources/<name>.yml` from what files look like: every guess says what it stands on."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import STAGED, Column
from segmentation.core.shapes import Seen, Shape
from segmentation.staging.guesses import Guess, as_kind, as_type, is_time, name_of, quoted
from segmentation.staging.mapping import KINDS, input_name
from segmentation.staging.synonyms import KIND_WORDS, SYNONYMS, plain

COLUMNS = {input_name(table): {c.name: c for c in table.columns} for table in STAGED}
LEVELS = ("age_band", "income_band", "loyalty_tier")
NO_CURRENCY, NO_ZONE = "XXX", "UTC"
"""ISO 4217's code for no currency: a draft must load, and nobody should mistake the guess for a finding."""


@dataclass
class _Part:
    """A shape as one of our inputs."""

    table: str
    shape: Shape
    columns: dict[str, Guess] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Draft:
    """The text of a mapping, and what a person must choose."""

    text: str
    choices: tuple[str, ...]


def draft_source(
    name: str, shapes: Sequence[Shape], passed: Sequence[str] = (), currency: str | None = None, zone: str | None = None
) -> Draft:
    """A mapping that loads. Raises BadInputError, naming what there is, where no file looks like receipt lines."""
    parts: list[_Part] = []
    unmapped: list[Shape] = []
    for shape in shapes:
        part = next((p for table in SYNONYMS if (p := _as(table, shape)) is not None), None)
        unmapped += [shape] if part is None else []
        parts += [part] if part is not None else []
    if not any(part.table == "transactions" for part in parts):
        have = "; ".join(f"{s.files} ({', '.join(c.name for c in s.columns)})" for s in shapes)
        raise BadInputError(
            f"no file looks like receipt lines: expected a customer, a date and an amount, by names such as "
            f"customer_id, date, amount. There is: {have}. Rename columns, or copy conf/sources/cdnow.yml and edit it."
        )
    choices = []
    if currency is None:
        currency = _currency(parts)
        choices += ["currency"] if currency == NO_CURRENCY else []
    if zone is None:
        zone = NO_ZONE
        choices.append("time_zone")
    where = "where the tills stand, such as Europe/Berlin: it says on which day a time is"
    lines = [
        f"# First draft by `segmentation new-source --name {name}`: every guess says what it stands on; read them all.",
        "# Left of a colon: our column (segmentation/core/schemas/staged.py). Right: SQL over the file's columns.",
        f"description: {quoted(name)}  # choose: what the report should call these data",
        f"time_zone: {zone}{_choose('time_zone' in choices, where)}",
        f"currency: {currency}{_choose('currency' in choices, 'ISO 4217, such as EUR; no file says which')}",
    ]
    levels = {
        column: ordered
        for part in parts
        for column in LEVELS
        if column in part.columns and (ordered := _levels(part.columns[column]))
    }
    if levels:
        lines += [
            "",
            "# choose: the order, lowest first; by the first number in each, or else as the values came",
            "levels:",
        ]
        lines += [f"  {column}: [{', '.join(map(quoted, ordered))}]" for column, ordered in levels.items()]
        choices += [f"the order of {column}" for column in levels]
    for table in COLUMNS:
        of_table = [part for part in parts if part.table == table]
        if of_table:
            lines += ["", f"{table}:"]
            lines += [line for part in of_table for line in _lines(part)]
    if unmapped or passed:
        lines += ["", "# Not mapped; choose: give each a place above, or leave it out."]
        for shape in unmapped:
            lines += _comment(f"{shape.files}: it has {', '.join(_described(c) for c in shape.columns)}")
        lines += [line for text in passed for line in _comment(text)]
    return Draft("\n".join(lines) + "\n", tuple(choices))


def _choose(needed: bool, what: str) -> str:
    return f"  # choose: {what}" if needed else "  # as you said, or as the files say"


def _as(table: str, shape: Shape) -> _Part | None:
    """The shape as this input, where it has what the input cannot do without."""
    part = _Part(table, shape)
    by_name = {plain(c.name): c for c in shape.columns if c.type != "nested"}
    for ours, names in SYNONYMS[table].items():
        seen = next((by_name[n] for n in (plain(ours), *names.split()) if n in by_name), None)
        if (
            seen is None
            or seen.name in part.used
            or (ours in ("transaction_ts", "interaction_ts", "event_date") and not is_time(seen))
        ):
            continue
        part.columns[ours] = _guess(table, COLUMNS[table][ours], seen, shape)
        part.used.add(seen.name)
    return part if COMPLETE[table](part) else None


def _guess(table: str, column: Column, seen: Seen, shape: Shape) -> Guess:
    if column.name in KIND_WORDS and not (column.name == "channel" and table != "transactions"):
        return as_kind(column.name, seen)
    return as_type(column.type, seen, typed=shape.format not in ("csv", "json"))


def _transactions(part: _Part) -> bool:
    have = part.columns
    if "net_amount" not in have and {"unit_price", "quantity"} <= have.keys():
        units, price = have["quantity"], have["unit_price"]
        sql = f"try_cast({units.sql} AS decimal(18,3)) * try_cast({price.sql} AS decimal(18,6))"
        have["net_amount"] = Guess(sql, "no amount of the line was found: quantity times price")
    if not {"customer_id", "transaction_ts", "net_amount"} <= have.keys():
        return False
    customer, time = have["customer_id"].sql, have["transaction_ts"]
    rest = ", ".join(name_of(c.name) for c in part.shape.columns if c.name not in (customer, time.column))
    if "transaction_id" not in have:
        have["transaction_id"] = Guess(
            f"concat_ws('-', {customer}, {name_of(time.column)})",
            "no receipt number was found: what a customer bought at one time is one receipt",
        )
        have["line_no"] = Guess(
            f"row_number() OVER (PARTITION BY {customer}, {name_of(time.column)} ORDER BY {rest})",
            "lines are numbered, so a file given twice counts twice",
        )
    elif "line_no" not in have and _repeats(part, have["transaction_id"].column):
        receipt = name_of(have["transaction_id"].column)
        product = have["product_id"].column if "product_id" in have else ""
        if product and not _repeats(part, have["transaction_id"].column, product):
            by, why = name_of(product), "no product stands twice on a receipt, so its rank numbers the lines"
            have["line_no"] = Guess(f"dense_rank() OVER (PARTITION BY {receipt} ORDER BY {by})", why)
        else:
            by = ", ".join(name_of(c.name) for c in part.shape.columns if c.name != have["transaction_id"].column)
            why = "a receipt has several lines and no number for them, so a file given twice counts twice"
            have["line_no"] = Guess(f"row_number() OVER (PARTITION BY {receipt} ORDER BY {by})", why)
    if "is_return" not in have:
        _returns(part)
    return True


def _repeats(part: _Part, *columns: str) -> bool:
    """Whether two of the rows looked at agree in these columns."""
    by_name = {c.name: c.values for c in part.shape.columns}
    rows = list(zip(*(by_name[c] for c in columns), strict=True))
    return len(set(rows)) < len(rows)


def _returns(part: _Part) -> None:
    """How returns are told where no column says so: by a letter of the receipt, or by negative numbers."""
    have, seen = part.columns, {c.name: c for c in part.shape.columns}
    receipts = seen[have["transaction_id"].column].texts if have["transaction_id"].column in seen else ()
    letters = {r[0] for r in receipts if r[:1].isalpha()}
    if len(letters) == 1 and any(r[0].isdigit() for r in receipts):
        (letter,) = letters
        have["is_return"] = Guess(
            f"startswith({have['transaction_id'].sql}, '{letter}')",
            f"some receipts begin with {letter}; choose: is it that?",
        )
        return
    for column in ("quantity", "net_amount"):
        if column in have and any(t.startswith("-") for t in seen.get(have[column].column, Seen("", "", ())).texts):
            sql = f"coalesce(try_cast({have[column].sql} AS decimal(18,3)) < 0, false)"
            have["is_return"] = Guess(sql, f"{have[column].column} is negative in some lines")
            return


def _feedback(part: _Part) -> bool:
    return _has_kind(part, "feedback_type") and _dated_event(part, "feedback_id") and "score" in part.columns


def _interactions(part: _Part) -> bool:
    if "interaction_ts" not in part.columns and "event_date" not in part.columns:
        return False
    return _has_kind(part, "interaction_type") and _dated_event(part, "interaction_id")


def _has_kind(part: _Part, column: str) -> bool:
    """A column tells the kind of event, or else the file's name does."""
    if column in part.columns and part.columns[column].sql != "NULL":
        return True
    kind = next((kind for word, kind in KIND_WORDS[column].items() if word in part.shape.files.lower()), None)
    if kind is None:
        return False
    part.columns[column] = Guess(f"'{kind}'", f"by the file's name; choose: one of {', '.join(KINDS[column])}")
    return True


def _dated_event(part: _Part, key: str) -> bool:
    time = part.columns.get("event_date") or part.columns.get("interaction_ts")
    if "customer_id" not in part.columns or time is None:
        return False
    if key not in part.columns:
        named = [name_of(c.name) for c in part.shape.columns if c.type != "nested"]
        kind = re.sub(r"\W", "", part.shape.files.split(".")[0])
        part.columns[key] = Guess(
            f"concat_ws('-', '{kind}', {', '.join(named)})", "it has no number of its own: equal rows are one"
        )
    return True


def _consent(part: _Part) -> bool:
    return {"customer_id", "purpose", "status", "valid_from"} <= part.columns.keys()


def _campaigns(part: _Part) -> bool:
    return {"campaign_id", "starts_on"} <= part.columns.keys() and not _has_customer(part)


def _products(part: _Part) -> bool:
    return "product_id" in part.columns and len(part.columns) > 1 and not _has_customer(part)


def _customers(part: _Part) -> bool:
    return "customer_id" in part.columns and len(part.columns) > 1


def _has_customer(part: _Part) -> bool:
    names = SYNONYMS["customers"]["customer_id"].split()
    return any(plain(c.name) in names for c in part.shape.columns)


COMPLETE = {
    "transactions": _transactions, "feedback": _feedback, "consent": _consent, "interactions": _interactions,
    "campaigns": _campaigns, "products": _products, "customers": _customers,
}  # fmt: skip


def _currency(parts: Sequence[_Part]) -> str:
    """The currency that nearly all lines name; few others may be errors, or want rates."""
    for part in parts:
        if part.table == "transactions" and "currency" in part.columns:
            column = part.columns["currency"].column
            values = Counter(str(v).strip() for c in part.shape.columns if c.name == column for v in c.values if v)
            (most, lines), *_ = values.most_common(1) or [("", 0)]
            if re.fullmatch("[A-Z]{3}", most) and lines > 0.9 * values.total():
                return most
    return NO_CURRENCY


def _levels(guess: Guess) -> list[str]:
    """An order for few values: by the first number in them, those without one first, where any has one."""
    values = list(guess.values)
    if not 1 < len(values) <= 20:
        return []
    numbers = {v: re.search(r"\d+", v) for v in values}
    if not any(numbers.values()):
        return values
    return sorted(values, key=lambda v: (float(n[0]) if (n := numbers[v]) else -1.0, not v.lower().startswith("under")))


def _lines(part: _Part) -> list[str]:
    shape = part.shape
    lines = [f"  - files: {quoted(shape.files)}"]
    lines += [f"    format: {shape.format}"] if shape.format != "parquet" else []
    if shape.options:
        lines.append("    options: {" + ", ".join(f'{k}: "{_escaped(v)}"' for k, v in shape.options.items()) + "}")
    lines.append("    columns:")
    for ours in COLUMNS[part.table]:
        if ours in part.columns:
            guess = part.columns[ours]
            lines += [f"      {line}" for line in _comment(guess.why)] if len(guess.why) > 60 else []
            end = f"  # {guess.why}" if len(guess.why) <= 60 else ""
            lines.append(f"      {ours}: {quoted(guess.sql)}{end}")
    unused = [_described(c) for c in shape.columns if c.name not in {g.column for g in part.columns.values()}]
    lines += [f"    {line}" for line in _comment(f"Not used: {', '.join(unused)}")] if unused else []
    return lines


def _escaped(value: str) -> str:
    return value.replace("\t", "\\t")


def _described(c: Seen) -> str:
    return f"{c.name} ({c.type}{', such as ' + ' '.join(c.texts[0].split())[:30] if c.texts else ''})"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 108)]
