"""Where the pages' templates are found, and how text gets into them."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Templates of this room; whatever they are given is escaped, but in Markdown."""
    return Environment(
        loader=PackageLoader("segmentation.reports", ""), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is None or not name.endswith(".md.jinja"),
    )  # fmt: skip
