"""The command line for people; the jobs, for spark-submit, are in jobs/.

Comes in: what somebody types. The idea: who asks about segments waits a second or two, so reading needs no Spark, and a
command's code is imported when it is called. Goes out: text that fits the terminal, or JSON, and an exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from deltalake.exceptions import DeltaError

from segmentation.cli.parser import build_parser
from segmentation.core.errors import first_line
from segmentation.io.failures import run_job

__all__ = ["main"]


def main() -> None:
    """`segmentation <command>`; see --help."""
    options = build_parser().parse_args()
    try:
        run_job(lambda: _call(options))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough: `segmentation tables | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, UnicodeError, DeltaError) as error:  # a full disk, a folder that is a file, a damaged table
        print(f"error: {first_line(error)!a}"[:500], file=sys.stderr)
        sys.exit(2)


def _call(options: argparse.Namespace) -> None:
    getattr(import_module(f"segmentation.cli.{options.module}"), options.function)(options)
