"""Whether two runs have written the same rows."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.schemas import Table
from segmentation.io.delta import Warehouse


def contents(warehouse: Warehouse, table: Table, as_of: dt.date, run_id: str) -> tuple[int, int]:
    """Rows that one run wrote, and a hash of them in any order, without what only names the run."""
    rows = _comparable(warehouse, table, as_of, run_id)
    columns = [F.col(c) for c in rows.columns]
    # A hash passes over nulls: which columns are null is hashed beside them.
    row = F.xxhash64(*columns, *(c.isNull() for c in columns)).cast("decimal(38,0)")
    found = rows.agg(F.count("*"), F.coalesce(F.sum(row), F.lit(0))).first()
    assert found is not None  # an aggregate without groups has one row
    return int(found[0]), int(found[1])


def missing(warehouse: Warehouse, table: Table, as_of: dt.date, then: str, now: str) -> int:
    """How many rows of the run `then` the run `now` has not written."""
    one, other = (_comparable(warehouse, table, as_of, run_id) for run_id in (then, now))
    return one.exceptAll(other).count()


def _comparable(warehouse: Warehouse, table: Table, as_of: dt.date, run_id: str) -> DataFrame:
    """Maps have no order, so that Spark neither hashes nor compares them; their sorted entries have."""

    def plain(name: str, type_: str) -> Column:
        return F.array_sort(F.map_entries(name)).alias(name) if type_.startswith("map<") else F.col(name)

    kept = [plain(c.name, c.type) for c in table.columns if c.name not in ("as_of", "run_id")]
    return warehouse.read_run(table, as_of, run_id).select(*kept)
