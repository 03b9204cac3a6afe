"""Whether more customers than usual have changed segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from segmentation.monitoring.chance import next_chance
from segmentation.monitoring.verdict import Change

USUAL = 6
"""Months before that say what is usual, at least: from fewer, chance reaches farther than any share."""


def migration_changes(
    dimension: str, now: tuple[int, int], before: Sequence[tuple[int, int]]
) -> Iterator[Change]:  # fmt: skip
    """How far the share of returning customers that changed segment is above its mean over the months before.

    now, before: (changed, returning) of this month and of the earlier ones with the same models.
    """
    if not now[1]:
        return
    share, shares = now[0] / now[1], np.array([moved / of for moved, of in before if of])
    if not len(shares):
        return
    usual = float(shares.mean())
    yield Change(
        dimension, "migration_share", dimension, max(share - usual, 0.0),
        partial(next_chance, float(shares.std(ddof=1)), len(shares)) if len(shares) >= USUAL else None,
        f"{share:.1%} of the returning customers changed segment, {usual:.1%} in the "
        + (f"{len(shares)} months before" if len(shares) > 1 else "month before"),
    )  # fmt: skip
