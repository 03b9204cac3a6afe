"""Staged lines of the synthetic retailer, of any size, written once under build/bench."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pyspark.sql import SparkSession

from segmentation.core.schemas import STG_PRODUCTS, STG_TRANSACTIONS
from segmentation.datasets.synthetic import Retailer
from segmentation.datasets.synthetic.sales import products, sales
from segmentation.staging import judge_parts, load_source, with_products

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
AS_OF = dt.date(2024, 1, 1)
LINES_PER_CUSTOMER = 50


def staged_lines(spark: SparkSession, lines: int, whale_share: float = 0.0) -> Path:
    """A folder of Parquet files with `lines` staged lines (and the returns among them) of two years."""
    out = BENCH / f"lines-{lines}{f'-whale-{whale_share}' if whale_share else ''}"
    if not (out / "_SUCCESS").exists():
        source = load_source(ROOT / "conf", "synthetic")
        retailer = Retailer(lines // LINES_PER_CUSTOMER, lines, seed=7, whale_share=whale_share)
        bought, returned = sales(spark, retailer)
        staged = {}
        for table, raw in (
            (STG_TRANSACTIONS, bought.union(returned).drop("row")),
            (STG_PRODUCTS, products(spark, retailer)),
        ):
            part = source.parts(table)[0].model_copy(update={"format": "parquet"})
            # As files, as in a shop: Spark would write out what makes a column wherever the mapping reads it.
            files = str(out.with_name(f"{out.name}-{table.name}"))
            raw.write.mode("overwrite").parquet(files)
            judged = judge_parts(source, table, [(part, spark.read.parquet(files), [])], AS_OF)
            staged[table] = judged.where("verdict IS NULL").select(*table.names)
        rows = with_products(staged[STG_TRANSACTIONS], staged[STG_PRODUCTS], STG_TRANSACTIONS)
        rows.sortWithinPartitions("event_date").write.mode("overwrite").parquet(str(out))
    return out
