"""Raw tables to start from: real shoppers as a user's files would hand them over, and made-up ones of any number.

Nothing comes in but a folder and sizes; the idea is that a data set is written once as plain files and then read
through a source mapping like anybody's data; out go Parquet, CSV and JSON files.
"""

from segmentation.datasets.cdnow import write_cdnow
from segmentation.datasets.complete_journey import write_complete_journey
from segmentation.datasets.synthetic import (
    SCENARIOS,
    Export,
    Retailer,
    Scenario,
    Written,
    exports,
    find_scenario,
    truth,
    write_synthetic,
)

__all__ = [
    "SCENARIOS",
    "Export",
    "Retailer",
    "Scenario",
    "Written",
    "exports",
    "find_scenario",
    "truth",
    "write_cdnow",
    "write_complete_journey",
    "write_synthetic",
]
