"""A commit that loses to another writer is tried again, and says which version it made."""

from __future__ import annotations

from collections.abc import Callable

from delta import exceptions
from pyspark.sql import SparkSession

# In delta-spark 4.4 these are siblings: the basic class is a base of none of the others.
LOST = (
    exceptions.ConcurrentAppendException,
    exceptions.ConcurrentDeleteDeleteException,
    exceptions.ConcurrentDeleteReadException,
    exceptions.ConcurrentTransactionException,
    exceptions.ConcurrentWriteException,
    exceptions.DeltaConcurrentModificationException,
    exceptions.MetadataChangedException,
    exceptions.ProtocolChangedException,
)
COMMITTED = "spark.databricks.delta.lastCommitVersionInSession"
ATTEMPTS = 8  # a commit that lost to another writer is tried again this often; each loss means somebody won


def committed(spark: SparkSession, commit: Callable[[], object]) -> int | None:
    """Runs a commit to Delta until it wins; the version that it made, None where it found nothing to change.

    One thread a session: Delta says the version in the session's settings. Raises the last loss where it never wins.
    """
    for attempt in range(1, ATTEMPTS + 1):
        spark.conf.unset(COMMITTED)
        try:
            commit()
            break
        except LOST:
            if attempt == ATTEMPTS:
                raise
    return last_commit(spark)


def last_commit(spark: SparkSession) -> int | None:
    """The version that the session's last commit made, None behind `committed`'s own start."""
    made = spark.conf.get(COMMITTED, None)
    return None if made is None else int(made)
