"""How the values of features are spread over bins that were fixed on the training customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.customers import Floats, Ints
from segmentation.features import Feature

TENTHS = np.arange(1, 10) / 10
TAIL = 0.001
"""What lies beyond this share of the training sample, at either end, has a bin of its own, though it be empty."""
LEVELS = 20
"""Of a text at most: the values that most have, and one bin for all others."""
COUNTS = "position int, customers long"


@dataclass(frozen=True)
class Bins:
    """Of one feature. Bin i of a number is (edges[i − 1], edges[i]], open at both ends; of a text one bin a level."""

    feature: str
    dimension: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] | None = None
    """None for a number."""
    recent: bool = False
    """Whether it is watched over a shorter window than the fit has."""

    @property
    def size(self) -> int:
        """Bins of known values; one more counts the unknown ones."""
        return len(self.edges if self.levels is None else self.levels) + 1

    def counts(self, values: pa.Array) -> Ints:
        """(size + 1,): how many values fall into each bin, and how many are unknown.

        >>> Bins("x", "transactional", edges=(0.0, 2.5)).counts(pa.array([0.0, 1.0, 2.5, 9.0, None])).tolist()
        [1, 2, 1, 1]
        >>> Bins("x", "transactional", levels=("a", "b")).counts(pa.array(["b", "z", None, "b"])).tolist()
        [0, 2, 1, 1]
        """
        if self.levels is None:
            x = values.to_numpy(zero_copy_only=False).astype(np.float64)
            unknown = np.isnan(x)
            place = np.searchsorted(np.array(self.edges), x, side="left")
        else:
            of_levels = pc.index_in(values, value_set=pa.array(self.levels, pa.string()))
            unknown = values.is_null().to_numpy(zero_copy_only=False)
            place = of_levels.fill_null(len(self.levels)).to_numpy(zero_copy_only=False)
        return np.bincount(np.where(unknown, self.size, place), minlength=self.size + 1)


@dataclass(frozen=True)
class Histogram:
    """Of one feature the training customers in each of its bins, and last those of whom it is unknown."""

    bins: Bins
    counts: tuple[int, ...]


def fit_bins(feature: Feature, sample: pd.Series) -> Bins | None:
    """Bins of a feature by a sample of the training customers; None where it is known of none of them.

    Where all are alike there are bins beside the one that they share, for whoever will differ.
    """
    known = sample.dropna()
    if feature.is_text:
        by_size = known.astype(str).value_counts().sort_index().sort_values(ascending=False, kind="stable")
        levels = tuple(sorted(map(str, by_size.index[:LEVELS])))
        return Bins(feature.name, feature.dimension, levels=levels, recent=feature.is_watched) if levels else None
    x = known.to_numpy(dtype=np.float64)
    x = x[~np.isnan(x)]
    return Bins(feature.name, feature.dimension, edges=edges(x), recent=feature.is_watched) if len(x) else None


def edges(x: Floats) -> tuple[float, ...]:
    """Between the bins of a number that has these values: tenths, and what hardly anybody had, below and above.

    Among tenths alone a new kind of customer, whose values nobody had, would fill the last one half as much again. A
    value that a tenth has is a bin of its own.

    >>> edges(np.arange(1.0, 101.0))[1:]
    (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
    >>> edges(np.array([1.0] + [5.0] * 99))[1:]
    (1.0, 5.0)
    """
    # Quantiles that are values themselves: a bin's end is then no matter of rounding.
    least, *tenths, greatest = np.quantile(x, [TAIL, *TENTHS, 1 - TAIL], method="inverted_cdf")
    values, times = np.unique(x, return_counts=True)
    often = np.flatnonzero(times >= len(x) / 10)
    before = values[often[often > 0] - 1]
    return tuple(np.unique([np.nextafter(least, -np.inf), *tenths, *before, greatest]).tolist())


def count(customers: DataFrame, bins: Sequence[Bins]) -> list[Ints]:
    """`Bins.counts` of each feature over all customers: one Spark job."""
    if not bins:
        return []
    ends = np.cumsum([b.size + 1 for b in bins])

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = np.zeros(ends[-1], dtype=np.int64)
        for batch in batches:
            total += np.concatenate([b.counts(batch.column(i)) for i, b in enumerate(bins)])
        yield pa.RecordBatch.from_arrays(
            [pa.array(np.arange(len(total), dtype=np.int32)), pa.array(total)], ["position", "customers"]
        )

    columns = [
        F.col(b.feature).cast("double" if b.levels is None else "string").alias(f"x{i}") for i, b in enumerate(bins)
    ]
    rows = customers.select(*columns).mapInArrow(run, COUNTS).groupBy("position").agg(F.sum("customers").alias("n"))
    total = np.zeros(ends[-1], dtype=np.int64)
    for r in rows.collect():
        total[r["position"]] = r["n"]
    return np.split(total, ends[:-1])
