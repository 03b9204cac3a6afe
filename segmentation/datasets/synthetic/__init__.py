"""A made-up supermarket of any size, of which the truth is known: who belongs where, and what is wrong with the files.

In come a size, a seed and a scenario. Every value follows from a hash of the seed and its row's number, so that any
cluster writes the same data and no process holds more than a row. Out go raw files in the retailer's own words and
formats, and apart from them the planted segments and the number of planted faults by rule.
"""

from segmentation.datasets.synthetic.exports import Export, exports
from segmentation.datasets.synthetic.people import truth
from segmentation.datasets.synthetic.retailer import Retailer
from segmentation.datasets.synthetic.scenarios import SCENARIOS, Scenario, find_scenario
from segmentation.datasets.synthetic.write import Written, write_synthetic

__all__ = [
    "SCENARIOS",
    "Export",
    "Retailer",
    "Scenario",
    "Written",
    "exports",
    "find_scenario",
    "truth",
    "write_synthetic",
]
