"""Composes the rooms with io: one function a job.

A job's options come in; each function reads pinned tables, calls the rooms, writes its own attempt, audits it,
and publishes with one commit to `runs`; out go the published run, and lines on the terminal that say what happened.
"""

from segmentation.pipeline.context import Context, Steps, open_context
from segmentation.pipeline.describe import feature_sql, list_features, write_reference
from segmentation.pipeline.features import run_features
from segmentation.pipeline.fit import run_fit
from segmentation.pipeline.ingest import run_ingest
from segmentation.pipeline.latest import run_stream
from segmentation.pipeline.maintain import run_maintain
from segmentation.pipeline.marts import names_sql, refresh_aggregates
from segmentation.pipeline.monitor import run_monitor
from segmentation.pipeline.month import run_month, run_months
from segmentation.pipeline.new_source import new_source
from segmentation.pipeline.promote import run_approve, run_promote
from segmentation.pipeline.replay import run_replay
from segmentation.pipeline.report import run_drift_report, run_report, run_reports
from segmentation.pipeline.serve import serve
from segmentation.pipeline.summary import print_summary

__all__ = [
    "Context",
    "Steps",
    "feature_sql",
    "list_features",
    "names_sql",
    "new_source",
    "open_context",
    "print_summary",
    "refresh_aggregates",
    "run_approve",
    "run_drift_report",
    "run_features",
    "run_fit",
    "run_ingest",
    "run_maintain",
    "run_monitor",
    "run_month",
    "run_months",
    "run_promote",
    "run_replay",
    "run_report",
    "run_reports",
    "run_stream",
    "serve",
    "write_reference",
]
