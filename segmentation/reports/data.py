"""What a report is made of, and how the cells of collected Spark tables are read."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from segmentation.core.errors import BadInputError, nearest
from segmentation.core.schemas import (
    DATA_QUALITY,
    K_SELECTION,
    K_SWEEP,
    POPULATION,
    SEGMENT_CHANGES,
    SEGMENT_DIFFERENCES,
    SEGMENT_LINEAGE,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
)

NOT_READ = ("as_of", "run_id")  # the report has one of each, given apart
COLUMNS: dict[str, tuple[str, ...]] = {
    **{
        name: tuple(c for c in table.names if c not in NOT_READ)
        for name, table in (
            ("profiles", SEGMENT_PROFILES),
            ("sweep", K_SWEEP),
            ("selection", K_SELECTION),
            ("quality", DATA_QUALITY),
            ("population", POPULATION),
            ("differences", SEGMENT_DIFFERENCES),
            ("migration", SEGMENT_MIGRATION),
            ("changes", SEGMENT_CHANGES),
            ("lineage", SEGMENT_LINEAGE),
        )
    },
    "points": ("x", "y", "segment_id", "segment_name"),
    "steps": ("step", "customers", "revenue"),
    "left_out": ("dimension", "feature", "reason"),
    "correlations": ("one", "other", "r"),
    "origins": ("job", "as_of", "run_id", "code_version", "config_hash", "inputs"),
}


@dataclass(frozen=True)
class ReportData:
    """One published run.

    A frame without rows needs no columns, and a dimension without rows is named as missing. Raises
    BadInputError where a frame with rows lacks a column.
    """

    description: str
    """The source in words."""
    credit: str
    """To whom the data are owed."""
    as_of: dt.date
    """The run saw the events before this day."""
    run_id: str
    customers: int
    """Customers scored."""
    notes: tuple[str, ...]
    """What the source lacks, and which features that switched off: `runs.notes`."""
    profiles: pd.DataFrame
    """The rows of `segment_profiles`. Maps as dicts or lists of pairs, structs as Rows or dicts."""
    sweep: pd.DataFrame
    """The rows of `k_sweep`."""
    selection: pd.DataFrame
    """The rows of `k_selection`."""
    quality: pd.DataFrame
    """The rows of `data_quality`, of one ingest run."""
    points: pd.DataFrame
    """x, y, segment_id, segment_name: a sample of customers on the first two principal components of the
    unified features, with their unified segment, in any fixed order."""
    explained: tuple[float, float]
    """Shares of the variance that x and y explain, 0..1."""
    currency: str
    """ISO 4217 code of all money."""
    population: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows of `population`: who is scored, and who is not and why. Empty for a run before there was one."""
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows of `segment_differences`. Empty for a run before there were any."""
    migration: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows of `segment_migration`. Empty without an earlier as-of date."""
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows of `segment_changes`. Empty without an earlier as-of date."""
    lineage: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows of `segment_lineage` that lead to the bundle in use. Empty for a first fit."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of segments by id, also of those of before."""
    steps: pd.DataFrame = field(default_factory=pd.DataFrame)
    """step, customers, revenue: the scored customers by revenue of 365 days (`segments.concentration`)."""
    left_out: pd.DataFrame = field(default_factory=pd.DataFrame)
    """dimension, feature, reason: what takes no part in a fit, and why."""
    correlations: pd.DataFrame = field(default_factory=pd.DataFrame)
    """one, other, r: Pearson's r of each pair of slots of the unified vector, over the customers of `points`."""
    origins: pd.DataFrame = field(default_factory=pd.DataFrame)
    """job, as_of, run_id, code_version, config_hash, inputs (in words): the runs that this one stands on, in order."""
    rule_segments: frozenset[str] = frozenset()
    """The unified segment_ids that business rules give; drawn in grey."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What a feature column means, in a sentence; those without one are shown by name alone."""

    def __post_init__(self) -> None:
        for name, wanted in COLUMNS.items():
            frame: pd.DataFrame = getattr(self, name)
            for column in wanted:
                if len(frame) and column not in frame.columns:
                    raise BadInputError(
                        f'report: column "{column}" is not in {name}. '
                        + nearest(column, [str(c) for c in frame.columns])
                    )


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts by column name."""
    return [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]


def number(cell: object) -> float | None:
    """The number in a cell; None for null, NaN and infinity, whatever pandas made of them.

    >>> number(Decimal("12.50")), number(float("nan")), number(pd.NA), number(None)
    (12.5, None, None, None)
    """
    if isinstance(cell, int | float | Decimal | np.number):
        value = float(cell)
        return value if math.isfinite(value) else None
    return None


def integer(cell: object) -> int | None:
    """The whole number in a cell; None for null. A nullable int column arrives from Spark as floats.

    >>> integer(4.0), integer(float("nan"))
    (4, None)
    """
    if isinstance(cell, int | np.integer):
        return int(cell)  # a seed of 64 bits would lose its last digits as a float
    value = number(cell)
    return None if value is None else int(value)


def text(cell: object) -> str:
    """The text in a cell; empty for null.

    >>> text("a"), text(None), text(float("nan"))
    ('a', '', '')
    """
    return cell if isinstance(cell, str) else ""


def mapping(cell: object) -> dict[str, float]:
    """A map of numbers, given as a dict (Spark) or as a list of pairs (pyarrow); null values left out.

    >>> mapping({"a": 1, "b": None}), mapping([("a", Decimal("2"))]), mapping(None)
    ({'a': 1.0}, {'a': 2.0}, {})
    """
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(cell, Mapping):
        pairs = cell.items()
    elif isinstance(cell, list | tuple | np.ndarray):
        pairs = cell
    else:
        return {}
    return {str(key): value for key, value in ((k, number(v)) for k, v in pairs) if value is not None}


def structs(cell: object) -> list[dict[str, Any]]:
    """An array of structs, given as dicts or as Spark Rows; empty for null.

    >>> structs([{"feature": "orders_365d", "z": 1.0}]), structs(None)
    ([{'feature': 'orders_365d', 'z': 1.0}], [])
    """
    if not isinstance(cell, list | tuple | np.ndarray):
        return []
    return [dict(item) if isinstance(item, Mapping) else item.asDict() for item in cell]
