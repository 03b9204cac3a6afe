"""The options that all jobs share; how a job ends is `run_job`."""

from __future__ import annotations

import argparse

from segmentation.core.periods import parse_as_of, parse_as_ofs
from segmentation.io.failures import run_job
from segmentation.pipeline.context import Context, open_context

__all__ = ["context_of", "job_parser", "run_job"]


def job_parser(
    description: str, as_of_help: str | None, as_of_required: bool = True, restates: bool = True
) -> argparse.ArgumentParser:
    """A parser with --config, --source, --warehouse, for a job of a date --as-of, for one that publishes --restate."""
    parser = argparse.ArgumentParser(
        description=description,
        allow_abbrev=False,
        epilog="Exit codes: 0 done (or published already), 2 bad input or configuration, 3 refused by a guard, "
        "4 stopped: the data have drifted beyond what may be published, 1 Spark failed: start the job again.",
    )
    parser.add_argument("--config", default="conf", metavar="DIR", help="configuration folder (default: conf)")
    parser.add_argument(
        "--source", default="complete_journey", metavar="NAME",
        help="source mapping DIR/sources/NAME.yml (default: complete_journey)",
    )  # fmt: skip
    parser.add_argument(
        "--warehouse", default="warehouse", metavar="DIR", help="where the tables live (default: warehouse)"
    )
    if as_of_help is not None:
        parser.add_argument("--as-of", required=as_of_required, metavar="YYYY-MM-DD", help=as_of_help)
    if restates:
        parser.add_argument("--restate", action="store_true", help="do a published run again and take its place")
    return parser


def context_of(app: str, options: argparse.Namespace, several: bool = False) -> Context:
    """The job's surroundings; its date, or `several`, are checked before Spark starts."""
    if getattr(options, "as_of", None) is not None:
        options.as_of = (parse_as_ofs if several else parse_as_of)(options.as_of)
    return open_context(app, options.config, options.source, options.warehouse, getattr(options, "restate", False))
