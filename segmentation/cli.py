"""The command line for people: sample data, features, and names for SQL. Jobs are in jobs/, for spark-submit."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.core.periods import parse_as_of
from segmentation.datasets import (
    SCENARIOS,
    Retailer,
    find_scenario,
    write_cdnow,
    write_complete_journey,
    write_synthetic,
)
from segmentation.io import catalog_sql, open_session
from segmentation.pipeline import feature_sql, list_features, new_source, open_context
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
    features = commands.add_parser("features", help="list the features, or show one in plain SQL", allow_abbrev=False)
    features.add_argument("--sql", metavar="NAME", help="the SELECT of one feature, for Spark SQL and DuckDB")
    features.add_argument("--as-of", metavar="YYYY-MM-DD", help="the day before which events count; with --sql")
    features.add_argument("--config", default="conf", metavar="DIR", help="configuration folder")
    features.add_argument("--source", default="complete_journey", metavar="NAME", help="what it lacks is off")
    source = commands.add_parser("new-source", help="write a first draft of a source mapping", allow_abbrev=False)
    source.add_argument(
        "--name", required=True, metavar="NAME", help="writes conf/sources/NAME.yml, if it is not there"
    )
    source.add_argument("--files", required=True, metavar="DIR", help="local folder of the retailer's files")
    source.add_argument("--currency", metavar="ISO", help="such as EUR (default: what a column says, or XXX)")
    source.add_argument("--time-zone", metavar="ZONE", help="such as Europe/Berlin (default: UTC)")
    source.add_argument("--config", default="conf", metavar="DIR", help="configuration folder")
    made = commands.add_parser("synthetic", help="write a made-up supermarket of any size", allow_abbrev=False)
    made.add_argument("--out", required=True, metavar="DIR", help="folder to write; raw files go to DIR/raw")
    made.add_argument("--customers", type=int, default=2000, metavar="N", help="customers (default: 2000)")
    made.add_argument("--lines", type=int, default=200_000, metavar="N", help="receipt lines (default: 200000)")
    made.add_argument(
        "--seed", type=int, default=7, metavar="S", help="the same seed writes the same data (default: 7)"
    )
    made.add_argument("--scenario", default="none", metavar="NAME", help=f"one of {', '.join(SCENARIOS)}")
    made.add_argument(
        "--whale-share", type=float, default=0.0, metavar="X", help="one customer's part of the lines, 0 to 0.9"
    )
    options = parser.parse_args()
    run_job(lambda: COMMANDS[options.command](options))


def _demo_data(options: argparse.Namespace) -> None:
    folder = DATASETS[options.source](Path(options.out))
    print(f"The files of {options.source} are in {folder}")


def _catalog(options: argparse.Namespace) -> None:
    if not Path(options.warehouse).is_dir() and "://" not in options.warehouse:
        raise ConfigError(
            f"--warehouse {options.warehouse}: there is no such folder. Run make demo first, or name another."
        )
    _start_as_jobs_do()
    context = open_context("catalog", options.config, options.source, options.warehouse)
    context.create_tables()
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(";\n".join(catalog_sql(context.warehouse, context.tables)) + ";\n", encoding="utf-8")
    print(f"Names of {len(context.tables)} tables are in {out}")


def _features(options: argparse.Namespace) -> None:
    if (options.sql is None) != (options.as_of is None):
        raise ConfigError("--sql NAME and --as-of DATE go together: a window ends where its as-of date begins.")
    if options.sql is None:
        print("\n".join(list_features(options.config, options.source)))
    else:
        print(feature_sql(options.config, options.source, options.sql, parse_as_of(options.as_of)), end="")


def _new_source(options: argparse.Namespace) -> None:
    path, choices = new_source(options.config, options.name, options.files, options.currency, options.time_zone)
    print(f"A first draft is in {path}; read every line of it.")
    if choices:
        print(f"Choose before you trust it: {', '.join(choices)}")
    print(
        f"Then: spark-submit --properties-file {LOCAL} jobs/ingest.py --source {options.name} --input {options.files}"
    )


def _synthetic(options: argparse.Namespace) -> None:
    scenario = find_scenario(options.scenario)
    retailer = Retailer(options.customers, options.lines, options.seed, scenario, options.whale_share)
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


COMMANDS = {
    "demo-data": _demo_data,
    "catalog": _catalog,
    "features": _features,
    "new-source": _new_source,
    "synthetic": _synthetic,
}


if __name__ == "__main__":
    main()
