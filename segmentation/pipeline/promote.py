"""A person's word on which bundle serves: one that waits for it, one that the gate refused, or the one before."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Row

from segmentation.core.errors import BadInputError, nearest
from segmentation.core.schemas import SEGMENT_LINEAGE, UNIFIED
from segmentation.monitoring import WAITING
from segmentation.pipeline.bundle import bundle_of, check_features, load_bundle, models_of, names_of, published_models
from segmentation.pipeline.context import Context
from segmentation.pipeline.tracked import mirror
from segmentation.segments.matching import SAME


def run_approve(context: Context, by: str, effective: dt.date | None = None, reason: str = "",
                dry_run: bool = False) -> str:  # fmt: skip
    """Makes the newest bundle that waits for approval champion, and says what became of segments; returns its version.

    Raises BadInputError where none waits: it was approved already, or another serves now than it was held against.
    """
    waiting = _waiting(context)
    if waiting is None:
        raise BadInputError(
            "--approve: no bundle waits for approval. One does after a refit that changes segments, where "
            "conf/promotion.yml asks for approval; --bundle VERSION promotes any other."
        )
    run, version = waiting
    context.steps.say(f"promote: {run['reason']}")
    for line in _changes(context, run):
        context.steps.say(f"  {line}")
    return run_promote(context, by, version, effective, reason or "approved", dry_run)


def run_promote(
    context: Context, by: str, bundle: str | None, effective: dt.date | None = None, reason: str = "",
    dry_run: bool = False,
) -> str:  # fmt: skip
    """Makes a published bundle champion from an as-of date on; returns its version.

    `bundle` None goes back to the champion before the newest. Without `effective` it serves from the day after the
    last as-of date that is scored: no published date changes its labels. Raises BadInputError for a bundle that is not
    published, a date that is scored already, or where there is no champion before; GuardError where a file of the
    models was altered or a feature that they need is off.
    """
    runs, say = context.runs, context.steps.say
    newest, since = _newest(context)
    version = _before(context, newest) if bundle is None else _known(context, bundle)
    scored = runs.last_as_of("monthly")
    free = since if scored is None else scored + dt.timedelta(days=1)
    if effective is not None and scored is not None and effective <= scored:
        raise BadInputError(
            f"--as-of {effective}: dates up to {scored} are scored, and keep their labels. Choose {free} or later."
        )
    # What takes effect later than the next date would win over what goes back before it.
    start = effective or (max(free, since) if bundle is None else free)
    if runs.champion(start) == version:
        say(f"promote: {version} is champion from {start} on already")
        return version
    check_features(context, load_bundle(context, version))
    said = f"{version} in place of {runs.champion(start)} from {start} on, by {by}"
    if dry_run:
        say(f"promote: would make champion {said}")
        return version
    runs.promote(version, start, by, reason or ("back to the bundle before" if bundle is None else "by hand"))
    say(f"promote: champion is {said}")
    if runs.newest_champion() == version:
        mirror(context, models_of(context, version), "champion")
    else:
        say(f"  later                   {runs.newest_champion()} takes over again: it is promoted for a later date")
    return version


def _waiting(context: Context) -> tuple[Row, str] | None:
    """The newest fit that waits for a person and was held against the bundle that serves, and its bundle."""
    serves = context.runs.newest_champion()
    for run in reversed(context.runs.of("fit_segments")):
        if run["verdict"] == WAITING and run["inputs"].get("champion") == serves:
            version = bundle_of(run)
            return None if context.runs.promoted(version) else (run, version)
    return None


def _changes(context: Context, run: Row) -> list[str]:
    """What became of unified segments, a line each that is not the same."""
    lineage = context.warehouse.rows_of_run(SEGMENT_LINEAGE, run["as_of"], run["run_id"])
    rows = [r for r in lineage if r["dimension"] == UNIFIED and r["relation"] != SAME]
    models = [r for r in published_models(context) if r["dimension"] == UNIFIED]
    names = {segment: f"{name} ({segment})" for segment, name in names_of(models).items()}
    return [
        f"{r['relation']:<24}{names.get(r['from_segment_id'], '–')} → {names.get(r['to_segment_id'], '–')}"
        for r in sorted(rows, key=lambda r: (r["relation"], r["from_segment_id"], r["to_segment_id"]))
    ]


def _newest(context: Context) -> tuple[str, dt.date]:
    """The champion of the latest as-of date, and since which."""
    promotions = context.runs.promotions()
    if not promotions:
        raise BadInputError(
            f"{context.warehouse.root}: no bundle has been promoted yet. Run jobs/fit_segments.py or jobs/monthly.py."
        )
    return promotions[-1]["model_version"], promotions[-1]["effective_from_as_of"]


def _before(context: Context, newest: str) -> str:
    rows = context.runs.promotions()
    before = next((r["model_version"] for r in reversed(rows) if r["model_version"] != newest), None)
    if before is None:
        raise BadInputError(f"--back: {newest} is the first champion; there is none before it to go back to.")
    return str(before)


def _known(context: Context, bundle: str) -> str:
    """Raises BadInputError for a bundle that no published run has fitted."""
    known = sorted(bundle_of(r) for r in context.runs.of("fit_segments"))
    if bundle not in known:
        raise BadInputError(f'--bundle "{bundle}" is not among the published bundles. {nearest(bundle, known)}')
    return bundle
