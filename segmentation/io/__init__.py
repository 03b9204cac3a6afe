"""The only place that knows Delta, MLflow and paths, and one of two that touch Spark's JVM.

In come data frames, models and run records; the idea is that state changes by one atomic commit a table and
that a published run becomes visible by one commit to `runs`; out go tables pinned to the versions a run noted.
"""

from segmentation.io.catalog import catalog_sql, register
from segmentation.io.delta import Warehouse
from segmentation.io.runs import Run, RunStore
from segmentation.io.session import open_session

__all__ = ["Run", "RunStore", "Warehouse", "catalog_sql", "open_session", "register"]
