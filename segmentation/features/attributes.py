"""What customers are described as on a day: the attributes of the row then valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.core.customers import column
from segmentation.features.past import Past

FAR = 1 << 30
"""The day number of a validity without an end."""
COLUMNS = ("is_description", "valid_to")


def attributes(past: Past, names: Sequence[str]) -> Callable[[int], Mapping[str, pa.Array]]:
    """As of a day: each column's value a customer, of the row that was valid on the day before; null without one.

    Of overlapping rows the one that began last counts. The rows stand on the day on which they began.
    """
    is_row = pc.fill_null(column(past.rows, "is_description"), False).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(is_row)
    rows, spans = past.rows.take(pa.array(at)), past.spans.where(is_row)
    ends = pc.fill_null(column(rows, "valid_to").cast(pa.int32()), FAR).to_numpy(zero_copy_only=False)

    def as_of(end: int) -> dict[str, pa.Array]:
        valid = np.where((spans.days < end) & (ends >= end), np.arange(len(ends)), -1)
        # A customer without any row reads the −1 that is put behind all.
        newest = np.maximum.reduceat(np.append(valid, -1), spans.starts[:-1])
        newest[np.diff(spans.starts) == 0] = -1
        row = pa.array(newest, mask=newest < 0)
        return {name: column(rows, name).take(row) for name in names}

    return as_of
