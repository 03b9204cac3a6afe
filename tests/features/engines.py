"""The printed SQL of features run by DuckDB and by Spark, and how far its answers are from the tiles'."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isclose
from typing import Any

import duckdb
from pyspark.sql import DataFrame, Row, SparkSession

from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS, STG_TRANSACTIONS
from segmentation.features import Registry, plain_sql
from tests.features.generated import History
from tests.tiles.data import line, rows

Values = dict[str, Any]
"""Customer → value of one feature."""


def staged(spark: SparkSession, given: History) -> dict[str, DataFrame]:
    """The staged tables by name, with the rows that `tests.features.data.inputs` makes tiles of."""
    return {
        "stg_transactions": rows(spark, STG_TRANSACTIONS, *(line(i, change) for i, change in enumerate(given.lines))),
        "stg_customers": rows(spark, STG_CUSTOMERS, *given.customers),
        "stg_interactions": rows(
            spark, STG_INTERACTIONS, *({"interaction_id": f"i{i}", **row} for i, row in enumerate(given.interactions))
        ),
        "stg_feedback": rows(
            spark, STG_FEEDBACK, *({"feedback_id": f"f{i}", **row} for i, row in enumerate(given.feedback))
        ),
    }


def in_duckdb(tables: Mapping[str, Any], registry: Registry, as_of: dt.date) -> dict[str, Values]:
    """Feature → values, of the printed SQL over Arrow tables."""
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        found = {}
        for f in registry.features:
            answer = connection.execute(plain_sql(registry, f.name, as_of)).fetchall()
            assert connection.description is not None
            assert [column[0] for column in connection.description] == ["customer_id", f.name]
            found[f.name] = _by_customer(answer)
        return found


def in_spark(spark: SparkSession, registry: Registry, names: Iterable[str], as_of: dt.date) -> dict[str, Values]:
    """Feature → values, of the printed SQL over views of the staged tables' names."""
    found = {}
    for name in names:
        answer = spark.sql(plain_sql(registry, name, as_of))
        assert answer.columns == ["customer_id", name]
        found[name] = _by_customer(answer.collect())
    return found


def of_rows(built: Iterable[Row], registry: Registry) -> dict[str, Values]:
    """Feature → values, of rows of `customer_features`."""
    built = list(built)
    return {f.name: _by_customer((row["customer_id"], row[f.name]) for row in built) for f in registry.features}


def differences(expected: Mapping[str, Values], found: Mapping[str, Values]) -> list[str]:
    """A line per feature whose customers or values differ: numbers by more than 1e-9 of their size, others at all."""
    lines = []
    for name, values in found.items():
        if values.keys() != expected[name].keys():
            lines.append(f"{name}: of other customers: {sorted(values.keys() ^ expected[name].keys())}")
        wrong = [(c, expected[name].get(c), v) for c, v in values.items() if not same(expected[name].get(c), v)]
        lines += [f"{name}: {len(wrong)} differ, such as {wrong[0]} (customer, tiles, SQL)"] if wrong else []
    return lines


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return isclose(a, b, rel_tol=1e-9)
    return type(a) is type(b) and a == b and (not isinstance(a, Decimal) or a.as_tuple() == b.as_tuple())


def _by_customer(answer: Iterable[Any]) -> Values:
    pairs = [(row[0], row[1]) for row in answer]
    assert len(dict(pairs)) == len(pairs), "a customer has two rows"
    return dict(pairs)
