"""The sweep: every k and seed of one dimension, fitted by an engine and measured together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator
from pyspark.ml.clustering import KMeansModel
from pyspark.sql import DataFrame

from segmentation.clustering.indices import Indices, measure
from segmentation.clustering.mllib import fit_kmeans
from segmentation.clustering.shards import Array
from segmentation.core.config import Strict
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import DIMENSIONS, UNIFIED


class SweepConfig(Strict):
    """`conf/sweep.yml`."""

    engine: Literal["mllib"] = "mllib"
    k_min: int = Field(2, ge=2)
    k_max: int = Field(8, ge=2)
    seeds: list[int] = Field([11, 23], min_length=1)
    max_iterations: int = Field(50, ge=1)
    sample_size: int = Field(50_000, ge=100)
    sample_seed: int = 7
    max_correlation: float = Field(0.9, gt=0, le=1)
    min_share: float = Field(0.03, ge=0, lt=0.5)
    min_actionable_k: int = Field(3, ge=1)
    tolerance: float = Field(0.05, ge=0)
    pinned_k: dict[str, int] = {}

    @model_validator(mode="after")
    def _consistent(self) -> SweepConfig:
        if self.k_max < self.k_min:
            raise ValueError(f"k_max {self.k_max} is below k_min {self.k_min}")
        if self.k_max < self.min_actionable_k:
            raise ValueError(
                f"k_max {self.k_max} is below min_actionable_k {self.min_actionable_k}: no k can be chosen"
            )
        for dimension, k in self.pinned_k.items():
            if dimension not in (*DIMENSIONS, UNIFIED):
                raise ValueError(
                    f'pinned_k of "{dimension}": no dimension. {nearest(dimension, (*DIMENSIONS, UNIFIED))}'
                )
            if k < 1:
                raise ValueError(f"pinned_k of {dimension} must be 1 or more")
        return self


@dataclass(frozen=True)
class Candidate:
    """One fitted (k, seed) of one dimension."""

    k: int
    seed: int
    iterations: int
    engine: str
    centroids: Array
    model: KMeansModel
    indices: Indices


def grid(config: SweepConfig, dimension: str, distinct: int) -> list[int]:
    """The values of k to try, at most the number of distinct points; the pinned one where a user says so.

    Raises ConfigError for a pinned k that the data cannot fill.
    """
    pinned = config.pinned_k.get(dimension)
    if pinned is not None:
        if pinned > distinct:
            raise ConfigError(
                f'k={pinned} needs at least {pinned} distinct customers in dimension "{dimension}"; it has {distinct}. '
                "Lower pinned_k in conf/sweep.yml."
            )
        return [pinned] if pinned > 1 else []
    return list(range(config.k_min, min(config.k_max, distinct) + 1))


def run_sweep(config: SweepConfig, dimension: str, sharded: DataFrame) -> list[Candidate]:
    """Fits the grid on `sharded` vectors and measures all candidates; empty where there is nothing to split.

    Candidates come sorted by k and seed.
    """
    distinct = sharded.select("x").distinct().limit(config.k_max + max(config.pinned_k.values(), default=0)).count()
    tasks = [(k, seed) for k in grid(config, dimension, distinct) for seed in config.seeds]

    def fit(task: tuple[int, int]) -> tuple[KMeansModel, Array, int]:
        return fit_kmeans(sharded, *task, config.max_iterations)

    # A fit is a chain of short jobs, most of it the driver's overhead: four at once keep two cores busy.
    with ThreadPoolExecutor(4) as pool:
        fitted = list(pool.map(fit, tasks))
    indices = measure(sharded, [centroids for _, centroids, _ in fitted])
    return [
        Candidate(k, seed, iterations, config.engine, centroids, model, i)
        for (k, seed), (model, centroids, iterations), i in zip(tasks, fitted, indices, strict=True)
    ]
