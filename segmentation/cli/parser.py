"""What can be typed: the commands with their options, and which function each calls."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Command = Callable[[str, str, str], argparse.ArgumentParser]
"""Adds a command: its name, module and help."""


def build_parser() -> argparse.ArgumentParser:
    """`options.module` and `options.function` name what a command calls."""
    parser = argparse.ArgumentParser(
        prog="segmentation", description="Ask about published segments, and make what the jobs work with.",
        epilog="Exit codes: 0 done, 2 bad input or configuration (the last line says what, and what to do).",
        allow_abbrev=False,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, module: str, help_: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.", allow_abbrev=False)
        made.set_defaults(module=module, function=name.replace("-", "_"))
        return made

    def asking(name: str, help_: str, module: str = "reading") -> argparse.ArgumentParser:
        made = command(name, module, help_)
        made.add_argument("--warehouse", default="warehouse", metavar="DIR", help="where the tables live")
        made.add_argument("--json", action="store_true", help="for programs instead of people")
        return made

    segments = asking("segments", "the segments of a month: customers, revenue, rhythm")
    segments.add_argument("--as-of", metavar="YYYY-MM-DD", help="which month (default: the newest)")
    segments.add_argument("--dimension", default="unified", metavar="NAME", help="default: unified")
    why = asking("why", "why a customer is in a segment, how far the next one is, and where the customer was before")
    why.add_argument("customer_id", metavar="CUSTOMER_ID")
    why.add_argument("--as-of", metavar="YYYY-MM-DD", help="which month (default: the newest with this customer)")
    compare = asking("compare", "two months: which segments grew, shrank, came and went, and who moved")
    compare.add_argument("before", metavar="MONTH", help="the earlier as-of date, YYYY-MM-DD")
    compare.add_argument("after", metavar="MONTH", help="the later one")
    compare.add_argument("--dimension", default="unified", metavar="NAME", help="default: unified")
    asking("tables", "every table: what a row is, how many there are, and how large it is")
    asking("doctor", "whether this machine, warehouse and registry are fit to work, and what to do", "doctor")
    completion = command("completion", "completion", "the completion of this command line for a shell")
    completion.add_argument(
        "shell", choices=("bash", "zsh", "tcsh"), help='bash: eval "$(segmentation completion bash)"'
    )
    _making(command)
    return parser


def _making(command: Command) -> None:
    data = command("demo-data", "making", "write sample data as a retailer's files")
    data.add_argument("--source", default="complete_journey", choices=("complete_journey", "cdnow"),
                      help="which (and the mapping's name)")  # fmt: skip
    data.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    catalog = command("catalog", "making", "write the SQL that names the warehouse's tables and marts")
    catalog.add_argument("--warehouse", default="warehouse", metavar="DIR", help="where the tables live")
    _configured(catalog)
    catalog.add_argument("--out", required=True, metavar="FILE", help="file for spark-sql -i")
    catalog.add_argument(
        "--audience", default="analysts", choices=("analysts", "everyone"),
        help="analysts: all; everyone: only what tells of no few customers (default: analysts)",
    )  # fmt: skip
    features = command("features", "making", "list the features, or show one in plain SQL")
    features.add_argument("--sql", metavar="NAME", help="the SELECT of one feature, for Spark SQL and DuckDB")
    features.add_argument("--as-of", metavar="YYYY-MM-DD", help="the day before which events count; with --sql")
    _configured(features)
    docs = command("docs", "making", "write the reference: every metric, table, mart, segment and decision")
    _configured(docs)
    docs.add_argument("--out", default="build/docs", metavar="DIR", help="folder to write (default: build/docs)")
    source = command("new-source", "making", "write a first draft of a source mapping")
    source.add_argument(
        "--name", required=True, metavar="NAME", help="writes conf/sources/NAME.yml, if it is not there"
    )
    source.add_argument("--files", required=True, metavar="DIR", help="local folder of the retailer's files")
    source.add_argument("--currency", metavar="ISO", help="such as EUR (default: what a column says, or XXX)")
    source.add_argument("--time-zone", metavar="ZONE", help="such as Europe/Berlin (default: UTC)")
    source.add_argument("--config", default="conf", metavar="DIR", help="configuration folder")
    made = command("synthetic", "making", "write a made-up supermarket of any size")
    made.add_argument("--out", required=True, metavar="DIR", help="folder to write; raw files go to DIR/raw")
    made.add_argument("--customers", type=int, default=2000, metavar="N", help="customers (default: 2000)")
    made.add_argument("--lines", type=int, default=200_000, metavar="N", help="receipt lines (default: 200000)")
    made.add_argument(
        "--seed", type=int, default=7, metavar="S", help="the same seed writes the same data (default: 7)"
    )
    made.add_argument("--scenario", default="none", metavar="NAME", help="what changes; a wrong name lists all")
    made.add_argument(
        "--whale-share", type=float, default=0.0, metavar="X", help="one customer's part of the lines, 0 to 0.9"
    )
    made.add_argument("--years", type=int, default=2, metavar="N", help="1 to 3, the last one 2023 (default: 2)")


def _configured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="conf", metavar="DIR", help="configuration folder")
    parser.add_argument("--source", default="complete_journey", metavar="NAME", help="source mapping")
