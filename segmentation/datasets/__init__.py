"""Raw tables to start from: real shoppers as a user's files would hand them over.

Nothing comes in but a folder; the idea is that a data set is written once as plain files and then read
through a source mapping like anybody's data; out go Parquet or CSV files.
"""

from segmentation.datasets.cdnow import write_cdnow
from segmentation.datasets.complete_journey import write_complete_journey

__all__ = ["write_cdnow", "write_complete_journey"]
