"""Sums of any columns by segment, in every dimension at once, in one pass over the customers and exact in any order.

As aggregates of Spark's, a few hundred sums of decimals were compiled for longer than they took to add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.customers import Floats, Ints
from segmentation.core.schemas import ALL_DIMENSIONS

Key = tuple[str, str, str | None]
"""dimension, segment_id, raw_segment_id."""

BITS = 40
"""Numbers are summed in multiples of 2⁻⁴⁰, about 10⁻¹²."""
LARGEST = 2.0**42
"""No number is larger, nor the square of one: an amount of 2 million may be squared. Of a larger one this is summed."""
ROWS = 2**20
"""Rows after which a task hands on what it has: no sum of theirs leaves 64 bits."""
PARTIAL = (
    "dimension string, segment_id string, raw_segment_id string, position int, count long, units long, fractions long, "
    "square_units long, square_fractions long"
)


@dataclass(frozen=True)
class Sum:
    """Of the members in whom a column is known: how many, their sum and their sum of squares, in multiples of 2⁻⁴⁰."""

    count: int = 0
    whole: int = 0
    whole_squares: int = 0

    @property
    def total(self) -> Fraction:
        """Their sum."""
        return Fraction(self.whole, 1 << BITS)

    @property
    def squares(self) -> Fraction:
        """Their sum of squares."""
        return Fraction(self.whole_squares, 1 << BITS)

    @property
    def mean(self) -> float:
        """Of those counted, one at least."""
        return float(self.total / self.count)


def sums_by_segment(
    segments: DataFrame, features: DataFrame, columns: Mapping[str, Column]
) -> dict[Key, tuple[int, dict[str, Sum]]]:
    """In order of segments the number of members that `features` knows, and the sum of each column (double) over them.

    segments: customer_id, dimension, segment_id, raw_segment_id (null where it does not matter), one row a customer and
    dimension. A null or NaN counts nowhere. Two shuffles by customer and one of a row per task, segment and column.
    """
    names = list(columns)
    pair = F.struct("segment_id", "raw_segment_id")
    of = (F.max(F.when(F.col("dimension") == d, pair)) for d in ALL_DIMENSIONS)
    wide = segments.groupBy("customer_id").agg(*(c.alias(f"in_{i}") for i, c in enumerate(of)))
    described = features.select("customer_id", *(c.alias(f"x_{i}") for i, c in enumerate(columns.values())))
    joined = wide.join(described, on="customer_id", how="inner").select(
        *(F.col(f"in_{i}.segment_id").alias(f"segment_{i}") for i in range(len(ALL_DIMENSIONS))),
        *(F.col(f"in_{i}.raw_segment_id").alias(f"raw_{i}") for i in range(len(ALL_DIMENSIONS))),
        *(f"x_{i}" for i in range(len(names))),
    )  # fmt: skip
    partial = joined.mapInArrow(_partial_sums, PARTIAL)
    counted = ("count", "units", "fractions", "square_units", "square_fractions")
    rows = partial.groupBy("dimension", "segment_id", "raw_segment_id", "position").agg(
        *(F.sum(F.col(c).cast("decimal(38,0)")).alias(c) for c in counted)
    )
    found: dict[Key, tuple[int, dict[str, Sum]]] = {}
    for d, segment, raw, position, *sums in rows.collect():
        n, units, fractions, square_units, square_fractions = map(int, sums)
        members, of_columns = found.get((d, segment, raw), (0, {}))
        if position < 0:
            found[d, segment, raw] = n, of_columns
        else:
            of_columns[names[position]] = Sum(n, (units << BITS) + fractions, (square_units << BITS) + square_fractions)
            found[d, segment, raw] = members, of_columns
    return dict(sorted(found.items(), key=lambda item: tuple(text or "" for text in item[0])))


def _partial_sums(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    total: dict[Key, Ints] = {}
    rows = 0
    for batch in batches:
        if batch.num_rows:
            for key, sums in _batch_sums(batch):
                total[key] = total[key] + sums if key in total else sums
        rows += batch.num_rows
        if rows >= ROWS:
            yield _handed_on(total)
            total, rows = {}, 0
    if total:
        yield _handed_on(total)


def _batch_sums(batch: pa.RecordBatch) -> Iterator[tuple[Key, Ints]]:
    """By segment (columns + 1, 5): count, whole and fractional parts of values, and of squares; first the members."""
    dimensions = len(ALL_DIMENSIONS)
    x = np.array([c.to_numpy(zero_copy_only=False) for c in batch.columns[2 * dimensions :]], dtype=np.float64)
    x = x.reshape(-1, batch.num_rows)
    known = ~np.isnan(x)
    x = np.clip(np.where(known, x, 0.0), -LARGEST, LARGEST)
    parts = np.stack([known.astype(np.int64), *_limbs(x), *_limbs(np.minimum(x * x, LARGEST))])
    for i, d in enumerate(ALL_DIMENSIONS):
        segment, raw = (pc.dictionary_encode(c, "encode") for c in (batch.column(i), batch.column(dimensions + i)))
        codes = segment.indices.to_numpy() * len(raw.dictionary) + raw.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        groups, starts, members = np.unique(codes[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(parts[:, :, order], starts, axis=2)
        for g, code in enumerate(groups):
            name, cluster = (
                a[int(j)].as_py()
                for a, j in zip((segment.dictionary, raw.dictionary), divmod(code, len(raw.dictionary)), strict=True)
            )
            if name is not None:
                head = np.array([[members[g], 0, 0, 0, 0]], dtype=np.int64)
                yield (d, name, cluster), np.concatenate([head, sums[:, :, g].T])


def _limbs(x: Floats) -> tuple[Ints, Ints]:
    """Each number's whole part, and what is left in multiples of 2⁻⁴⁰."""
    whole = np.floor(x)
    return whole.astype(np.int64), np.rint(np.ldexp(x - whole, BITS)).astype(np.int64)


def _handed_on(total: Mapping[Key, Ints]) -> pa.RecordBatch:
    n = len(next(iter(total.values())))
    keys = list(total)
    numbers = np.concatenate(list(total.values())).T
    position = np.tile(np.arange(-1, n - 1, dtype=np.int32), len(keys))
    texts = [pa.array([key[i] for key in keys for _ in range(n)], pa.string()) for i in range(3)]
    names = [field.split()[0] for field in PARTIAL.split(", ")]
    return pa.RecordBatch.from_arrays([*texts, pa.array(position), *map(pa.array, numbers)], names=names)
