"""Do the segments still hold? The customers of a month against those the models were trained on.

At training each model's `Reference` is taken and stored with it; in a month the customers of now come in and out go the
rows of `drift_report`, each with what chance alone would give, and one word about all of them.
"""

from segmentation.monitoring.centroids import Layer, Standing, fit_changes, take_standing
from segmentation.monitoring.histograms import Bins, Histogram, count, fit_bins
from segmentation.monitoring.migration import migration_changes
from segmentation.monitoring.reference import Reference
from segmentation.monitoring.values import value_changes
from segmentation.monitoring.verdict import HOLDS, REFIT, STOP, TOO_FEW, Change, Judged, MonitoringRules, judge

__all__ = [
    "HOLDS",
    "REFIT",
    "STOP",
    "TOO_FEW",
    "Bins",
    "Change",
    "Histogram",
    "Judged",
    "Layer",
    "MonitoringRules",
    "Reference",
    "Standing",
    "count",
    "fit_bins",
    "fit_changes",
    "judge",
    "migration_changes",
    "take_standing",
    "value_changes",
]
