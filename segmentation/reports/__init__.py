"""One page that a marketer can read, keep and pass on.

A run's small result tables come in as pandas frames, gathered in `ReportData`. The idea is a single file that
asks nothing of any network: the figures are Vega-Lite declarations beside the library that draws them. Out
goes HTML as a string.
"""

from segmentation.reports.data import ReportData
from segmentation.reports.drift import DriftData, render_drift_report
from segmentation.reports.html import render_report

__all__ = ["DriftData", "ReportData", "render_drift_report", "render_report"]
