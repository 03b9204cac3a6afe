"""Why Spark failed, in one line: PySpark turns some of the JVM's errors into its own and leaves the others to py4j."""

from __future__ import annotations

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from segmentation.core.errors import SegmentationError

SPARK_FAILED = (PySparkException, Py4JJavaError)


def reason(error: PySparkException | Py4JJavaError | SegmentationError) -> str:
    """The message of the first cause, without a stack trace and the final full stop."""
    if not isinstance(error, Py4JJavaError):
        message = str(error)
    else:
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        message = str(cause.getMessage() or cause.toString())
    return message.splitlines()[0].rstrip(". ")
