"""Rows of whole customers: brought together by Spark, handed to numpy in batches that split nobody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ROWS = 200_000
"""Rows a batch is gathered to: enough that Python's own work vanishes, few enough to stay near the processor."""
HASH = "customer_hash"


def gathered(frame: DataFrame) -> DataFrame:
    """The same rows, those of a customer in one partition and in one run of HASH, a column more."""
    # A whole number sorts by radix, ten times as fast as ids do; customers of one hash are told apart in numpy.
    hashed = frame.withColumn(HASH, F.xxhash64("customer_id"))
    return hashed.repartition("customer_id").sortWithinPartitions(HASH)


def whole_customers(batches: Iterator[pa.RecordBatch], rows: int = ROWS) -> Iterator[pa.Table]:
    """Rows as `gathered` gives them, in tables of about `rows` rows, or one customer where he alone has more."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        if count >= rows:
            table = pa.Table.from_batches(waiting)
            hashes = table[HASH]
            whole = pc.index(hashes, hashes[-1]).as_py()
            if whole:
                yield table.slice(0, whole)
            waiting = table.slice(whole).to_batches()
            count -= whole
    if count:
        yield pa.Table.from_batches(waiting)


def column(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    return table[name].combine_chunks()


def whole(values: pa.Array) -> Ints:
    """Whole numbers, null as 0."""
    numbers: Ints = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return numbers


def day_numbers(days: pa.Array) -> Ints:
    """Days since 1970 of dates."""
    numbers: Ints = days.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def ranked(texts: pa.Array) -> tuple[Ints, list[str]]:
    """For each text its position in the sorted list of the different ones, −1 for null; and that list.

    >>> ranked(pa.array(["b", None, "a", "b"]))
    (array([ 1, -1,  0,  1]), ['a', 'b'])
    """
    encoded = texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ranks = np.empty(len(names) + 1, dtype=np.int64)
    ranks[np.argsort(np.array(names, dtype=object))] = np.arange(len(names))
    ranks[-1] = -1
    codes = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
    return ranks[codes], sorted(names)


def packed(*parts: Ints) -> Ints:
    """One whole number for several ≥ 0, which sorts as they do one after another; in 63 bits, or as their rank.

    >>> packed(np.array([1, 0, 1]), np.array([5, 7, 4]))
    array([13,  7, 12])
    """
    key = parts[0]
    for part in parts[1:]:
        bits = int(part.max(initial=0)).bit_length()
        if int(key.max(initial=0)).bit_length() + bits > 63:
            key = np.unique(key, return_inverse=True)[1]
        key = (key << bits) | part
    return key


def runs(key: Ints) -> Ints:
    """Where each run of equal numbers begins.

    >>> runs(np.array([4, 4, 7, 4]))
    array([0, 2, 3])
    """
    return np.flatnonzero(np.diff(key, prepend=key[0] - 1)) if len(key) else np.zeros(0, dtype=np.int64)
