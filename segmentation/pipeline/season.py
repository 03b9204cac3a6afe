"""The same month of last year as a second reference, so that Christmas is not drift."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
from pyspark.sql import Row

from segmentation.clustering import SweepConfig
from segmentation.clustering.blocks import Blocks
from segmentation.core.errors import GuardError
from segmentation.monitoring import Change, Histogram, count, fit_changes, take_standing, value_changes
from segmentation.pipeline.context import Context
from segmentation.pipeline.population import read_everyone
from segmentation.pipeline.reference import layer, pack_models
from segmentation.segments import Model

SIMILAR = 7
"""Months count as equally long, and dates as a year apart, whose days differ by no more."""


def year_before(context: Context, as_of: dt.date) -> Row | None:
    """The scoring run, shown today, of the as-of date nearest to a year before; None where none is near."""
    year_ago = as_of - dt.timedelta(days=365)
    near = [r for r in context.runs.of("monthly") if abs((r["as_of"] - year_ago).days) <= SIMILAR]
    return min(reversed(near), key=lambda r: abs((r["as_of"] - year_ago).days), default=None)


def against(
    context: Context, year_ago: Row, ordered: Sequence[Model], now: Sequence[Histogram], blocks: Blocks,
    sweep: SweepConfig, too_few: int,
) -> list[Change]:  # fmt: skip
    """What has changed from the customers of a year ago, seen by the models of today, to those of now.

    now, blocks: the features and customers of this month, as the drift report has them. Nothing where the features of
    then are not kept any more, which is said.
    """
    try:
        features_run = context.runs.get(year_ago["inputs"]["features"])
        everyone = read_everyone(context, year_ago["as_of"], features_run)
    except GuardError as error:
        context.steps.say(f"  a year ago              no second reference: {error}")
        return []
    layers = [layer(m) for m in ordered]
    with context.steps.step("a year ago") as facts:
        try:
            counted = count(everyone.features, [h.bins for h in now])
            packed = pack_models(everyone.features, ordered, everyone.scored)
            try:
                standing = take_standing(layers, packed, sweep.sample_seed, sweep.max_iterations)
            finally:
                packed.release()
        finally:
            everyone.release()
        then = [Histogram(h.bins, tuple(c.tolist())) for h, c in zip(now, counted, strict=True)]
        found = list(value_changes(then, [np.array(h.counts) for h in now]))
        found += fit_changes(layers, standing, blocks, sweep.max_iterations, too_few)
        facts.append(f"{year_ago['as_of']} as a second reference, {everyone.scored:,} customers")
    return found
