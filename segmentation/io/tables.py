"""Tables as raw inputs, Delta and JDBC: identified without reading them, and read as they were then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import blamed_on_input
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.io.files import RawFile, list_files
from segmentation.io.secrets import secret


def find_raw(
    spark: SparkSession,
    folder: str,
    name: str,
    file_format: str,
    options: Mapping[str, str],
    watermark: str | None = None,
) -> list[RawFile]:
    """The files under `folder` that match `name`; or the Delta tables there; or the JDBC table of that name.

    A Delta table's identity is its version. A JDBC table's is its number of rows and the highest `watermark`, or
    without one the instant of this look, so that every ingest reads it anew. Raises BadInputError for what is not
    there, and ConfigError for an environment variable that is not set.
    """
    if file_format == "jdbc":
        return [_find_jdbc(spark, name, options, watermark)]
    files = list_files(spark, folder, name, whole=file_format == "delta")
    return [_find_delta(spark, f) for f in files] if file_format == "delta" else files


def open_delta(spark: SparkSession, table: RawFile) -> DataFrame:
    """The table at the version that was found."""
    return spark.read.format("delta").option("versionAsOf", table.state["version"]).load(table.path)


def open_jdbc(spark: SparkSession, table: RawFile, options: Mapping[str, str]) -> DataFrame:
    """The rows up to the watermark that was found, and those that have none; without a watermark all."""
    rows = _jdbc(spark, table.name, options)
    highest, column = table.state.get("highest"), table.state.get("watermark")
    return rows if highest is None else rows.where(F.col(str(column)).isNull() | (F.col(str(column)) <= highest))


def _find_delta(spark: SparkSession, folder: RawFile) -> RawFile:
    try:
        last = DeltaTable.forPath(spark, folder.path).history(1).select("version", "timestamp").first()
    except SPARK_FAILED as error:
        raise blamed_on_input(error, f"{folder.name}: not readable as delta: {reason(error)}.") from None
    assert last is not None  # a table has at least the commit that made it
    instant = last["timestamp"].astimezone(dt.UTC)
    return RawFile(folder.name, folder.path, folder.length, instant, {"version": int(last["version"])})


def _find_jdbc(spark: SparkSession, name: str, options: Mapping[str, str], watermark: str | None) -> RawFile:
    path, now = f"{options['url'].split(';')[0].split('?')[0]} {name}", dt.datetime.now(dt.UTC)
    if watermark is None:
        return RawFile(name, path, 0, now, {"read": now.isoformat()})
    try:
        rows = _jdbc(spark, name, options)
        found = rows.agg(F.count("*").alias("rows"), F.max(watermark).alias("highest")).first()
    except SPARK_FAILED as error:
        raise blamed_on_input(
            error, f"{name}: its rows and highest {watermark} cannot be read: {reason(error)}."
        ) from None
    assert found is not None  # an aggregate without groups has one row
    highest: Any = found["highest"]
    state = {"rows": found["rows"], "watermark": watermark, "highest": highest}
    if isinstance(highest, dt.datetime):
        now = highest.astimezone(dt.UTC)
    elif isinstance(highest, dt.date):
        now = dt.datetime.combine(highest, dt.time(12), dt.UTC)
    return RawFile(name, path, 0, now, state)


def _jdbc(spark: SparkSession, name: str, options: Mapping[str, str]) -> DataFrame:
    given = {key: secret(name, key, value) for key, value in options.items()}
    try:
        return spark.read.format("jdbc").options(**given, dbtable=name).load()
    except SPARK_FAILED as error:
        raise blamed_on_input(
            error,
            f"{name}: not readable as jdbc: {reason(error)}. Check `url` and `driver` in the mapping, and "
            "that the driver's JAR is on Spark's class path.",
        ) from None
