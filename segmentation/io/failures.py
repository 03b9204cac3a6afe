"""How a job ends: one sentence and an exit code, also where Spark failed.

PySpark turns some of the JVM's errors into its own and leaves the others to py4j.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from segmentation.core.errors import SegmentationError, first_line

SPARK_FAILED = (PySparkException, Py4JJavaError)


GONE = (
    "FILE_NOT_EXIST", "FileNotFoundException", "PATH_NOT_FOUND", "DELTA_VERSION_NOT_FOUND",
    "DELTA_TRUNCATED_TRANSACTION_LOG", "BEYOND_DELETED_FILE_RETENTION", "Cannot time travel",
)  # fmt: skip
"""What Spark and Delta say of files and versions that are not kept any more."""


def is_gone(error: Exception) -> bool:
    """Whether Spark failed because what it was to read is not kept any more."""
    return any(sign in str(error) for sign in GONE)


def reason(error: PySparkException | Py4JJavaError | SegmentationError) -> str:
    """The message of the first cause, without a stack trace and the final full stop."""
    if not isinstance(error, Py4JJavaError):
        return first_line(error).rstrip(". ")
    cause = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    return first_line(str(cause.getMessage() or cause.toString())).rstrip(". ")


def run_job(job: Callable[[], None]) -> None:
    """Runs a job and ends the process: a refusal is one sentence on standard error and its exit code.

    Where Spark fails (a full disk, a lost cluster) its trace is shown, then the first cause in a sentence; exit code 1.
    """
    try:
        job()
    except SegmentationError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SPARK_FAILED as error:
        traceback.print_exc()
        print(
            f"error: Spark could not go on: {reason(error)}. Nothing that this step wrote is shown; once that is "
            "mended, start the job again.", file=sys.stderr,
        )  # fmt: skip
        sys.exit(1)
