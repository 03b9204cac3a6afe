"""Customers' vectors in cached blocks of float32: any statistic of any number of models is one Spark job over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import RDD, StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.views import Array, Block, Floating, Floats32, View
from segmentation.core.customers import HASH
from segmentation.core.errors import SegmentationError

Ints = npt.NDArray[np.int64]
Statistic = Callable[[Floats32, Array | None], Floating]
"""Of vectors (d, n) and what each weighs (n,), None for one each, something that adds up over blocks."""
T = TypeVar("T")

BLOCK_ROWS = 4096
"""A block holds 2,048 to 4,096 customers on average; what a task keeps in memory does not grow with the data."""
FEW = 4
"""At least so many blocks, for the sake of all cores, where each would still hold a quarter of BLOCK_ROWS."""
TASK_BLOCKS = 256
"""No task holds more, whatever the number of cores when they were packed: about a million customers."""
MANY_TASKS = 64  # of more tasks than this, executors add up the results before the driver sees them
NUMBER = "block_number"
PACKED = "number int, customers int, x binary, members binary"


@dataclass(frozen=True)
class Grid:
    """Numbers as multiples of a power of two, so that a sum is the same in whatever order it is added up.

    `bound` (broadcast over the numbers) is the most that one row adds, `rows` how many rows there are: a sum then fits
    into 62 bits, a rounding is 2⁻⁶² of the greatest possible sum. In the manner of Demmel & Nguyen (2015),
    doi:10.1109/TC.2014.2345391.

    >>> grid = Grid(np.array(1.0), 4)
    >>> grid.numbers(grid.whole(np.array(0.1)) + grid.whole(np.array(0.2))).item()
    0.30000000000000004
    """

    bound: Array
    rows: float

    @property
    def _exponent(self) -> npt.NDArray[np.int32]:
        return 61 - np.frexp(np.maximum(self.bound * max(self.rows, 1.0), 2.0**-500))[1]

    def whole(self, numbers: Floating) -> Ints:
        """The nearest multiples."""
        return np.rint(np.ldexp(numbers.astype(np.float64), self._exponent)).astype(np.int64)

    def numbers(self, whole: Ints) -> Array:
        """The inverse of `whole`."""
        return np.ldexp(whole.astype(np.float64), -self._exponent)


@dataclass(frozen=True)
class Blocks:
    """All customers in blocks, kept in memory or on disk until `release`."""

    blocks: RDD[Block]
    """In about as many partitions as cores."""
    tasks: int
    count: int
    """At most so many blocks: their numbers are smaller."""
    views: tuple[View, ...]

    def each(self, run: Callable[[Iterable[Block]], Iterator[T]]) -> list[T]:
        """What `run` makes of the blocks of every partition: one Spark job."""
        # The RDD interface: a job costs two thirds of a data frame's, and blocks come one by one whatever Arrow's
        # batch size is set to.
        return self.blocks.mapPartitions(run).collect()

    def sums(self, statistics: Mapping[int, Statistic], grids: Mapping[int, Grid]) -> dict[int, Array]:
        """By the number of a view the sum over its blocks of what its statistic makes of each: one Spark job.

        The same bits however blocks lie in partitions. A view in which nobody takes part has no sum.
        """
        views = self.views

        def run(blocks: Iterable[Block]) -> Iterator[dict[int, Ints]]:
            total: dict[int, Ints] = {}
            for block in blocks:
                for v, statistic in statistics.items():
                    if views[v].within(block):
                        one = grids[v].whole(statistic(views[v].of(block), views[v].weights(block)))
                        total[v] = total[v] + one if v in total else one
            yield total

        if self.tasks > MANY_TASKS:
            total = self.blocks.mapPartitions(run).treeReduce(added)
        else:
            total = reduce(added, self.each(run))
        return {v: grids[v].numbers(t) for v, t in total.items()}

    def spread(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """What each call returns, made on all cores, in order: one Spark job that looks at no block."""
        context = self.blocks.context
        return context.parallelize(calls, context.defaultParallelism).map(lambda call: call()).collect()

    def seen_as(self, views: Sequence[View]) -> Blocks:
        """The same blocks under more views, which come after those they have: one Spark job looks at the new."""
        return replace(self, views=(*self.views, *_described(self, views)))

    def only(self, views: Sequence[int]) -> Blocks:
        """The same blocks under some of their views, by number."""
        return replace(self, views=tuple(self.views[v] for v in views))

    def release(self) -> None:
        """Gives the memory back."""
        self.blocks.unpersist()


def added(one: dict[int, Ints], other: dict[int, Ints]) -> dict[int, Ints]:
    """Number by number."""
    return {v: one[v] + other[v] if v in one and v in other else {**one, **other}[v] for v in one | other}


def pack(customers: DataFrame, columns: Sequence[Column], conditions: Sequence[Column], views: Sequence[View],
         count: int) -> Blocks:  # fmt: skip
    """Packs `columns` (double, about centred) of each customer, and which `conditions` (boolean) he meets.

    count: the number of customers, at least about. A block is a range of hashes of the customer's id, in order of hash
    and id, so it holds the same customers in the same order on any machine. Views come back with their customers and
    reach. Raises SegmentationError for a number that is not finite or beyond float32.
    """
    size = max(count, 1) / BLOCK_ROWS
    bits = max(0, math.ceil(math.log2(size)), min(int(math.log2(FEW)), math.floor(math.log2(4 * size))))
    number = F.shiftright(HASH, 64 - bits) + 2 ** (bits - 1) if bits else F.lit(0)
    # One task a core: an iteration is so short that more of them would cost more than they even out.
    tasks = min(2**bits, max(_cores(customers.sparkSession), 2**bits // TASK_BLOCKS))
    rows = customers.select(
        F.xxhash64("customer_id").alias(HASH), "customer_id",
        *(c.alias(f"x{i}") for i, c in enumerate(columns)), *(c.alias(f"is{i}") for i, c in enumerate(conditions)),
    ).withColumn(NUMBER, number)  # fmt: skip
    # One whole number sorts by radix; ids of equal hash are put in order in numpy.
    placed = rows.repartitionById(tasks, F.pmod(NUMBER, F.lit(tasks)).cast("int")).sortWithinPartitions(HASH)
    d, m = len(columns), len(conditions)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for at, table in _tables(batches):
            yield _packed(at, table, d, m)

    packed = placed.mapInArrow(run, PACKED).rdd.map(lambda row: _block(row, d, m))
    blocks = Blocks(packed.persist(StorageLevel.MEMORY_AND_DISK), tasks, 2**bits, ())
    try:
        return blocks.seen_as(views)
    except BaseException:
        blocks.release()
        raise


def _cores(spark: SparkSession) -> int:
    return spark.sparkContext.defaultParallelism


def _tables(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """Whole blocks out of batches that end anywhere, each with its number."""
    waiting: list[pa.RecordBatch] = []
    at = -1
    for batch in batches:
        numbers = batch.column(NUMBER).to_numpy()
        ends = np.append(np.flatnonzero(np.diff(numbers)) + 1, len(numbers))
        first = 0
        for end in ends.tolist():
            if end == first:
                continue
            if waiting and numbers[first] != at:
                yield at, pa.Table.from_batches(waiting)
                waiting = []
            at = int(numbers[first])
            waiting.append(batch.slice(first, end - first))
            first = end
    if waiting:
        yield at, pa.Table.from_batches(waiting)


def _packed(number: int, table: pa.Table, d: int, m: int) -> pa.RecordBatch:
    hashes = table.column(0).to_numpy()
    if len(np.unique(hashes)) < len(hashes):
        table = table.sort_by([(table.column_names[0], "ascending"), (table.column_names[1], "ascending")])
    columns = [table.column(i).combine_chunks() for i in range(2, table.num_columns)]
    x = np.empty((d, len(table)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for i in range(d):
            x[i] = columns[i].to_numpy(zero_copy_only=False)  # null becomes NaN, and is refused
    members = np.empty((m, len(table)), dtype=np.bool_)
    for i in range(m):
        members[i] = columns[d + i].fill_null(False).to_numpy(zero_copy_only=False)
    values = [[number], [len(table)], [x.tobytes()], [members.tobytes()]]
    types = [pa.int32(), pa.int32(), pa.binary(), pa.binary()]
    arrays = [pa.array(v, t) for v, t in zip(values, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, ["number", "customers", "x", "members"])


def _block(row: tuple[int, int, bytes, bytes], d: int, m: int) -> Block:
    number, n, x, members = row
    return Block(
        number, np.frombuffer(x, np.float32).reshape(d, n), np.frombuffer(members, np.bool_).reshape(m, n)
    )  # fmt: skip


def _described(blocks: Blocks, views: Sequence[View]) -> tuple[View, ...]:
    """The views with their customers and reach."""

    def run(some: Iterable[Block]) -> Iterator[list[tuple[dict[int, float], Array]]]:
        found = [(dict[int, float](), np.zeros(len(v.columns))) for v in views]
        for block in some:
            for view, (customers, reach) in zip(views, found, strict=True):
                if view.within(block):
                    x, weights = view.of(block), view.weights(block)
                    customers[block.number] = x.shape[1] if weights is None else float(weights.sum())
                    np.maximum(reach, np.abs(x).max(axis=1, initial=0), out=reach)
        yield found

    parts = blocks.each(run)
    described = []
    for i, view in enumerate(views):
        reach = np.max([part[i][1] for part in parts], axis=0)
        if not np.isfinite(reach).all():
            wrong = np.array(view.columns)[~np.isfinite(reach)].tolist()
            raise SegmentationError(
                f'"{view.name}": columns {wrong} of the vectors hold null, NaN, an infinite number or one beyond '
                "float32. Impute and cap them first, as segmentation.matrix does."
            )
        customers = math.fsum(n for part in parts for n in part[i][0].values())
        described.append(replace(view, customers=customers, reach=tuple(reach.tolist())))
    return tuple(described)
