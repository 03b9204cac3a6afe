"""What happened to whole customers, as numpy sees it: one row per customer and day, or month, with something in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.core.customers import Ints, column, day_numbers, packed, ranked, whole
from segmentation.features.spans import Keyed, Measure, Spans, keyed, running

DAY = "event_date"
ORDER_DAYS = "order_days"
DAYS_OF_MONTH = 31


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
        return keyed(self.spans, *ranked(keys))


@dataclass(frozen=True)
class Past:
    """Rows of whole customers, sorted by customer and day. `rows` may have nulls, which count as nothing."""

    rows: pa.Table

    @classmethod
    def of(cls, rows: pa.Table) -> Past:
        """Rows of whole customers in any order."""
        days = day_numbers(column(rows, DAY))
        who = whole(column(rows, "customer_id").dictionary_encode().indices)
        return cls(rows.take(pa.array(np.argsort(packed(who, days - days.min(initial=0)), kind="stable"))))

    @cached_property
    def starts(self) -> Ints:
        """(c + 1,) the first row of each customer, then the number of rows."""
        ids = column(self.rows, "customer_id")
        is_other = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.flatnonzero(is_other) + 1, [len(ids)]])

    @cached_property
    def customers(self) -> pa.Array:
        """(c,) the customers' ids."""
        return column(self.rows, "customer_id").take(pa.array(self.starts[:-1]))

    @cached_property
    def spans(self) -> Spans:
        """The rows by their days."""
        return Spans(self.starts, day_numbers(column(self.rows, DAY)))

    def numbers(self, name: str) -> Ints:
        """(n,) a column of whole numbers."""
        return whole(column(self.rows, name))

    def summed(self, name: str, scale: int = 1) -> Measure:
        """The sum of a column of whole numbers over the rows in a window, in units of `scale`."""
        total = self.spans.summed(self.numbers(name))
        return total if scale == 1 else lambda first, end: total(first, end) / scale

    def netted(self, name: str, scale: int) -> Measure:
        """The same without what was taken back of purchases before the window."""
        total = self.spans.summed(self.numbers(name))
        before = self.returned.spans.summed_of_before(whole(self.returned.field(name)), self.bought_on)
        return lambda first, end: (total(first, end) - before(first, end)) / scale

    def entries(self, name: str) -> Entries:
        """The values of a list column, one after another."""
        lists = column(self.rows, name)
        lengths = whole(pc.list_value_length(lists))
        days = np.repeat(self.spans.days, lengths)
        return Entries(Spans(running(lengths)[self.starts], days), lists.flatten())

    @cached_property
    def order_days(self) -> Spans:
        """The days on which each customer placed orders."""
        bits = self.numbers(ORDER_DAYS)[:, None] >> np.arange(DAYS_OF_MONTH) & 1
        row, bit = np.nonzero(bits)
        return Spans(running(bits.sum(axis=1))[self.starts], self.spans.days[row] + bit)

    @cached_property
    def returned(self) -> Entries:
        """What was taken back, on the day on which it was."""
        return self.entries("returned")

    @cached_property
    def bought_on(self) -> Ints:
        """The day on which each entry of `returned` had been bought."""
        return day_numbers(self.returned.field("bought_on"))
