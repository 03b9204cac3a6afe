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

BINS = 10
"""Of a number about: quantiles of the training sample that are equal share a bin."""
TAIL, FEW = 0.001, 5
"""This share of the training sample is extreme at either end, and so many customers at least."""
SHARED = 0.01
"""A value that more than this share have is no end: they come to it, and leave it, together."""
ROUNDING = 1e-9
"""Values that differ by less of themselves are one: the last digit of a quotient tells nothing."""
LEVELS = 20
"""Of a text at most: the values that most have, and one bin for all others."""
COUNTS = "position int, customers long"


@dataclass(frozen=True)
class Bins:
    """Of one feature. Bin i of a number is (edges[i − 1], edges[i]], open at both ends; of a text one bin a level.

    least, most: as little, or as much, hardly anybody had at training; None where there is no such end.
    """

    feature: str
    dimension: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] | None = None
    """None for a number."""
    recent: bool = False
    """Whether it is watched over a shorter window than the fit has."""
    least: float | None = None
    most: float | None = None

    @property
    def size(self) -> int:
        """Bins of known values."""
        return len(self.edges if self.levels is None else self.levels) + 1

    def counts(self, values: pa.Array) -> Ints:
        """(size + 2,): how many values fall into each bin, how many are unknown, and how many are extreme.

        >>> Bins("x", "transactional", edges=(0.0, 2.5), most=9.0).counts(pa.array([0.0, 1.0, 2.5, 9, None])).tolist()
        [1, 2, 1, 1, 1]
        >>> Bins("x", "transactional", levels=("a", "b")).counts(pa.array(["b", "z", None, "b"])).tolist()
        [0, 2, 1, 1, 0]
        """
        extreme = 0
        if self.levels is None:
            x = values.to_numpy(zero_copy_only=False).astype(np.float64)
            unknown = np.isnan(x)
            beyond = np.zeros(len(x), dtype=bool)
            if self.least is not None:
                beyond |= x <= self.least
            if self.most is not None:
                beyond |= x >= self.most
            extreme = int(np.count_nonzero(beyond))
            place = np.searchsorted(np.array(self.edges), x, side="left")
        else:
            of_levels = pc.index_in(values, value_set=pa.array(self.levels, pa.string()))
            unknown = values.is_null().to_numpy(zero_copy_only=False)
            place = of_levels.fill_null(len(self.levels)).to_numpy(zero_copy_only=False)
        return np.append(np.bincount(np.where(unknown, self.size, place), minlength=self.size + 1), extreme)


@dataclass(frozen=True)
class Histogram:
    """Of one feature `Bins.counts` of the training customers; without the last where a bundle is from before it."""

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
    return number_bins(feature, x) if len(x) else None


def number_bins(feature: Feature, x: Floats) -> Bins:
    """Bins of a feature that has these values, one at least and none unknown; extreme is half a tenth at most."""
    least = most = None
    if not feature.grows_with_calendar and not feature.is_of_whole_history:  # these reach as far as history, and on
        part = min(max(TAIL, FEW / len(x)), 0.5 / BINS)
        least, most = _end(x, part, 1), _end(x, 1 - part, -1)
    return Bins(feature.name, feature.dimension, edges(x), None, feature.is_watched, least, most)


def _end(x: Floats, q: float, way: int) -> float | None:
    """The quantile q, with what rounding leaves to its `way` (1: above it), or None where too many have it."""
    value = float(np.quantile(x, q, method="inverted_cdf"))
    slack = ROUNDING * abs(value)
    if np.count_nonzero(np.abs(x - value) <= slack) > max(SHARED * len(x), FEW):
        return None
    return value + way * slack


def edges(x: Floats) -> tuple[float, ...]:
    """Between about BINS bins of a number that has these values, one at least.

    >>> [round(e, 6) for e in edges(np.array([1.0, 2.0, 3.0, 4.0]))]
    [1.0, 2.0, 3.0]
    >>> [round(e, 6) for e in edges(np.array([1.0] + [5.0] * 99))]
    [1.0, 5.0]
    """
    # Quantiles that are values themselves: a bin's end is then no matter of rounding.
    cuts = np.unique(np.quantile(x, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    greatest = x.max()
    cuts = cuts[cuts < greatest]
    if not len(cuts):  # nine in ten have the greatest value, or all
        below = x[x < greatest]
        beneath = np.nextafter(greatest - 2 * ROUNDING * abs(greatest), -np.inf)
        cuts = np.array([below.max() if len(below) else beneath, greatest])
    return tuple((cuts + ROUNDING * np.abs(cuts)).tolist())


def count(customers: DataFrame, bins: Sequence[Bins]) -> list[Ints]:
    """`Bins.counts` of each feature over all customers: one Spark job."""
    if not bins:
        return []
    ends = np.cumsum([b.size + 2 for b in bins])

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
