"""Day tiles: small mergeable states from which every window is added up.

Staged lines come in; each aggregate is a state that can be merged, never a stored average; out goes
`customer_day`, one row per customer and day with purchases or returns.
"""

from segmentation.tiles.aggregates import CUSTOMER_DAY, SUMS, Sum
from segmentation.tiles.daily import daily_tiles

__all__ = ["CUSTOMER_DAY", "SUMS", "Sum", "daily_tiles"]
