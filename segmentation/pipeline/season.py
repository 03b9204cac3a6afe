"""The same month of last year as a second reference, so that Christmas is not drift."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.clustering import SweepConfig
from segmentation.clustering.blocks import Blocks
from segmentation.core.customers import Ints
from segmentation.core.errors import GuardError
from segmentation.core.schemas import SEGMENTS, STG_TRANSACTIONS
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.monitoring import Bins, Change, Histogram, count, fit_changes, take_standing, value_changes
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import run_features
from segmentation.pipeline.ingest import staged
from segmentation.pipeline.population import read_everyone
from segmentation.pipeline.reference import features_of, layer, pack_models, unsettled, young_layers
from segmentation.segments import Model

SIMILAR = 7
"""Months count as equally long, and dates as a year apart, whose days differ by no more."""


class NotKeptError(GuardError):
    """What a drift report was held against is not kept any more."""


def features_of_last_year(context: Context, as_of: dt.date, trained: dt.date) -> Row | None:
    """Those of the month whose as-of date is nearest to a year before, as shown today; else they are built from tiles.

    None where no line is staged of a year before that day, and for a day since the training: only an earlier one tells
    of the season. Held against a later one, a change that has come to stay would look as it did last year, and never be
    seen again.
    """
    day = _a_year_before(as_of)
    shown = context.runs.shown(SEGMENTS)
    near = [r for d, r in shown.items() if abs((d - day).days) <= SIMILAR and d < trained]
    if near:
        scored = min(near, key=lambda r: abs((r["as_of"] - day).days))
        return context.runs.get(scored["inputs"]["features"])
    if day >= trained:
        return None
    lines = context.warehouse.read(STG_TRANSACTIONS, staged(context)["output_versions"][STG_TRANSACTIONS.name])
    first = lines.agg(F.min("event_date")).collect()[0][0]
    if first is None or first > _a_year_before(day) + dt.timedelta(days=SIMILAR):
        return None
    return run_features(context, [day], follow=True)[0]


def _a_year_before(day: dt.date) -> dt.date:
    """The same day of the year before; of a 29 February the 28th."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def against(
    context: Context, features_run: Row, ordered: Sequence[Model], bins: Sequence[Bins], counts: Sequence[Ints],
    blocks: Blocks, sweep: SweepConfig, too_few: int, again: bool,
) -> list[Change] | None:  # fmt: skip
    """What has changed from the customers of `features_run`, a year ago, seen by the models of today, to those of now.

    counts (by `bins`), blocks: the features and customers of this month, as the drift report has them. None where what
    was known then is not kept any more, which is said. Nothing of a layer in which nobody had data then, and of what
    had not settled: where nothing was recorded yet, nothing is recorded now. again: for a report that was made when it
    was kept; then raises NotKeptError.
    """
    year_ago = features_run["as_of"]
    try:
        everyone = read_everyone(context, year_ago, features_run)
    except (GuardError, *SPARK_FAILED) as error:
        if again:
            raise NotKeptError(f"{year_ago} was its second reference: {reason(error)}") from None
        context.steps.say(f"  a year ago              no second reference: {error}")
        return None
    with context.steps.step("a year ago") as facts:
        try:
            counted = count(everyone.features, bins)
            packed = pack_models(everyone.features, ordered, everyone.scored)
            known = [v for v, view in enumerate(packed.views) if view.customers]
            layers, then_seen, now_seen = [layer(ordered[v]) for v in known], packed.only(known), blocks.only(known)
            try:
                standing = take_standing(layers, then_seen, sweep.sample_seed, sweep.max_iterations)
            finally:
                packed.release()
        finally:
            everyone.release()
        read = {b.feature for b in bins}.union(*(features_of(m) for m in ordered))
        growing = unsettled(context, features_run, read)
        young = young_layers({m.dimension: m for m in ordered}, growing)
        then = [Histogram(b, tuple(c.tolist())) for b, c in zip(bins, counted, strict=True)]
        found = [c for c in value_changes(then, counts) if c.subject not in growing]
        moved = fit_changes(layers, standing, now_seen, sweep.max_iterations, too_few)
        found += [c for c in moved if c.dimension not in young]
        facts.append(f"{year_ago} as a second reference, {everyone.scored:,} customers")
    return found
