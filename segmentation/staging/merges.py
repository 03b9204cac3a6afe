"""Customers who turned out to be one: every row of an old id becomes the surviving id's."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError, nearest
from segmentation.core.schemas import Table
from segmentation.staging.mapping import Merges


def survivors(merges: Merges, raw: DataFrame) -> DataFrame:
    """One row per old id: customer_id and survivor, the last id of its chain, computed at once.

    Doubles the steps taken with each join, so that a chain of n merges takes log2(n) of them. Raises BadInputError
    for a missing column or id, an id merged into two, and a cycle, with the ids.
    """
    where = f"merges ({merges.files})"
    for column in sorted(merges.reads - set(raw.columns)):
        raise BadInputError(f'{where}: column "{column}" is not there. {nearest(column, raw.columns)}')
    ids = (F.trim(F.expr(merges.columns[c]).cast("string")).alias(c) for c in ("old_id", "new_id"))
    # Not persisted: Spark finds what it cached by the file's path, and would take the table of an earlier ingest.
    steps = raw.select(*ids).where("NOT old_id <=> new_id").distinct().localCheckpoint()
    if not steps.where("coalesce(old_id, '') = '' OR coalesce(new_id, '') = ''").isEmpty():
        raise BadInputError(f"{where}: a row has no old or no new id; expected both.")
    twice = (
        steps.groupBy("old_id").agg(F.sort_array(F.collect_set("new_id")).alias("new")).where("size(new) > 1").first()
    )
    if twice is not None:
        raise BadInputError(f"{where}: {twice['old_id']} is merged into {' and '.join(twice['new'])}; expected one.")
    for _ in range(steps.count().bit_length() + 1):
        onwards = steps.select(F.col("old_id").alias("new_id"), F.col("new_id").alias("further"))
        if steps.join(onwards, on="new_id", how="left_semi").isEmpty():
            return steps.toDF("customer_id", "survivor")
        further = F.coalesce("further", "new_id").alias("new_id")
        steps = steps.join(onwards, on="new_id", how="left").select("old_id", further).localCheckpoint()
    # After as many steps as there are rows, whoever is not at an end goes round in circles.
    cycle = steps.join(steps.select(F.col("old_id").alias("new_id")), on="new_id", how="left_semi")
    found = sorted(r["new_id"] for r in cycle.select("new_id").distinct().limit(10).collect())
    raise BadInputError(f"{where}: {', '.join(found)} are merged into each other; expected chains that end.")


def merged(rows: DataFrame, survivor: DataFrame | None) -> DataFrame:
    """The rows under their customers' surviving ids; `is_merged` marks those that had another."""
    if survivor is None or "customer_id" not in rows.columns:
        return rows.withColumn("is_merged", F.lit(False))
    joined = rows.join(survivor, on="customer_id", how="left")
    return joined.withColumns(
        {"is_merged": F.col("survivor").isNotNull(), "customer_id": F.coalesce("survivor", "customer_id")}
    ).drop("survivor")


def moved(table: Table, staged: DataFrame, survivor: DataFrame) -> tuple[DataFrame, DataFrame]:
    """(rows, keys): what was staged under old ids as rows of the survivors, and the keys that fall away.

    Of rows that come to share a key the survivor's own stays, or else that of the smallest old id.
    """
    key = list(table.key)
    old = staged.join(survivor, on="customer_id", how="inner")
    rows = old.withColumn("old_id", F.col("customer_id")).withColumn("customer_id", F.col("survivor"))
    if "customer_id" not in key:
        return rows.select(*table.names), old.select(*key).limit(0)
    own = rows.join(staged.select(*key), on=key, how="left_anti")
    first = F.row_number().over(Window.partitionBy(*key).orderBy("old_id"))
    return own.withColumn("first", first).where("first = 1").select(*table.names), old.select(*key)
