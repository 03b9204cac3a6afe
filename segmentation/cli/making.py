"""What people make by a command: sample data, drafts of mappings, plain SQL, and names for SQL."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.core.periods import parse_as_of
from segmentation.datasets import (
    Retailer,
    find_scenario,
    write_cdnow,
    write_complete_journey,
    write_synthetic,
)
from segmentation.io import open_session
from segmentation.pipeline import (
    feature_sql,
    list_features,
    names_sql,
    open_context,
    refresh_aggregates,
    write_reference,
)
from segmentation.pipeline import new_source as draft_source

LOCAL = Path("conf/spark/local.conf")
DATASETS = {"complete_journey": write_complete_journey, "cdnow": write_cdnow}
"""Sample data by the name of the mapping that reads it."""


def demo_data(options: argparse.Namespace) -> None:
    """Writes sample data."""
    folder = DATASETS[options.source](Path(options.out))
    print(f"The files of {options.source} are in {folder}")


def catalog(options: argparse.Namespace) -> None:
    """Writes the statements that `spark-sql -i` takes, and brings the aggregate tables up to date."""
    if not Path(options.warehouse).is_dir() and "://" not in options.warehouse:
        raise ConfigError(
            f"--warehouse {options.warehouse}: there is no such folder. Run make demo first, or name another."
        )
    _start_as_jobs_do()
    context = open_context("catalog", options.config, options.source, options.warehouse)
    if options.audience == "analysts":  # the others may not write, nor read what this reads
        context.create_tables()
        refresh_aggregates(context)
    statements = names_sql(context, for_everyone=options.audience == "everyone")
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(";\n".join(statements) + ";\n", encoding="utf-8")
    views = sum(s.startswith("CREATE OR REPLACE VIEW") for s in statements)
    print(f"Names of {views} tables and marts are in {out}")


def features(options: argparse.Namespace) -> None:
    """Lists the features, or prints one as a SELECT."""
    if (options.sql is None) != (options.as_of is None):
        raise ConfigError("--sql NAME and --as-of DATE go together: a window ends where its as-of date begins.")
    if options.sql is None:
        print("\n".join(list_features(options.config, options.source)))
    else:
        print(feature_sql(options.config, options.source, options.sql, parse_as_of(options.as_of)), end="")


def docs(options: argparse.Namespace) -> None:
    """Writes the reference."""
    print(f"The reference is in {' and '.join(write_reference(options.config, options.source, options.out))}")


def new_source(options: argparse.Namespace) -> None:
    """Drafts a mapping."""
    path, choices = draft_source(options.config, options.name, options.files, options.currency, options.time_zone)
    print(f"A first draft is in {path}; read every line of it.")
    if choices:
        print(f"Choose before you trust it: {', '.join(choices)}")
    print(
        f"Then: spark-submit --properties-file {LOCAL} jobs/ingest.py --source {options.name} --input {options.files}"
    )


def synthetic(options: argparse.Namespace) -> None:
    """Writes the made-up retailer."""
    scenario = find_scenario(options.scenario)
    retailer = Retailer(options.customers, options.lines, options.seed, scenario, options.whale_share, options.years)
    _start_as_jobs_do()
    written = write_synthetic(open_session("synthetic"), retailer, options.out)
    for name, rows in written.rows.items():
        print(f"  {name:<24}{rows:>13,} rows")
    planted = sum(written.planted.values())
    print(f"The raw files for --source synthetic are in {options.out}/raw, {planted:,} planted faults in them")
    print(f"The planted segments and the faults by rule are in {options.out}/truth: for checks, no input")


def _start_as_jobs_do() -> None:
    if LOCAL.exists():
        os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"--properties-file {LOCAL} pyspark-shell")
