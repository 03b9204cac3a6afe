"""What the features are, for people: a list of them, and one in plain SQL. Starts no Spark, reads no table."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import AGGREGATES, SEGMENT_PROFILES, TABLES
from segmentation.core.text import table
from segmentation.features import Registry, listed, load_registry, plain_sql
from segmentation.marts import load_marts
from segmentation.monitoring import load_monitoring
from segmentation.reports.reference import Definitions, reference, reference_html, reference_markdown
from segmentation.segments import load_personas, load_population, load_rules
from segmentation.staging import load_source
from segmentation.tiles import TILES

ROOMS = ("staging", "tiles", "features", "matrix", "clustering", "segments", "monitoring", "marts", "reports")
"""In the order in which data move through them."""
HEADINGS = ("dimension", "feature", "unit", "windows", "description")


def list_features(config: str, source: str) -> list[str]:
    """Lines of a table: one row per feature, its windows side by side; what the source cannot feed is off."""
    registry = _registry(config, source)
    rows = [
        (of.feature.dimension, of.feature.base, of.feature.block.unit, ", ".join(of.windows), of.description)
        for of in listed(registry)
    ]
    named = f"{len(registry.features)} columns, named <feature>_<window>; --sql NAME --as-of DATE shows what one means."
    return [*table(HEADINGS, rows), "", named]


def feature_sql(config: str, source: str, name: str, as_of: dt.date) -> str:
    """See `segmentation.features.plain_sql`."""
    return plain_sql(_registry(config, source), name, as_of)


def write_reference(config: str, source: str, out: str) -> list[str]:
    """Writes the reference of a configuration and returns its two files. Starts no Spark."""
    folder, registry = Path(config), _registry(config, source)
    tables = [*TABLES, *TILES, registry.table, *AGGREGATES]
    names = [f.name for f in registry.features]
    parts = reference(Definitions(
        tables=tables, registry=registry, marts=load_marts(folder, [t.name for t in tables]),
        personas=load_personas(folder, registry.meant_for_fit), rules=load_rules(folder, names),
        population=load_population(folder, names), monitoring=load_monitoring(folder, SEGMENT_PROFILES.names),
        rooms=[(room, _purpose(room)) for room in ROOMS],
    ))  # fmt: skip
    Path(out).mkdir(parents=True, exist_ok=True)
    written = {"reference.html": reference_html(parts), "reference.md": reference_markdown(parts)}
    for name, content in written.items():
        (Path(out) / name).write_text(content, encoding="utf-8")
    return [f"{out}/{name}" for name in written]


def _purpose(room: str) -> str:
    """The first sentences of a room's own account of itself."""
    text = import_module(f"segmentation.{room}").__doc__ or ""
    return " ".join(text.partition("\n\n")[0].split())


def _registry(config: str, source: str) -> Registry:
    folder = Path(config)
    if not folder.is_dir():
        raise ConfigError(f"--config {config}: there is no such folder. Expected the project's conf/, or a copy of it.")
    return load_registry(folder, load_source(folder, source).provides())
