"""What the features are, for people: a list of them, and one in plain SQL. Starts no Spark, reads no table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.features import Registry, load_registry, plain_sql
from segmentation.pipeline.summary import table
from segmentation.staging import load_source

HEADINGS = ("dimension", "feature", "unit", "windows", "description")


def list_features(config: str, source: str) -> list[str]:
    """Lines of a table: one row per feature, its windows side by side; what the source cannot feed is off."""
    registry = _registry(config, source)
    windows: dict[str, list[str]] = {}
    for f in registry.features:
        windows.setdefault(f.base, []).extend([f.window.name] if f.window else [])
    rows = [
        (f.dimension, f.base, f.block.unit, ", ".join(windows[f.base]), f.block.description + _off(f.off_because))
        for f in {f.base: f for f in registry.features}.values()
    ]
    # All to the left: nothing here is a number.
    widths = [max(len(cell) for cell in column) for column in zip(HEADINGS, *rows, strict=True)]
    headings, *padded = [[cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in (HEADINGS, *rows)]
    named = f"{len(registry.features)} columns, named <feature>_<window>; --sql NAME --as-of DATE shows what one means."
    return [*(line.rstrip() for line in table(headings, padded)), "", named]


def feature_sql(config: str, source: str, name: str, as_of: dt.date) -> str:
    """See `segmentation.features.plain_sql`."""
    return plain_sql(_registry(config, source), name, as_of)


def _registry(config: str, source: str) -> Registry:
    folder = Path(config)
    if not folder.is_dir():
        raise ConfigError(f"--config {config}: there is no such folder. Expected the project's conf/, or a copy of it.")
    return load_registry(folder, load_source(folder, source).provides())


def _off(lacking: tuple[str, ...]) -> str:
    return f" (off: no {', '.join(lacking).replace('|', ' or ')})" if lacking else ""
