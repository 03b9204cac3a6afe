"""Do the segments still hold? The customers of a month against those the models were trained on.

Customers of then and now come in, and the models in effect; out go the rows of `drift_report`, each with what chance
alone would give, and one word about all of them.
"""

from segmentation.monitoring.fit import Layer, fit_changes
from segmentation.monitoring.histograms import Bins, count, fit_bins
from segmentation.monitoring.values import value_changes
from segmentation.monitoring.verdict import Change, Judged, MonitoringRules, judge

__all__ = [
    "Bins",
    "Change",
    "Judged",
    "Layer",
    "MonitoringRules",
    "count",
    "fit_bins",
    "fit_changes",
    "judge",
    "value_changes",
]
