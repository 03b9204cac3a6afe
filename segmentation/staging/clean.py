"""Accepted rows and quarantined rows of one input, and the counts that prove none is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import cast

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from segmentation.core.errors import BadInputError, blamed_on_input, first_line, nearest
from segmentation.core.schemas import QUARANTINE, Table
from segmentation.staging.contracts import CORRUPT, judge, raw_text
from segmentation.staging.mapping import Lookup, Part, Source, input_name

RAW = "raw_"
"""The raw row's column begins so, of each part of the input one."""


@dataclass(frozen=True)
class Cleaned:
    """One input after its contracts. `rows` is persisted: one row per raw row, with its verdict.

    The raw row is a struct of the file's columns, `raw_0` of the first part and so on: as text, see `raw_row`, it is
    made only of the rows that are kept or compared, for that takes as long as judging them.
    """

    table: Table
    rows: DataFrame

    @property
    def raw_row(self) -> Column:
        """The raw row as JSON."""
        return _raw_row(self.rows)

    @property
    def accepted(self) -> DataFrame:
        """The rows that keep the contract, with the table's columns."""
        return self.rows.where("verdict IS NULL").select(*self.table.names)


def clean(
    source: Source,
    table: Table,
    parts: Sequence[tuple[Part, DataFrame, Sequence[DataFrame]]],
    received_on: dt.date,
    rates: DataFrame | None = None,
    survivor: DataFrame | None = None,
) -> Cleaned:
    """Judges every raw row of an input and refuses repeated keys; see `judge_parts` and `refuse_repeats`."""
    return refuse_repeats(table, judge_parts(source, table, parts, received_on, rates, survivor))


def judge_parts(
    source: Source,
    table: Table,
    parts: Sequence[tuple[Part, DataFrame, Sequence[DataFrame]]],
    received_on: dt.date,
    rates: DataFrame | None = None,
    survivor: DataFrame | None = None,
) -> DataFrame:
    """All parts of an input with their verdicts, not yet read. `parts`: raw rows and lookups' rows of each.

    `rates`: what other currencies are worth by day, see `daily_rates`; `survivor`: who is whom, see `survivors`.

    Raises BadInputError for a column or type that is not what the mapping says.
    """
    judged = []
    for i, (part, raw, lookups) in enumerate(parts):
        wide = raw
        for spec, rows in zip(part.lookups, lookups, strict=True):
            wide = _look_up(table, part, spec, wide, rows)
        one = judge(source, table, part, wide, raw.columns, received_on, rates, survivor)
        judged.append(one.withColumnRenamed("raw", f"{RAW}{i}"))
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), judged)


def _raw_row(rows: DataFrame) -> Column:
    parts = [field for field in rows.schema if field.name.startswith(RAW)]
    return F.coalesce(*(raw_text(part.name, cast(StructType, part.dataType).names) for part in parts))


def refuse_repeats(table: Table, judged: DataFrame) -> Cleaned:
    """Keeps one of the accepted rows that share a key.

    Of equal rows one stays, of differing ones that of the surviving customer id, or else the one with the
    smallest hash; the others are refused as `duplicate_line` or `conflicting_line`. Raises BadInputError where Spark
    cannot read a value or a file.
    """
    rows = judged.persist()
    repeated = rows.where("verdict IS NULL").groupBy(*table.key).count().where("count > 1").drop("count")
    # Finding repeated keys is one narrow aggregation; only where there are some do whole rows need an order.
    try:
        unique = repeated.isEmpty()  # the first time that rows are read
    except (PySparkException, Py4JJavaError) as error:
        rows.unpersist()
        raise blamed_on_input(
            error,
            f"{input_name(table)}: Spark met a value or a file that it cannot read: {_sentence(error)} "
            "In the mapping, try_cast refuses such values row by row; a broken file must come again.",
        ) from None
    return Cleaned(table, rows if unique else _keep_one(table, rows, repeated).persist())


def _sentence(error: PySparkException | Py4JJavaError) -> str:
    """Which file or value, and why. Py4J's own text is a stack trace; the exceptions behind it have a line each."""
    if isinstance(error, PySparkException):
        return first_line(error)
    said, cause = first_line(str(error.java_exception.getMessage())), error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    why = str(cause.getMessage() or "").split("\n")[0]
    return said if not why or why in said else f"{said} ({why})"


def _keep_one(table: Table, rows: DataFrame, repeated: DataFrame) -> DataFrame:
    """Refuses all but one of the accepted rows that share a key."""
    is_repeated = repeated.withColumn("is_repeated", F.lit(True))
    marked = rows.join(is_repeated, on=list(table.key), how="left")
    # A refused row must not take the place of an accepted one, and no window should sort the rest.
    contested = marked.where("is_repeated AND verdict IS NULL").withColumn("digest", F.xxhash64(_raw_row(rows)))
    same_key = Window.partitionBy(*table.key).orderBy("is_merged", "digest")
    key = " and ".join(table.key)
    verdict = F.when(
        F.row_number().over(same_key) > 1,
        F.when(
            F.col("digest") == F.first("digest").over(same_key),
            F.struct(
                F.lit("duplicate_line").alias("rule"),
                F.lit(f"the same row stands twice ({key})").alias("reason"),
            ),
        ).otherwise(
            F.struct(
                F.lit("conflicting_line").alias("rule"),
                F.lit(f"another row has the same {key} and other values; expected one row").alias("reason"),
            )
        ),
    )
    judged = contested.withColumn("verdict", verdict).select(rows.columns)
    return marked.where("NOT coalesce(is_repeated AND verdict IS NULL, false)").select(rows.columns).unionByName(judged)


def quarantine_rows(cleaned: Cleaned, run_id: str, ingested_at: dt.datetime) -> DataFrame:
    """The refused rows in the shape of `quarantine`; identical raw rows are numbered by `occurrence`."""
    same = Window.partitionBy("row_hash").orderBy("verdict")
    return (
        cleaned.rows.where("verdict IS NOT NULL")
        .withColumn("raw_row", cleaned.raw_row)
        .withColumn("row_hash", F.sha2("raw_row", 256))
        .withColumn("occurrence", F.row_number().over(same))
        .select(
            F.lit(input_name(cleaned.table)).alias("source_table"), "row_hash", "occurrence",
            _row_key(cleaned.table).alias("row_key"), "verdict.rule",
            "verdict.reason", "raw_row", F.lit(run_id).alias("run_id"),
            F.lit(ingested_at).alias("ingested_at"),
        )
        .select(*QUARANTINE.names)
    )  # fmt: skip


def refused_keys(cleaned: Cleaned) -> DataFrame:
    """Keys of which this batch has only refused rows: what is staged under them was read again and is not good."""
    key = list(cleaned.table.key)
    refused = cleaned.rows.where("verdict IS NOT NULL").select(*key).dropna().distinct()
    # The refused are few: joined to the accepted first, they need not be held against all of these.
    return refused.join(cleaned.accepted.join(refused, on=key, how="left_semi"), on=key, how="left_anti")


def settled(cleaned: Cleaned, refused: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Rows of `quarantine` that this batch accepts, by their text or by their key: the mapping or the file was mended.

    `refused` are this batch's own, which stay.
    """
    accepted = cleaned.rows.where("verdict IS NULL").select(
        F.sha2(cleaned.raw_row, 256).alias("row_hash"), _row_key(cleaned.table).alias("row_key")
    )
    old = quarantine.where(F.col("source_table") == input_name(cleaned.table)).join(
        refused, on=list(QUARANTINE.key), how="left_anti"
    )
    same_text, same_key = (
        old.join(accepted, on=by, how="left_semi").select(*QUARANTINE.key) for by in ("row_hash", "row_key")
    )
    return same_text.union(same_key).distinct()


def _row_key(table: Table) -> Column:
    has_all = reduce(Column.__and__, (F.col(k).isNotNull() for k in table.key))
    return F.when(has_all, F.to_json(F.struct(*table.key)))


def quality(cleaned: Cleaned) -> list[tuple[str, str, str, float]]:
    """(source_table, check, subject, value): rows read, accepted, quarantined by rule, and null shares.

    Raises BadInputError where an input has no rows at all, or none that keeps the contract.
    """
    name, table = input_name(cleaned.table), cleaned.table
    counts = {r["rule"]: r["n"] for r in cleaned.rows.groupBy("verdict.rule").agg(F.count("*").alias("n")).collect()}
    read, accepted = sum(counts.values()), counts.pop(None, 0)
    if read == 0:
        raise BadInputError(f"{name}: the input has no rows. Expected {table.grain}; check `files` in the mapping.")
    if accepted == 0:
        worst = max(counts, key=lambda rule: counts[rule])
        example = cleaned.rows.where(F.col("verdict.rule") == worst).select("verdict.reason").first()
        assert example is not None  # the rule was just counted
        raise BadInputError(
            f"{name}: none of {read:,} rows keeps the contract; {counts[worst]:,} break {worst} ({example['reason']}). "
            "Check the mapping of that column."
        )
    facts = [(name, "rows_read", "", float(read)), (name, "rows_accepted", "", float(accepted))]
    facts += [(name, "rows_quarantined", "", float(read - accepted))]
    facts += [(name, "quarantined_by_rule", rule, float(n)) for rule, n in sorted(counts.items())]
    nulls = cleaned.accepted.agg(*(F.count_if(F.col(c).isNull()).alias(c) for c in table.names)).first()
    assert nulls is not None  # an aggregate without groups has one row
    return facts + [(name, "null_share", c, nulls[c] / accepted) for c in table.names]


def with_products(transactions: DataFrame, products: DataFrame, table: Table) -> DataFrame:
    """Transaction lines with the product's category, department and brand filled in where the line has none."""
    attributes = ("category", "department", "is_private_label")
    p = products.select("product_id", *(F.col(a).alias(f"product_{a}") for a in attributes))
    joined = transactions.join(p, on="product_id", how="left")
    for a in attributes:
        joined = joined.withColumn(a, F.coalesce(a, f"product_{a}"))
    return joined.select(*table.names)


def _look_up(table: Table, part: Part, spec: Lookup, left: DataFrame, right: DataFrame) -> DataFrame:
    where = f"{input_name(table)} ({part.files}, looked up in {spec.files})"
    for name, frame in ((part.files, left), (spec.files, right)):
        missing = [c for c in spec.by if c not in frame.columns]
        if missing:
            raise BadInputError(
                f'{where}: {name} has no "{missing[0]}" to join on. {nearest(missing[0], frame.columns)}'
            )
    torn = right.where(F.col(CORRUPT).isNotNull()).select(CORRUPT).first() if CORRUPT in right.columns else None
    if torn is not None:
        raise BadInputError(
            f"{where}: a line of {spec.files} has more or fewer columns than the header: {torn[CORRUPT]!r:.80}."
        )
    if not right.groupBy(*spec.by).count().where("count > 1").isEmpty():
        raise BadInputError(
            f"{where}: {', '.join(spec.by)} is not unique in {spec.files}; a lookup would multiply rows."
        )
    new = [c for c in right.columns if c in spec.by or c not in (*left.columns, CORRUPT)]
    return left.join(right.select(*new), on=spec.by, how="left")
