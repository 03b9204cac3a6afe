"""Run by test_executors.py on a cluster: a sweep of made-up customers; says each Spark job, and what came out."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig
from segmentation.clustering.blocks import Blocks, pack
from segmentation.clustering.indices import measure
from segmentation.clustering.lloyd import fit
from segmentation.clustering.sweep import begin
from segmentation.clustering.views import View

D = 4
each = Blocks.each
JOBS = iter(range(1000))


def told(self: Blocks, run: Any) -> Any:
    """`Blocks.each`, which says when it begins."""
    print(f"job {next(JOBS)}", flush=True)
    return each(self, run)


def main(customers: int) -> None:
    """Sweeps k = 2..5 from two seeds over two views."""
    spark = SparkSession.builder.config("spark.sql.shuffle.partitions", "4").getOrCreate()
    config = SweepConfig(k_min=2, k_max=5, seeds=[11, 23], max_iterations=12)
    rows = spark.range(0, customers, 1, 4).select(
        F.concat(F.lit("c"), F.col("id")).alias("customer_id"),
        # Thousandths in −1..1, by hash: the same for a customer wherever they are made.
        *((F.pmod(F.xxhash64("id", F.lit(i)), F.lit(2001)) / 1000 - 1).alias(f"x{i}") for i in range(D)),
    )  # fmt: skip
    Blocks.each = told  # type: ignore[method-assign]
    views = [View("half", (0, 1), 0), View("all", tuple(range(D)), None, (1.0, 0.5, 0.25, 2.0))]
    blocks = pack(rows, [F.col(f"x{i}") for i in range(D)], [F.col("x0") > 0], views, customers)
    begun, _ = begin(config, blocks)
    print("begun", flush=True)
    models = fit(blocks, begun, config.max_iterations)
    print("fitted", flush=True)
    found = hashlib.sha256()
    for model, indices in zip(models, measure(blocks, models), strict=True):
        found.update(model.centroids.tobytes())
        found.update(repr(indices).encode())
    print("found", found.hexdigest(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
