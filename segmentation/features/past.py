"""What happened to whole customers, as numpy sees it: one row per customer and day, or month, with something in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.features.spans import Ints, Keyed, Measure, Spans, keyed

DAY = "event_date"


@dataclass(frozen=True)
class Entries:
    """The flattened values of a list column; `spans` are the customers', by the day of the row they stood in."""

    spans: Spans
    values: pa.Array

    def field(self, name: str) -> pa.Array:
        """One field of entries that are structs."""
        return self.values.field(name)

    def by(self, keys: pa.Array) -> Keyed:
        """Regrouped by customer and key."""
        encoded = keys.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        ranks = np.empty(len(names) + 1, dtype=np.int64)
        ranks[np.argsort(names)] = np.arange(len(names))
        ranks[-1] = -1  # where there is no key
        codes = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
        return keyed(self.spans, ranks[codes], sorted(names))


@dataclass(frozen=True)
class Past:
    """Rows of whole customers, sorted by customer and day. `rows` may have nulls, which count as nothing."""

    rows: pa.Table

    @cached_property
    def starts(self) -> Ints:
        """(c + 1,) the first row of each customer, then the number of rows."""
        ids = self.rows["customer_id"].combine_chunks()
        is_other = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.flatnonzero(is_other) + 1, [len(ids)]])

    @cached_property
    def customers(self) -> pa.Array:
        """(c,) the customers' ids."""
        return self.rows["customer_id"].combine_chunks().take(pa.array(self.starts[:-1]))

    @cached_property
    def spans(self) -> Spans:
        """The rows by their days."""
        return Spans(self.starts, day_numbers(self.rows[DAY].combine_chunks()))

    def numbers(self, name: str) -> Ints:
        """(n,) a column of whole numbers."""
        return whole(self.rows[name].combine_chunks())

    def summed(self, name: str, scale: int = 1) -> Measure:
        """The sum of a column of whole numbers over the rows in a window, in units of `scale`."""
        total = self.spans.summed(self.numbers(name))
        return total if scale == 1 else lambda first, end: total(first, end) / scale

    def entries(self, name: str) -> Entries:
        """The values of a list column, one after another."""
        lists = self.rows[name].combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        days = np.repeat(self.spans.days, lengths)
        return Entries(Spans(ends[self.starts], days), lists.flatten())


def whole(values: pa.Array) -> Ints:
    """Whole numbers, null as 0."""
    numbers: Ints = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return numbers


def day_numbers(days: pa.Array) -> Ints:
    """Days since 1970 of dates."""
    numbers: Ints = days.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
