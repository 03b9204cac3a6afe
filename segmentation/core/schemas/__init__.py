"""Every table: columns, types, keys, grain and comments. The names here are the public interface.

A `Table` is data. `io` creates it and writes its comments into Delta; `staging` reads the row contracts
(`required`, `non_negative`, …) from the same columns, so that a rule stands in one place.
"""

from __future__ import annotations

from segmentation.core.schemas.aggregates import AGGREGATES, DRIFT_CUBE, QUALITY_CUBE, SEGMENT_CUBE
from segmentation.core.schemas.contract import (
    ALL_DIMENSIONS,
    DIMENSIONS,
    MONEY,
    NO_DATA,
    SCHEMA,
    UNIFIED,
    Column,
    Table,
    published_table,
)
from segmentation.core.schemas.models import K_SELECTION, K_SWEEP, SEGMENT_LINEAGE, SEGMENT_MODELS
from segmentation.core.schemas.runs import ALERTS, PROMOTIONS, RUNS
from segmentation.core.schemas.segments import (
    DRIFT_REPORT,
    EXCLUDED_CUSTOMERS,
    POPULATION,
    SEGMENT_CHANGES,
    SEGMENT_DIFFERENCES,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    SEGMENTS_CHALLENGER,
    SEGMENTS_LATEST,
)
from segmentation.core.schemas.staged import (
    DATA_QUALITY,
    QUARANTINE,
    STAGED,
    STG_CAMPAIGNS,
    STG_CONSENT,
    STG_CUSTOMERS,
    STG_FEEDBACK,
    STG_INTERACTIONS,
    STG_PRODUCTS,
    STG_TRANSACTIONS,
)

TABLES: tuple[Table, ...] = (
    *STAGED, QUARANTINE, DATA_QUALITY, K_SWEEP, K_SELECTION, SEGMENT_MODELS, SEGMENT_LINEAGE, PROMOTIONS, POPULATION,
    EXCLUDED_CUSTOMERS, SEGMENTS, SEGMENTS_CHALLENGER, SEGMENTS_LATEST, SEGMENT_PROFILES, SEGMENT_DIFFERENCES,
    SEGMENT_MIGRATION, SEGMENT_CHANGES, DRIFT_REPORT, ALERTS, RUNS,
)  # fmt: skip

__all__ = [
    "AGGREGATES",
    "ALERTS",
    "ALL_DIMENSIONS",
    "DATA_QUALITY",
    "DIMENSIONS",
    "DRIFT_CUBE",
    "DRIFT_REPORT",
    "EXCLUDED_CUSTOMERS",
    "K_SELECTION",
    "K_SWEEP",
    "MONEY",
    "NO_DATA",
    "POPULATION",
    "PROMOTIONS",
    "QUALITY_CUBE",
    "QUARANTINE",
    "RUNS",
    "SCHEMA",
    "SEGMENTS",
    "SEGMENTS_CHALLENGER",
    "SEGMENTS_LATEST",
    "SEGMENT_CHANGES",
    "SEGMENT_CUBE",
    "SEGMENT_DIFFERENCES",
    "SEGMENT_LINEAGE",
    "SEGMENT_MIGRATION",
    "SEGMENT_MODELS",
    "SEGMENT_PROFILES",
    "STAGED",
    "STG_CAMPAIGNS",
    "STG_CONSENT",
    "STG_CUSTOMERS",
    "STG_FEEDBACK",
    "STG_INTERACTIONS",
    "STG_PRODUCTS",
    "STG_TRANSACTIONS",
    "TABLES",
    "UNIFIED",
    "Column",
    "Table",
    "published_table",
]  # fmt: skip
