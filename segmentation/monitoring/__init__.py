"""Do the segments still hold? The customers of a month against those the models were trained on.

At training each model's `Reference` is taken and stored with it; in a month the customers of now come in and out go the
rows of `drift_report`, each with what chance alone would give, and one word about all of them. Beside these stand key
figures of each segment, and one message that tells people.
"""

from segmentation.monitoring.centroids import Layer, Standing, fit_changes, take_standing
from segmentation.monitoring.histograms import Bins, Histogram, count, fit_bins, number_bins
from segmentation.monitoring.kpis import BREACH, ESCALATED, PREFIX, Measured, kpi_rows
from segmentation.monitoring.message import (
    FOLLOWED,
    NONE,
    REFUSED,
    WAITING,
    Message,
    message,
    reading_order,
    refusal,
    title_of,
)
from segmentation.monitoring.migration import migration_changes
from segmentation.monitoring.reference import Reference
from segmentation.monitoring.rules import Kpi, MonitoringRules, load_monitoring
from segmentation.monitoring.values import value_changes
from segmentation.monitoring.verdict import HOLDS, MOVED, REFIT, STOP, TOO_FEW, WORDS, Change, Judged, judge

__all__ = [
    "BREACH",
    "ESCALATED",
    "FOLLOWED",
    "HOLDS",
    "MOVED",
    "NONE",
    "PREFIX",
    "REFIT",
    "REFUSED",
    "STOP",
    "TOO_FEW",
    "WAITING",
    "WORDS",
    "Bins",
    "Change",
    "Histogram",
    "Judged",
    "Kpi",
    "Layer",
    "Measured",
    "Message",
    "MonitoringRules",
    "Reference",
    "Standing",
    "count",
    "fit_bins",
    "fit_changes",
    "judge",
    "kpi_rows",
    "load_monitoring",
    "message",
    "migration_changes",
    "number_bins",
    "reading_order",
    "refusal",
    "take_standing",
    "title_of",
    "value_changes",
]
