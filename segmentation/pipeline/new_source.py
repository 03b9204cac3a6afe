"""A first draft of a source mapping, written where the jobs look for it, and read back as they would."""

from __future__ import annotations

import re
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.io.peek import look_at
from segmentation.staging import load_source
from segmentation.staging.draft import draft_source


def new_source(
    config: str, name: str, folder: str, currency: str | None = None, zone: str | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Writes `conf/sources/<name>.yml` from the files in a local folder; returns its path, and what is left to choose.

    Raises ConfigError where the file is there already, which is never overwritten, and where the draft is written and
    does not load, naming what it lacks; BadInputError where no file looks like receipt lines.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f'--name "{name}": expected lower-case words joined by _, such as corner_shop.')
    path = Path(config) / "sources" / f"{name}.yml"
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent}: there is no such folder. Expected the project's conf/, or a copy of it.")
    if path.exists():
        raise ConfigError(f"{path} is there already and stays as it is. Choose another name, or remove it first.")
    shapes, passed = look_at(folder)
    draft = draft_source(name, shapes, passed, currency, zone)
    path.write_text(draft.text, encoding="utf-8")
    try:
        load_source(Path(config), name)
    except ConfigError as error:
        raise ConfigError(f"{path} is written, and does not load yet: {error}") from None
    return path, draft.choices
