"""The command line for people: sample data, and the names that SQL needs. Jobs are in jobs/, for spark-submit."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.datasets import write_cdnow, write_complete_journey
from segmentation.pipeline import open_context
from segmentation.pipeline.options import run_job

LOCAL = Path("conf/spark/local.conf")
DATASETS = {"complete_journey": write_complete_journey, "cdnow": write_cdnow}
"""Sample data by the name of the mapping that reads it."""


def main() -> None:
    """`segmentation <command>`; see --help."""
    parser = argparse.ArgumentParser(prog="segmentation", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    data = commands.add_parser("demo-data", help="write sample data as a retailer's files", allow_abbrev=False)
    data.add_argument("--source", default="complete_journey", choices=DATASETS, help="which (and the mapping's name)")
    data.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    catalog = commands.add_parser("catalog", help="write the SQL that names the warehouse's tables", allow_abbrev=False)
    catalog.add_argument("--warehouse", default="warehouse", metavar="DIR", help="where the tables live")
    catalog.add_argument("--config", default="conf", metavar="DIR", help="configuration folder")
    catalog.add_argument("--source", default="complete_journey", metavar="NAME", help="source mapping")
    catalog.add_argument("--out", required=True, metavar="FILE", help="file for spark-sql -i")
    options = parser.parse_args()
    run_job(lambda: _demo_data(options) if options.command == "demo-data" else _catalog(options))


def _demo_data(options: argparse.Namespace) -> None:
    folder = DATASETS[options.source](Path(options.out))
    print(f"The files of {options.source} are in {folder}")


def _catalog(options: argparse.Namespace) -> None:
    if not Path(options.warehouse).is_dir() and "://" not in options.warehouse:
        raise ConfigError(
            f"--warehouse {options.warehouse}: there is no such folder. Run make demo first, or name another."
        )
    if LOCAL.exists():  # plain Python starts Spark as the jobs do
        os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"--properties-file {LOCAL} pyspark-shell")
    context = open_context("catalog", options.config, options.source, options.warehouse)
    context.create_tables()
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(";\n".join(context.warehouse.catalog_sql(context.tables)) + ";\n", encoding="utf-8")
    print(f"Names of {len(context.tables)} tables are in {out}")


if __name__ == "__main__":
    main()
