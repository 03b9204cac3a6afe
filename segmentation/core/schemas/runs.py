"""What ran, and which bundle serves: the two tables whose commits publish."""

from __future__ import annotations

from segmentation.core.schemas.contract import Table, col

RUNS = Table(
    "runs",
    "one row per finished execution; its commit is what publishes",
    ("run_id",),
    (
        col("run_id", "string", "run_key and attempt"),
        col(
            "run_key",
            "string",
            "What was asked of what: the same key is never published twice unless restated",
        ),
        col("publish_seq", "bigint", "Order of publication; views show the highest per table and as-of"),
        col("job", "string", "ingest, build_features, fit_segments, monitor_drift, monthly or assign_stream"),
        col(
            "as_of",
            "date",
            "The as-of date; for ingest the day the files were received, for assign_stream the one it scored as of",
        ),
        col("status", "string", "published"),
        col("started_at", "timestamp", "UTC"),
        col("finished_at", "timestamp", "UTC"),
        col("config_hash", "string", "Hash of the configuration that took part"),
        col("code_version", "string", "Hash of the library's source files"),
        col("inputs", "map<string,string>", "Identities of what was read: upstream runs, files, bundle"),
        col("input_versions", "map<string,bigint>", "Delta versions that were read"),
        col("output_versions", "map<string,bigint>", "Delta versions after this run's writes, by table"),
        col("rows_in", "bigint", "Rows read"),
        col("rows_out", "bigint", "Rows written"),
        col("rows_quarantined", "bigint", "Rows refused; 0 for jobs that refuse none"),
        col(
            "verdict",
            "string",
            "What the run decided: stable, rescored or refit (monthly); these or stop (monitor_drift); first, passed, "
            "waits (for approval) or refused (fit_segments); null where there was nothing to decide",
        ),
        col("reason", "string", "Why, in words; null where there was nothing to say"),
        col("notes", "array<string>", "What the source lacks, and which features that switched off"),
    ),
    "log",
)

PROMOTIONS = Table(
    "promotions",
    "one row per promotion of a bundle",
    ("model_version", "effective_from_as_of"),
    (
        col("model_version", "string", "The bundle"),
        col("effective_from_as_of", "date", "The first as-of date it labels"),
        col("seq", "bigint", "Order of promotion; the highest wins among those in effect"),
        col("by", "string", "Who promoted it"),
        col("reason", "string", "Why, with the gates it passed"),
    ),
    "log",
)

ALERTS = Table(
    "alerts",
    "one row per message about a month and channel that has taken it",
    ("run_id", "channel"),
    (
        col(
            "run_id",
            "string",
            "The run that it tells of: of monthly, or of monitor_drift where it has stopped one; "
            "`refused-` and a hash of the text where data were refused",
        ),
        col("channel", "string", "webhook or email"),
        col("as_of", "date", "The as-of date of the month"),
        col("text", "string", "What was said; its figures stand in drift_report"),
        col("told_at", "timestamp", "UTC"),
    ),
    "log",
)
