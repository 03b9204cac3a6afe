"""Who stays in the segment of the month before, although another is a little nearer by now: `conf/stickiness.yml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.views import Array
from segmentation.core.config import Strict

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
    """One row per customer of an as-of date's `segments`: held_<i> and said_<i> for each of these dimensions in order.

    Held is the segment that the customer was put into, rules apart, and said the model's own word, both as places in
    the dimension's `segment_ids`; −1 for what is not among them, null for who was not there. A business rule sets a
    segment for as long as it holds: who leaves it goes by the model's word.
    """
    held = F.when(F.col("rule_applied").isNull(), F.col("segment_id")).otherwise(F.col("raw_segment_id"))
    # Numbers: the greatest of texts would be found by sorting everybody.
    return segments.groupBy("customer_id").agg(*(
        F.max(F.when(F.col("dimension") == d, F.array_position(F.array(*map(F.lit, ids)), of).cast("int") - 1))
        .alias(f"{word}_{i}")
        for i, (d, ids) in enumerate(segment_ids.items())
        for word, of in zip(WORDS, (held, F.col("raw_segment_id")), strict=True)
    ))  # fmt: skip


WORDS = ("held", "said")
