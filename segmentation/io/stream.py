"""Structured Streaming over the run manifest: something is done whenever jobs have published more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.errors import IllegalArgumentException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from segmentation.core.errors import BadInputError
from segmentation.core.schemas import RUNS
from segmentation.io.delta import Warehouse


def on_new_runs(
    warehouse: Warehouse, name: str, jobs: Sequence[str], every: str | None, then: Callable[[], object]
) -> None:
    """Calls `then` for each micro-batch with runs of `jobs` that no batch of this name has seen; returns at the end.

    With `every`, an interval as Spark reads it, there is none: it looks again after each. The checkpoint lies at
    `<warehouse>/checkpoints/<name>`. A batch counts as seen once `then` has returned, so that one which was killed
    comes again. The checkpoint only says when to look: where Spark cannot go on from it, as after a pause in which
    housekeeping has deleted files that it names, it is begun anew, which calls `then` once. Raises what `then` raises,
    and BadInputError for an `every` that is no interval.
    """
    failed: list[Exception] = []

    def batch(runs: DataFrame, _: int) -> None:
        if runs.isEmpty():
            return
        try:
            then()
        except Exception as error:  # Spark would make another of it
            failed.append(error)
            raise

    def run() -> None:
        try:
            writer.start().awaitTermination()
        except StreamingQueryException:
            if failed:
                raise failed[0] from None
            raise

    published = warehouse.spark.readStream.format("delta").load(warehouse.path(RUNS))
    writer = published.where(F.col("job").isin(*jobs)).writeStream.queryName(name).foreachBatch(batch)
    checkpoint = f"{warehouse.root}/checkpoints/{name}"
    writer = _triggered(writer.option("checkpointLocation", checkpoint), every)
    try:
        run()
    except StreamingQueryException:  # of the stream itself
        warehouse.delete_folder(checkpoint)
        run()


def _triggered(writer: DataStreamWriter, every: str | None) -> DataStreamWriter:
    try:
        return writer.trigger(processingTime=every) if every else writer.trigger(availableNow=True)
    except IllegalArgumentException:
        raise BadInputError(f'--every "{every}" is no interval. Expected one such as "5 minutes".') from None
