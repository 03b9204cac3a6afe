"""A small synthetic supermarket, and what a reader without Spark makes of its files."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.datasets import Export, Retailer, exports, find_scenario, truth
from segmentation.datasets.synthetic import contacts, sales

SMALL = {"customers": 100, "lines": 3000, "seed": 7}


def shop(scenario: str = "none", **changes: Any) -> Retailer:
    return Retailer(**{**SMALL, "scenario": find_scenario(scenario), **changes})


def by_name(spark: SparkSession, retailer: Retailer) -> dict[str, Export]:
    return {export.name: export for export in exports(spark, retailer)}


def digests(spark: SparkSession, retailer: Retailer) -> dict[str, tuple[int, int]]:
    """Rows of every file, and a sum over their hashes that no order changes."""

    def digest(export: Export) -> DataFrame:
        # As JSON with its nulls: a hash of columns does not see a value change places with a null.
        row = F.to_json(F.struct(*export.rows.columns), {"ignoreNullFields": "false"})
        return export.rows.agg(
            F.lit(export.name).alias("name"),
            F.count("*").alias("n"),
            F.sum(F.xxhash64(row).cast("decimal(38,0)")).alias("digest"),
        )

    rows = reduce(DataFrame.union, map(digest, exports(spark, retailer))).collect()
    return {r["name"]: (r["n"], int(r["digest"])) for r in rows}


def lines(spark: SparkSession, retailer: Retailer) -> pd.DataFrame:
    """The receipt lines before faults are planted, named by receipt and position, with their local day."""
    bought, returned = sales.sales(spark, retailer)
    rows = bought.unionByName(returned).drop("row").toPandas()
    rows["day"] = rows["sold_at"].dt.normalize()
    return rows.set_index(["receipt_no", "position"]).sort_index()


def events(spark: SparkSession, retailer: Retailer) -> pd.DataFrame:
    """The web and e-mail events before faults are planted, by their id."""
    return contacts.events(spark, retailer).drop("row").toPandas().set_index("event_id").sort_index()


def truths(spark: SparkSession, retailer: Retailer) -> pd.DataFrame:
    """The planted segment of every customer, by number."""
    return truth(spark, retailer).toPandas().set_index("customer_no")
