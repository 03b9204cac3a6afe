"""Who stays in the segment of the month before, although another is a little nearer by now: `conf/stickiness.yml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.views import Array
from segmentation.core.config import Strict
from segmentation.core.schemas import ALL_DIMENSIONS

Ints = npt.NDArray[np.intp]


class Stickiness(Strict):
    """The file."""

    min_score: float = Field(ge=0, le=100)


@dataclass(frozen=True)
class Before:
    """Of some customers the segment that the month before put them into, rules apart, and the model's own word then."""

    held: pa.Array
    said: pa.Array

    def clusters(self, segment_ids: Sequence[str]) -> tuple[Ints, Ints]:
        """Both as clusters of a model; −1 where it has no such segment."""
        ids = pa.array(segment_ids)
        held, said = (pc.index_in(c, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
                      for c in (self.held, self.said))  # fmt: skip
        return held.astype(np.intp), said.astype(np.intp)


def keep(
    x: Array, centroids: Array, own: Ints, distance: Array, before: tuple[Ints, Ints], min_score: float
) -> tuple[Ints, Array]:
    """The cluster that rows x (n, d) are published in, and the distance to it of those who stay; NaN for the others.

    own, distance: the nearest centroid; before: clusters held and said the month before, −1 for none. A customer stays
    where held unless the model says the new cluster for the second time running, or with a score against the old one,
    100·(distance to it − distance)/distance to it, of at least `min_score`.

    >>> x, centroids = np.array([[0.51], [0.51], [0.9]]), np.array([[0.0], [1.0]])
    >>> own, distance = np.array([1, 1, 1]), np.array([0.49, 0.49, 0.1])
    >>> keep(x, centroids, own, distance, (np.array([0, 0, 0]), np.array([0, 1, 0])), 5)[0].tolist()
    [0, 1, 1]
    """
    held, said = before
    asked = (held >= 0) & (held != own) & (said != own)
    away = np.full(len(x), np.nan)
    away[asked] = np.sqrt(((x[asked] - centroids[held[asked]]) ** 2).sum(axis=1))
    score = 100 * (away - distance) / np.where(away > 0, away, 1)
    stays = asked & (score < min_score)
    return np.where(stays, held, own), np.where(stays, away, np.nan)


def held_before(segments: DataFrame) -> DataFrame:
    """One row per customer of an as-of date's `segments`: held_<i> and said_<i> for each dimension in order.

    A business rule sets a segment for as long as it holds: who leaves it goes by the model's word.
    """
    held = F.when(F.col("rule_applied").isNull(), F.col("segment_id")).otherwise(F.col("raw_segment_id"))
    pair = F.struct(held.alias("held"), F.col("raw_segment_id").alias("said"))
    of = [F.max(F.when(F.col("dimension") == d, pair)).alias(f"of_{i}") for i, d in enumerate(ALL_DIMENSIONS)]
    wide = segments.groupBy("customer_id").agg(*of)
    return wide.select(
        "customer_id", *(F.col(f"of_{i}.{c}").alias(f"{c}_{i}") for i in range(len(ALL_DIMENSIONS)) for c in WORDS)
    )


WORDS = ("held", "said")
