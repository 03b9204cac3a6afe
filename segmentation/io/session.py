"""A Spark session with what correctness needs, and quick plans; everything else about size is in conf/spark/*.conf."""

from __future__ import annotations

import logging

from pyspark.sql import SparkSession

from segmentation.core.errors import SegmentationError

REQUIRED = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Days are computed with the source's time zone by name; everything else must not depend on the machine's.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # delta-rs' to_pyarrow_* cannot read deletion vectors.
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    # To answer max(as_of) from its log Delta expects java.sql.Date; in the SQL server dates are java.time.LocalDate.
    "spark.databricks.delta.optimizeMetadataQuery.enabled": "false",
    # Below this greatest of numbers Spark measures the whole batch after every row that it hands to Python: with list
    # columns three times the time. Batches are bounded by their number of rows.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647b",
}
QUICK = {
    # PySpark and Spark note for every column of a plan where in the code it was made, for the sake of error messages:
    # writing the plan then takes five times as long, and plans here have hundreds of columns.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.dataFrameQueryContext.enabled": "false",
    # Java never compiles a method beyond 8000 bytes of code, and Spark fuses a stage into one of up to 65535: a wide
    # stage is interpreted for good. Left apart its steps are compiled: the lines of a file are judged in half the time.
    "spark.sql.codegen.hugeMethodLimit": "8000",
}


def open_session(app: str) -> SparkSession:
    """The session of this process. Raises SegmentationError where Delta's JARs are not on the class path."""
    # PySpark logs every analysis error as JSON before raising it; the raised one says it all.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    builder = SparkSession.builder.appName(app)
    for key, value in (REQUIRED | QUICK).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        spark._jvm.java.lang.Class.forName(  # type: ignore[union-attr]
            "io.delta.sql.DeltaSparkSessionExtension", True,
            spark._jvm.java.lang.Thread.currentThread().getContextClassLoader(),  # type: ignore[union-attr]
        )  # fmt: skip
    except Exception:
        raise SegmentationError(
            "Delta's JARs are not on Spark's class path. Start the job with spark-submit "
            "--properties-file conf/spark/local.conf from the project's folder (after make setup), "
            "or add --packages io.delta:delta-spark_4.2_2.13:4.4.0 on a cluster."
        ) from None
    return spark
