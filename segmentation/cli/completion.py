"""Completion of the command line, by shtab."""

from __future__ import annotations

import argparse

import shtab

from segmentation.cli.parser import build_parser


def completion(options: argparse.Namespace) -> None:
    """Prints the shell's own script for it."""
    print(shtab.complete(build_parser(), options.shell))
