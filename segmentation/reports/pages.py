"""Where the pages' templates are found, and how text gets into them."""

from __future__ import annotations

import base64
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def environment() -> Environment:
    """Templates of this room; whatever they are given is escaped, but in Markdown."""
    return Environment(
        loader=PackageLoader("segmentation.reports", ""), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is None or not name.endswith(".md.jinja"),
    )  # fmt: skip


def script(made: Environment, template: str) -> Markup:
    """A script of this room, to stand in a page as it is."""
    return Markup(made.get_template(template).render())


def hashed(text: str) -> str:
    """What a page's content security policy calls a script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
