"""The SQL server: names of tables and marts for clients over JDBC and ODBC, kept up to what is published."""

from __future__ import annotations

import time

from py4j.protocol import Py4JError

from segmentation.core.errors import ConfigError, SegmentationError
from segmentation.core.schemas import AGGREGATES, RUNS
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.io.thrift import is_open, open_door
from segmentation.pipeline.context import Context
from segmentation.pipeline.marts import names_sql

LOOKS_EVERY = 10.0
"""Seconds after which the server looks whether something was published."""


def serve(context: Context, host: str, port: int, for_everyone: bool = False) -> None:
    """Serves until it is interrupted or Spark ends, and writes nothing.

    for_everyone: only what tells of no few customers.

    Views of published tables follow `runs` by themselves; those of staged tables are named again once an ingest is
    published. Of a warehouse the door for everyone reads the aggregate tables alone. Raises ConfigError where they are
    not there, and for an address that is taken, or that others reach without LDAP and TLS.
    """
    if not all(context.warehouse.exists(t) for t in AGGREGATES):
        raise ConfigError(
            f"--warehouse {context.warehouse.root}: there are no aggregate tables. Run jobs/marts.py first, or "
            "jobs/monthly.py, which makes them too."
        )
    seen = _name(context, for_everyone)
    open_door(context.warehouse.spark, host, port)
    audience = "everyone" if for_everyone else "analysts"
    context.steps.say(f"SQL for {audience}: jdbc:hive2://{host}:{port}/segmentation, until Ctrl-C")
    try:
        while is_open(context.warehouse.spark):
            time.sleep(LOOKS_EVERY)
            try:
                if _newest(context, for_everyone) != seen:
                    seen = _name(context, for_everyone)
            except (SegmentationError, *SPARK_FAILED) as problem:
                context.steps.say(f"  warning                 names stay as they were: {reason(problem)}")
            except (Py4JError, OSError):
                break  # Spark has gone meanwhile
    except KeyboardInterrupt:
        pass
    context.steps.say("closed")


def _name(context: Context, for_everyone: bool) -> int:
    seen = _newest(context, for_everyone)
    for statement in names_sql(context, for_everyone):
        context.warehouse.spark.sql(statement)
    return seen


def _newest(context: Context, for_everyone: bool) -> int:
    """The version of `runs`; 0 for everyone, to whom it does not matter, and who may not read it."""
    return 0 if for_everyone else context.warehouse.version(RUNS)
