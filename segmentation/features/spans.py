"""Groups of dated rows in numpy: where a day falls in each group, and exact sums between two days.

A window of a sorted group is the rows between two positions, and its sum the difference of two running sums, so that
a further window or as-of date costs two look-ups a group and no pass over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from segmentation.core.customers import Bools, Floats, Ints, packed, runs

Measure = Callable[[int, int], "Ints | Floats"]
"""(first day, day after the last) → one value a group."""

EVER = -(1 << 30)
"""A day before all days."""
NEVER = EVER - 1
"""Stands for a day that there was not."""


def running(values: npt.NDArray[np.generic]) -> Ints:
    """(n + 1,) the sum of all values before each position.

    >>> running(np.array([2, 3]))
    array([0, 2, 5])
    """
    total = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=total[1:])
    return total


@dataclass(frozen=True)
class Spans:
    """Rows sorted by group and, within it, by day.

    starts: (g + 1,) the first row of each group, then the number of rows; days: (n,) day numbers since 1970.
    """

    starts: Ints
    days: Ints
    _found: dict[int, Ints] = field(default_factory=dict, repr=False, compare=False)

    @property
    def groups(self) -> Ints:
        """(n,) the group of each row."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def before(self, day: int) -> Ints:
        """(g,) the first row of each group on or after `day`; the end of the group where there is none.

        >>> Spans(np.array([0, 3, 4]), np.array([10, 20, 30, 5])).before(20)
        array([1, 4])
        """
        if day not in self._found:
            # Groups are short: counting all rows is faster than a binary search in each.
            count = running(self.days < day)[self.starts]
            self._found[day] = self.starts[:-1] + np.diff(count)
        return self._found[day]

    def between(self, first: int, end: int) -> Ints:
        """(g,) how many rows of each group lie in `[first, end)`."""
        return self.before(end) - self.before(first)

    def summed(self, values: npt.NDArray[np.generic]) -> Measure:
        """The sum of whole numbers over the rows in a window.

        >>> Spans(np.array([0, 3, 4]), np.array([10, 20, 30, 5])).summed(np.array([1, 2, 4, 8]))(10, 30)
        array([3, 0])
        """
        total = running(values)
        return lambda first, end: total[self.before(end)] - total[self.before(first)]

    def summed_of_before(self, values: npt.NDArray[np.generic], of: Ints) -> Measure:
        """The sum over the rows in a window that belong to a day before it. of: (n,) the day that a row belongs to.

        >>> days, of = np.array([10, 20]), np.array([5, 15])
        >>> Spans(np.array([0, 2]), days).summed_of_before(np.array([1, 2]), of)(10, 30)
        array([1])
        """

        @cache
        def total(first: int) -> Ints:
            return running(np.where(of < first, values, 0))

        return lambda first, end: total(first)[self.before(end)] - total(first)[self.before(first)]

    def where(self, keep: Bools) -> Spans:
        """The same groups with some of their rows."""
        return Spans(running(keep)[self.starts], self.days[keep])

    def last(self, first: int, end: int) -> Floats:
        """(g,) days from the last row in `[first, end)` to `end`; NaN where there is none."""
        return self._age(self.before(end) - 1, first, end)

    def earliest(self, first: int, end: int) -> Floats:
        """(g,) days from the first row in `[first, end)` to `end`; NaN where there is none."""
        return self._age(self.before(first), first, end)

    def _age(self, row: Ints, first: int, end: int) -> Floats:
        ages = np.full(len(row), np.nan)
        some = self.between(first, end) > 0
        ages[some] = end - self.days[row[some]]
        return ages


@dataclass(frozen=True)
class Keyed:
    """Entries regrouped by customer and key: `spans` has a group for every key that a customer ever had.

    owners: (g,) the customer of each group, ascending; keys: (g,) positions in `names`, ascending within a customer,
    so that sums of fractions come out the same whatever else was in the batch; order: (n,) the entries as regrouped.
    """

    spans: Spans
    owners: Ints
    keys: Ints
    names: list[str]
    order: Ints
    customers: int

    def positions(self, other: Keyed) -> Ints:
        """Of each group of `other`, which has no key that this one lacks, the same customer's and key's group here."""
        size = max(len(self.names), 1)
        return np.searchsorted(self.owners * size + self.keys, other.owners * size + other.keys)

    def over_keys(self, how: np.ufunc, values: npt.NDArray[np.generic]) -> Floats:
        """(c,) a value a group, reduced over each customer's keys; 0 without any."""
        result = np.zeros(self.customers)
        if len(self.owners):
            firsts = np.flatnonzero(np.diff(self.owners, prepend=-1))
            result[self.owners[firsts]] = how.reduceat(values, firsts)
        return result


def keyed(entries: Spans, codes: Ints, names: list[str]) -> Keyed:
    """`entries` of customers, regrouped by key. codes: (n,) positions in the sorted `names`, −1 for no key."""
    known = np.flatnonzero(codes >= 0)
    owners, keys = entries.groups[known], codes[known]
    pairs = packed(owners, keys)
    order = np.argsort(pairs, kind="stable")
    starts = runs(pairs[order])
    first, order = order[starts], known[order]
    spans = Spans(np.append(starts, len(known)), entries.days[order])
    return Keyed(spans, owners[first], keys[first], names, order, len(entries.starts) - 1)
