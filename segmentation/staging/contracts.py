"""Row contracts: each raw row gets our typed columns and, where it breaks a rule, the rule and the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    NullType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from segmentation.core.config import sql_columns
from segmentation.core.errors import BadInputError, ConfigError, first_line, nearest
from segmentation.core.schemas import Table
from segmentation.staging.mapping import DEFAULTS, KINDS, Part, Source, input_name
from segmentation.staging.merges import merged
from segmentation.staging.rates import convert

CORRUPT = "_corrupt_record"
"""Spark's name for the column that holds a line which it could not take apart."""
DAY_TIME_ZONE = r"^[^T ]+[T ][0-9:.]+ ?[^0-9:. ]"
"""Text that says its zone: a day, a time, and something more."""


def judge(
    source: Source,
    table: Table,
    part: Part,
    raw: DataFrame,
    own: Sequence[str],
    received_on: dt.date,
    rates: DataFrame | None = None,
    survivor: DataFrame | None = None,
) -> DataFrame:
    """One row per raw row: the table's columns typed, `raw` (a struct), `is_merged` and `verdict` (null when accepted).

    `own` are the columns of the file itself: what lookups added is used, but is no part of the raw row. `rates` are
    daily ones, by which lines of other currencies are converted; `survivor` says which customers are one.

    Raises BadInputError for a column that is not there or has another kind of type, and ConfigError for an
    expression or rule that Spark does not take, before any row is read.
    """
    where = f"{input_name(table)} ({part.files})"
    _check_columns(where, part, raw)
    found = _evaluate(where, part, raw, own)
    for name in part.columns:
        _check_type(where, part, table, name, found.schema[f"found_{name}"].dataType)
    typed = found.select(
        "raw",
        "is_corrupt",
        *(f"found_{name}" for name in part.columns),
        *(_typed(source, table, name, found.schema[f"found_{name}"].dataType) for name in part.columns),
    )
    defaults = DEFAULTS.get(table.name, {})
    typed = _with_defaults(source, table, part, typed, [name for name in defaults if name != "unit_price"])
    if rates is not None and "currency" in table.names:
        typed = convert(source, table, typed, rates)
    typed = merged(typed, survivor)
    # A unit price follows from what was paid, in the source's currency.
    typed = _with_defaults(source, table, part, typed, [name for name in defaults if name == "unit_price"])
    for column, levels in source.levels.items():
        if f"{column}_rank" in table.names and column in part.columns:
            ranks = F.array_position(F.array(*(F.lit(level) for level in levels)), F.col(column)).cast("int")
            typed = typed.withColumn(f"{column}_rank", F.when(ranks > 0, ranks))
    for c in table.columns:
        if c.name not in typed.columns:
            typed = typed.withColumn(c.name, F.lit(None).cast(c.type))
    _check_rules(where, part, typed)
    rules = list(_rules(source, table, part, found.schema, received_on))
    verdict = F.coalesce(*(F.when(bad, F.struct(F.lit(r).alias("rule"), why.alias("reason"))) for r, bad, why in rules))
    return typed.select("raw", *table.names, "is_merged", verdict.alias("verdict"))


def _with_defaults(source: Source, table: Table, part: Part, typed: DataFrame, names: Sequence[str]) -> DataFrame:
    for name in names:
        sql = DEFAULTS[table.name][name].format(time_zone=source.time_zone, currency=source.currency)
        if name not in part.columns and sql_columns(sql, name) <= set(typed.columns):
            typed = typed.withColumn(name, F.expr(sql).try_cast(table.column(name).type))
    return typed


def _check_columns(where: str, part: Part, raw: DataFrame) -> None:
    have = {c.lower() for c in raw.columns}
    for name, sql in part.columns.items():
        for column in sorted(sql_columns(sql, where)):
            if column.lower() not in have:
                raise BadInputError(
                    f'{where}: column "{column}" is not there, and {name} is made of it. '
                    f"{nearest(column, [c for c in raw.columns if c != CORRUPT])}"
                )


def _evaluate(where: str, part: Part, raw: DataFrame, own: Sequence[str]) -> DataFrame:
    try:
        return raw.select(
            F.struct(*(F.col(f"`{c}`") for c in own)).alias("raw"),
            (F.col(CORRUPT).isNotNull() if CORRUPT in own else F.lit(False)).alias("is_corrupt"),
            *(F.expr(sql).alias(f"found_{name}") for name, sql in part.columns.items()),
        )
    except AnalysisException as error:
        raise ConfigError(f"{where}: {first_line(error)}") from None


def raw_text(column: str, fields: Sequence[str]) -> Column:
    """The JSON of a raw row, a struct with these fields in the column of this name; null where there is none."""
    raw = F.col(column)
    row = F.struct(*(raw.getField(c).alias(c) for c in fields if c != CORRUPT))
    text = F.when(raw.isNotNull(), F.to_json(row, {"ignoreNullFields": "false"}))
    if CORRUPT not in fields:
        return text
    # What Spark made of such a line is half of it; the line itself is the raw row.
    line = raw.getField(CORRUPT)
    return F.when(line.isNotNull(), F.to_json(F.struct(line.alias(CORRUPT)))).otherwise(text)


def _check_type(where: str, part: Part, table: Table, name: str, found: DataType) -> None:
    wanted = table.column(name).type
    if part.is_text and isinstance(found, StringType | NullType):
        return  # text formats are judged value by value
    fits: tuple[type[DataType], ...] = (NullType,)
    if wanted.startswith(("decimal", "int", "bigint", "double")):
        fits += (NumericType,)
    elif wanted == "boolean":
        fits += (BooleanType,)
    elif wanted == "date":
        fits += (DateType,)
    elif wanted == "timestamp":
        fits += (TimestampType, TimestampNTZType, DateType)
    else:
        # A number with a fraction is no name: as text 1234 would become 1234.0 and match nothing.
        fits += (StringType, IntegralType, DecimalType, DateType, BooleanType)
    if not isinstance(found, fits):
        raise BadInputError(
            f'{where}: "{part.columns[name]}" is {found.simpleString()}, and {name} needs {wanted}. '
            f"If its values can be read as that, write `{name}: try_cast(… AS {wanted})` in the mapping."
        )


def _check_rules(where: str, part: Part, typed: DataFrame) -> None:
    for rule in part.rules:
        try:
            found = typed.select(F.expr(rule.when)).schema[0].dataType
        except AnalysisException as error:
            raise ConfigError(f"{where}: rule {rule.rule}: {first_line(error)}") from None
        if not isinstance(found, BooleanType):
            raise ConfigError(
                f'{where}: rule {rule.rule}: "{rule.when}" is {found.simpleString()}; expected a condition.'
            )


def _typed(source: Source, table: Table, name: str, found: DataType) -> Column:
    wanted, value = table.column(name).type, F.col(f"found_{name}")
    if wanted == "timestamp" and isinstance(found, TimestampNTZType | DateType):
        return _shown_by_clock(value, source).alias(name)
    if wanted == "timestamp" and isinstance(found, StringType):
        text = F.trim(value)
        # Spark reads a time alone as today's; timestamp_ntz does not.
        local = _shown_by_clock(text.try_cast("timestamp_ntz"), source)
        return F.when(text.rlike(DAY_TIME_ZONE), text.try_cast(wanted)).otherwise(local).alias(name)
    if wanted == "string":
        text = F.trim(value.cast("string"))
        return F.when(text != "", text).alias(name)
    if isinstance(found, NullType):
        return F.lit(None).cast(wanted).alias(name)
    return (F.trim(value) if isinstance(found, StringType) else value).try_cast(wanted).alias(name)


def _shown_by_clock(value: Column, source: Source) -> Column:
    """The instant at which the store's clock showed a timestamp without a zone; of a time shown twice, the first."""
    return F.to_utc_timestamp(value.cast("timestamp"), source.time_zone)


def _rules(
    source: Source, table: Table, part: Part, found: StructType, received_on: dt.date
) -> Iterator[tuple[str, Column, Column]]:
    """(rule, condition that marks a bad row, reason), in the order in which they are tried."""
    yield (
        "malformed_row",
        F.col("is_corrupt"),
        F.lit("the line has more or fewer columns than its file's header, or is no JSON; expected one value a column"),
    )
    # Only text is judged as text: to write out the numbers of all rows took half the time of judging them.
    value = {name: F.col(f"found_{name}") for name in part.columns}
    kind = {name: found[f"found_{name}"].dataType for name in part.columns}
    for name in part.columns:
        if table.column(name).type.startswith(("decimal", "int")):
            if isinstance(kind[name], StringType):
                odd = F.lower(F.trim(value[name])).rlike(r"^[+-]?(nan|inf(inity)?)$")
            elif isinstance(kind[name], DoubleType | FloatType):
                odd = F.isnan(value[name]) | (F.abs(value[name]) == float("inf"))
            else:
                continue
            yield "non_finite", odd, _says(name, value[name], "a finite number")
    for name in part.columns:
        c = table.column(name)
        if c.type != "string":
            unread = F.col(name).isNull() & value[name].isNotNull()
            if isinstance(kind[name], StringType):
                unread &= F.trim(value[name]) != ""
            yield "wrong_type", unread, _says(name, value[name], f"something that reads as {c.type}")
    for c in table.columns:
        if c.required:
            rule = "missing_key" if c.name in (*table.key, "customer_id") else "missing_value"
            yield rule, F.col(c.name).isNull(), F.lit(f"{c.name} is missing; expected: {c.comment}")
    if table.date_column:
        day = F.col(table.date_column)
        yield (
            "impossible_date",
            day < F.lit(source.earliest_date),
            _says(table.date_column, day, f"a day from {source.earliest_date} on"),
        )
        yield (
            "future_date",
            day >= F.lit(received_on),
            _says(table.date_column, day, f"a day before {received_on}, when the files were received"),
        )
    may_be_negative = F.col("is_return") if "is_return" in table.names else F.lit(False)
    for c in table.columns:
        if c.non_negative:
            bad = (F.col(c.name) < 0) & ~may_be_negative
            yield "negative_amount", bad, _says(c.name, F.col(c.name), "0 or more, or is_return")
    if "is_return" in table.names:
        for name in ("net_amount", "quantity"):
            bad = F.col("is_return") & (F.col(name) > 0)
            yield "positive_return", bad, _says(name, F.col(name), "0 or less on a return")
    if "currency" in table.names:
        bad = F.col("currency") != source.currency
        expected = _says("currency", F.col("currency"), source.currency)
        if source.rates is not None:
            dated = F.lit(f", or a rate in {source.rates.files} of "), F.col("event_date").cast("string")
            expected = F.concat(expected, *dated, F.lit(" or earlier"))
        yield "unknown_currency", bad, expected
    for column, levels in source.levels.items():
        if f"{column}_rank" in table.names:
            bad = F.col(column).isNotNull() & F.col(f"{column}_rank").isNull()
            yield "unknown_level", bad, _says(column, F.col(column), "one of " + ", ".join(levels))
    for column, kinds in KINDS.items():
        if column in table.names:
            yield (
                "unknown_kind",
                ~F.col(column).isin(*kinds),
                _says(column, F.col(column), "one of " + ", ".join(kinds)),
            )
    for own in part.rules:
        yield own.rule, F.coalesce(F.expr(own.when), F.lit(False)), F.lit(own.reason)


def _says(name: str, found: Column, expected: str) -> Column:
    return F.concat(
        F.lit(f"{name} is "),
        F.coalesce(F.substring(found.cast("string"), 1, 80), F.lit("null")),
        F.lit(f"; expected {expected}"),
    )
