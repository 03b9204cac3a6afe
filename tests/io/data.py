"""Rows of a published and of a state table, and threads that start in the same moment."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import K_SWEEP, STG_PRODUCTS
from segmentation.io.runs import Run, new_run

AS_OF, EARLIER = dt.date(2018, 1, 1), dt.date(2017, 12, 1)
T = TypeVar("T")


def sweep(spark: SparkSession, run_id: str, *ks: int, as_of: dt.date = AS_OF) -> DataFrame:
    """k_sweep rows of one attempt, one a k."""
    rows = [(as_of, run_id, "unified", k, 11, 1.5, 0.5, 0.7, 90.0, 4, 0.2, "mllib") for k in ks]
    return spark.createDataFrame(rows, K_SWEEP.ddl)


def found_ks(rows: DataFrame) -> list[tuple[dt.date, str, int]]:
    return sorted((r["as_of"], r["run_id"], r["k"]) for r in rows.select("as_of", "run_id", "k").collect())


def products(spark: SparkSession, *rows: tuple[str, str | None]) -> DataFrame:
    """stg_products rows: product and category."""
    return spark.createDataFrame([(p, c, "fresh", None, True) for p, c in rows], STG_PRODUCTS.ddl)


def found_products(rows: DataFrame) -> dict[str, str | None]:
    found = [(r["product_id"], r["category"]) for r in rows.collect()]
    assert len(dict(found)) == len(found), f"a product stands twice: {found}"
    return dict(found)


def attempt(job: str = "fit_segments", as_of: dt.date = AS_OF, config: Any = None, **versions: int) -> Run:
    """A finished attempt that wrote the tables in `versions`."""
    return new_run(job, as_of, config or {}, {"features": "f-1"}).finish(output_versions=versions)


def at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    """Each function in a thread of its own, all let go in the same moment; their results in order."""
    gate = threading.Barrier(len(work))

    def run(function: Callable[[], T]) -> T:
        gate.wait()
        return function()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))
