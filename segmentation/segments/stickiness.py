"""Who stays in the segment of the month before, although another is a little nearer by now: `conf/stickiness.yml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.sweep import MOST_CLUSTERS
from segmentation.clustering.views import Array
from segmentation.core.config import Strict
from segmentation.core.schemas import ALL_DIMENSIONS

Ints = npt.NDArray[np.intp]


class Stickiness(Strict):
    """The file."""

    min_score: float = Field(ge=0, le=100)


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


def held_before(segments: DataFrame, segment_ids: Mapping[str, Sequence[str]]) -> DataFrame:
    """One row per customer of an as-of date's `segments`: WORDS, each the clusters of these dimensions in one number.

    Held is the segment that the customer was put into, rules apart, and said the model's own word, both as places in
    the dimension's `segment_ids`; see `clusters_of`. A business rule sets a segment for as long as it holds: who leaves
    it goes by the model's word. One number each, as the greatest of texts would be found by sorting everybody.
    """
    of = (F.when(F.col("rule_applied").isNull(), F.col("segment_id")).otherwise(F.col("raw_segment_id")),
          F.col("raw_segment_id"))  # fmt: skip
    place = F.coalesce(
        *(
            F.when(F.col("dimension") == d, F.struct(*(
                F.shiftleft(F.array_position(F.array(*map(F.lit, ids)), text).cast("bigint"), BITS * i).alias(word)
                for word, text in zip(WORDS, of, strict=True)
            )))
            for i, (d, ids) in enumerate(segment_ids.items())
        )
    )  # fmt: skip
    placed = segments.select("customer_id", place.alias("place"))
    return placed.groupBy("customer_id").agg(*(F.sum(f"place.{word}").alias(word) for word in WORDS))


def clusters_of(words: npt.NDArray[np.int64], number: int) -> Ints:
    """Of the dimension in this place among those of `held_before` the clusters; −1 for what was none of them.

    >>> clusters_of(np.array([0, 1, 3 << 10]), 0).tolist(), clusters_of(np.array([0, 1, 3 << 10]), 1).tolist()
    ([-1, 0, -1], [-1, -1, 2])
    """
    return ((words >> (BITS * number)) & ((1 << BITS) - 1)).astype(np.intp) - 1


WORDS = ("held", "said")
BITS = 10
"""Of a cluster's number: more than MOST_CLUSTERS, and those of all dimensions are a bigint."""
assert 1 << BITS > MOST_CLUSTERS + 1
assert BITS * len(ALL_DIMENSIONS) < 64
