"""`make bench-sweep`: the speed and memory of the k sweep, as ratios of runs side by side.

Every measure sets two ways of the same work against each other in alternating order and is the ratio of the medians.
What counts on both sides alike stands in its name. MLlib's loop takes one of the five seeds in each round, so that five
rounds run all of it; fewer are reckoned up. Each part stands for itself, behind a small sweep that warms Spark up.
Vectors are mixtures of overlapping groups, so that nothing ends after two iterations.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from segmentation.clustering.blocks import BLOCK_ROWS, Blocks, pack
from segmentation.clustering.coreset import draw_coreset
from segmentation.clustering.indices import Indices, measure
from segmentation.clustering.lloyd import GROUP, STRIP, Model, Stack, cluster_sums, fit
from segmentation.clustering.sweep import SweepConfig, begin, finalists
from segmentation.clustering.views import View
from segmentation.io import open_session
from tests.benchmarks.data import BENCH
from tests.benchmarks.measure import Measure, Seconds, arguments, in_turn, peak_memory, print_peak, write

SEEDS = [11, 23, 37, 53, 71]
GRID = SweepConfig(k_min=2, k_max=15, seeds=SEEDS)
D = 12
GROUPS = 8
CHUNK = 50_000
Fitted = list[tuple[Model, Indices]]
Part = tuple[list[Measure], Seconds]


def points(start: int, rows: int, d: int) -> Any:
    """Rows `start` onwards of a mixture of GROUPS groups, (rows, d) standardised, the same wherever they are made."""
    rng = np.random.default_rng([7, start])
    centres = np.random.default_rng(3).normal(0, 1.2, (GROUPS, d))
    return ((centres[rng.integers(0, GROUPS, rows)] + rng.normal(size=(rows, d))) / 1.5).astype(np.float32)


def vectors(spark: SparkSession, rows: int, d: int = D) -> DataFrame:
    """customer_id and d columns x<i> (double), from Parquet files that are made once."""
    out = BENCH / f"vectors-{rows}x{d}"
    if not (out / "_SUCCESS").exists():

        def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for start in batch.column(0).to_pylist():
                    n = min(CHUNK, rows - start)
                    ids = [f"c{i:09d}" for i in range(start, start + n)]
                    columns = dict(zip((f"x{i}" for i in range(d)), points(start, n, d).astype(float).T, strict=True))
                    yield pa.RecordBatch.from_pydict({"customer_id": ids, **columns})

        ddl = "customer_id string, " + ", ".join(f"x{i} double" for i in range(d))
        spark.range(0, rows, CHUNK, 4).mapInArrow(make, ddl).write.mode("overwrite").parquet(str(out))
    return spark.read.parquet(str(out))


def packed(spark: SparkSession, rows: int, views: Sequence[View], d: int = D) -> Blocks:
    return pack(vectors(spark, rows, d), [F.col(f"x{i}") for i in range(d)], [], views, rows)


def everything(d: int = D) -> list[View]:
    return [View("all", tuple(range(d)))]


def stacked(spark: SparkSession, rows: int, views: Sequence[View], d: int = D) -> Fitted:
    """Ours, from files to indices."""
    blocks = packed(spark, rows, views, d)
    found = on_all(blocks)
    blocks.release()
    return found


def on_all(blocks: Blocks) -> Fitted:
    """Ours from packed blocks to indices, every seed on everybody."""
    models = fit(blocks, begin(GRID, blocks)[0], GRID.max_iterations)
    return list(zip(models, measure(blocks, models), strict=True))


def on_coreset(blocks: Blocks) -> Fitted:
    """The same by `engine: coreset`: every seed on a coreset, the best of each k on everybody."""
    small = draw_coreset(blocks, GRID.sample_seed)
    models = fit(blocks, finalists(GRID, small, begin(GRID, blocks, small=small)[0]), GRID.max_iterations)
    small.release()
    return list(zip(models, measure(blocks, models), strict=True))


def best_of_k(found: Fitted) -> dict[int, float]:
    """The lowest SSE of each k."""
    return {k: min(i.sse for m, i in found if m.k == k) for k in range(GRID.k_min, GRID.k_max + 1)}


def loop(spark: SparkSession, rows: int, seeds: Sequence[int], threads: int = 1) -> dict[tuple[int, int], float]:
    """What one would write with MLlib, from files to indices: SSE by k and seed."""
    assembler = VectorAssembler(inputCols=[f"x{i}" for i in range(D)], outputCol="features")
    cached = assembler.transform(vectors(spark, rows)).select("features").persist()
    evaluator = ClusteringEvaluator()

    def one(task: tuple[int, int]) -> float:
        model = KMeans(k=task[0], seed=task[1]).fit(cached)
        evaluator.evaluate(model.transform(cached))
        return float(model.summary.trainingCost)

    tasks = [(k, seed) for seed in seeds for k in range(GRID.k_min, GRID.k_max + 1)]
    with ThreadPoolExecutor(threads) as pool:
        costs = list(pool.map(one, tasks))
    cached.unpersist()
    return dict(zip(tasks, costs, strict=True))


def products(x: Any, c: Any, strips: int) -> None:
    """The two products of float32 that an iteration cannot do without, and nothing else, on one thread.

    x: (d, BLOCK_ROWS), c: (k, d). In pieces of the kernel's own size, which stay in the cache: as fast as they go.
    """
    out = np.empty((GROUP, STRIP), dtype=np.float32)
    for i in range(strips):
        strip = x[:, i % 4 * STRIP : (i % 4 + 1) * STRIP]
        for first in range(0, len(c), GROUP):
            product = np.matmul(c[first : first + GROUP], strip, out=out[: min(GROUP, len(c) - first)])
            product @ strip.T


def bare_products(work: tuple[int, int, int]) -> None:
    """`products` for (strips, d, centroids), in a process of its own."""
    strips, d, k = work
    rng = np.random.default_rng(1)
    x, c = (rng.normal(size=size).astype(np.float32) for size in ((d, BLOCK_ROWS), (k, d)))
    with threadpool_limits(1):
        products(x, c, strips)


def bare(pool: Any, cores: int, rows: int, found: Fitted) -> None:
    """The products of all iterations that `found` took, on all cores: processes that have begun already."""
    by_iteration = [sum(m.k for m, _ in found if m.iterations > i) for i in range(max(m.iterations for m, _ in found))]
    work = [(-(-rows // STRIP // cores), D, k) for k in by_iteration for _ in range(cores)]
    pool.map(bare_products, work, chunksize=1)


def scikit(x: Any) -> None:
    """scikit-learn over the same grid, on two threads, with as many iterations at most; no indices."""
    from sklearn.cluster import KMeans as InMemory

    with threadpool_limits(len(os.sched_getaffinity(0))):
        for k in range(GRID.k_min, GRID.k_max + 1):
            for seed in SEEDS:
                InMemory(k, n_init=1, max_iter=GRID.max_iterations, random_state=seed).fit(x)


def kernel_share(d: int, rounds: int) -> float:
    """The two bare products' share of the kernel's time, one thread, centroids of the whole grid."""
    x = np.ascontiguousarray(points(0, BLOCK_ROWS, d).T)
    rng = np.random.default_rng(2)
    stack = Stack.of([rng.normal(size=(k, d)) for k in range(GRID.k_min, GRID.k_max + 1) for _ in SEEDS])
    c = np.ascontiguousarray(stack.matrix[:, :d])
    with threadpool_limits(1):
        took: Seconds = {"kernel": [], "bare": []}
        for _ in range(20 * rounds):
            for name, way in (
                ("kernel", lambda: cluster_sums(x, stack)),
                ("bare", lambda: products(x, c, BLOCK_ROWS // STRIP)),
            ):
                start = time.perf_counter()
                way()
                took[name].append(time.perf_counter() - start)
    return statistics.median(took["bare"]) / statistics.median(took["kernel"])


def six_views(d: int = 5) -> list[View]:
    """Five dimensions of d columns each, and all of them."""
    dimensions = [View(f"dimension {i}", tuple(range(i * d, (i + 1) * d))) for i in range(5)]
    return [*dimensions, View("unified", tuple(range(5 * d)), None, (1.0,) * 5 * d)]


def driver(rows: int) -> None:
    """In a process of its own: a whole sweep; prints the driver's peak memory."""
    spark = open_session("bench")
    stacked(spark, rows, everything())
    print_peak(spark)


def against_loops(spark: SparkSession, rows: int, rounds: int) -> Part:
    """MLlib's loop and the same from a pool, one of the five seeds in each round; all five are reckoned from these."""
    found: dict[str, Fitted] = {}
    theirs: dict[tuple[int, int], float] = {}
    seeds = iter(SEEDS * rounds), iter(SEEDS * rounds)
    seconds = in_turn(
        {"stacked": lambda: found.update(ours=stacked(spark, rows, everything())),
         "loop, one seed": lambda: theirs.update(loop(spark, rows, [next(seeds[0])])),
         "loop from threads, one seed": lambda: loop(spark, rows, [next(seeds[1])], 4)},
        rounds,
    )  # fmt: skip
    ran = sorted({seed for _, seed in theirs})
    worst = max(sse / min(theirs[k, seed] for seed in ran) for k, sse in best_of_k(found["ours"]).items())
    ours = statistics.median(seconds["stacked"])
    whole, pool = (len(SEEDS) * statistics.mean(seconds[f"{way}, one seed"]) for way in ("loop", "loop from threads"))
    return [
        Measure("the loop of KMeans and ClusteringEvaluator over five seeds / stacked, from files", whole / ours, 40,
                True),
        Measure("the same from a pool of 4 threads / stacked", pool / ours, 30, True),
        Measure(f"worst of the best SSE of a k / that loop's best of {len(ran)} seeds", worst, 1.001),
    ], seconds  # fmt: skip


def against_products(spark: SparkSession, rows: int, rounds: int) -> Part:
    """The sweep, from files, beside the products that its iterations cannot do without; and the kernel alone."""
    found = stacked(spark, rows, everything())
    cores = len(os.sched_getaffinity(0))
    with get_context("spawn").Pool(cores) as pool:
        pool.map(bare_products, [(1, D, 2)] * 2 * cores, chunksize=1)
        ways = {"stacked": lambda: stacked(spark, rows, everything()),
                "bare products": lambda: bare(pool, cores, rows, found)}  # fmt: skip
        seconds = in_turn(ways, rounds)
    ours, products = (statistics.median(seconds[way]) for way in seconds)
    return [
        Measure("stacked, from files / its two bare products", ours / products, 4),
        Measure("bare products / kernel, one thread, d = 12", kernel_share(12, rounds), 0.55, True),
        Measure("bare products / kernel, one thread, d = 32", kernel_share(32, rounds), 0.65, True),
    ], seconds


def against_scikit(spark: SparkSession, rows: int, rounds: int) -> Part:
    """Both in memory, on four times the rows."""
    x = np.concatenate([points(start, CHUNK, D) for start in range(0, 4 * rows, CHUNK)])
    blocks = packed(spark, 4 * rows, everything())
    seconds = in_turn(
        {"in memory": lambda: fit(blocks, begin(GRID, blocks)[0], GRID.max_iterations),
         "scikit-learn": lambda: scikit(x)},
        rounds,
    )  # fmt: skip
    blocks.release()
    ours, theirs = (statistics.median(seconds[way]) for way in seconds)
    return [Measure("stacked / scikit-learn, both in memory, without indices", ours / theirs, 1.2)], seconds


def by_coreset(spark: SparkSession, rows: int, rounds: int) -> Part:
    """Ten times the rows, packed."""
    blocks = packed(spark, 10 * rows, everything())
    last: dict[str, Fitted] = {}
    seconds = in_turn(
        {"ten times the rows, packed": lambda: last.update(full=on_all(blocks)),
         "… by coreset": lambda: last.update(coreset=on_coreset(blocks))},
        min(rounds, 3),
    )  # fmt: skip
    blocks.release()
    full, sampled = best_of_k(last["full"]), best_of_k(last["coreset"])
    all_of_them, few = (statistics.median(seconds[way]) for way in seconds)
    return [
        Measure("ten times the rows, packed: all / coreset, with indices", all_of_them / few, 3, True),
        Measure("worst SSE of a k by coreset / that of all", max(sampled[k] / full[k] for k in full), 1.02),
    ], seconds


def six_together(spark: SparkSession, rows: int, rounds: int) -> Part:
    """Five dimensions and the unified one, at a tenth of the rows and at all of them."""
    measures, seconds = list[Measure](), Seconds()
    for n in (rows // 10, rows):
        six: list[Callable[[], object]] = [lambda v=v, n=n: stacked(spark, n, [v], 25) for v in six_views()]  # type: ignore[misc]
        at_once, in_order = f"six at once, {n:,}", f"six in turn, {n:,}"
        seconds |= in_turn(
            {at_once: lambda n=n: stacked(spark, n, six_views(), 25), in_order: lambda six=six: [way() for way in six]},  # type: ignore[misc]
            rounds if n < rows else 1,
        )
        ratio = statistics.median(seconds[in_order]) / statistics.median(seconds[at_once])
        measures.append(Measure(f"six sweeps in turn / all six at once, from files, {n:,} rows", ratio, 2, True))
    return measures, seconds


def ten_times(spark: SparkSession, rows: int, rounds: int) -> Part:
    """What grows with the rows, and what does not."""
    seconds = in_turn(
        {name: lambda n=n: stacked(spark, n, everything()) for name, n in (("once", rows), ("ten times", 10 * rows))},  # type: ignore[misc]
        rounds,
    )
    once, ten = (statistics.median(seconds[way]) for way in seconds)
    return [
        Measure("ten times the rows: time, from files", ten / once, 10.5),
        Measure("ten times the rows: driver memory", peak_memory("sweep", 10 * rows) / peak_memory("sweep", rows), 1.2),
    ], seconds


PARTS = {"loops": against_loops, "products": against_products, "scikit": against_scikit, "coreset": by_coreset,
         "six": six_together, "scale": ten_times}  # fmt: skip


def main() -> None:
    """Run everything (or the parts asked for), print the tables, write `build/bench/sweep.json`."""
    options = arguments(__doc__, "rows", 500_000, list(PARTS))
    if options.driver:
        driver(options.driver)
        return
    rows = options.rows
    spark = open_session("bench")
    for n, d in ((rows // 10, D), (rows, D), (4 * rows, D), (10 * rows, D), (rows // 10, 25), (rows, 25)):
        vectors(spark, n, d)
    for name in options.only:
        print(f"{name}: {rows:,} rows, {options.rounds} rounds", flush=True)
        stacked(spark, rows // 10, everything())
        write(name, *PARTS[name](spark, rows, options.rounds), BENCH / "sweep.json")


if __name__ == "__main__":
    main()
