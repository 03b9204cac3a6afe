"""Telling people of a month: one message, on the terminal and by the channels of `conf/alerts.yml`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Row

from segmentation.core.errors import BadInputError, GuardError, SegmentationError
from segmentation.core.schemas import ALERTS, DRIFT_REPORT
from segmentation.io.channels import UndeliveredError, post, send
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.monitoring import FOLLOWED, NONE, REFUSED, STOP, WAITING, Judged, Message, message, refusal
from segmentation.pipeline.alerts import Alerts, load_alerts
from segmentation.pipeline.bundle import bundle_of, models_of, names_of
from segmentation.pipeline.context import Context
from segmentation.pipeline.fit import CHALLENGER, DRIFT

COLUMNS = ("dimension", "check", "subject", "value", "threshold", "verdict", "explanation", "owner")

UNREADABLE = "the files, or what is asked of them, are not as the mapping says; the job's last line says which and why"
"""What is told of a BadInputError."""


def tell(context: Context, run: Row) -> Message:
    """Tells of a published month, or of the drift report (`run`) that has stopped one; returns what was said.

    Each channel gets a run's message once it takes it: what it has taken stands in `alerts`, and what it has not is
    offered again when the month is started again, as long as it is the newest. A channel that fails is a warning.
    """
    drift = run["inputs"].get(DRIFT) if run["job"] == "monthly" else run["run_id"]
    rows = [] if drift is None else judged_rows(context, run["as_of"], drift)
    names = names_of(models_of(context, run["inputs"]["bundle"]))
    found = message(run["run_id"], run["as_of"], run["verdict"], rows, names, challenger_of(context, run))
    context.steps.say(f"\n{found.text}")
    alerts = load_alerts(context.config)
    if alerts.everything or found.lines or run["verdict"] == STOP:
        _send(context, alerts, found)
    return found


def tell_refusal(context: Context, as_ofs: Sequence[dt.date], error: BadInputError | GuardError) -> None:
    """Tells by the channels, once for each reason, that the job ends with this error, which it says itself.

    as_ofs: the months that were still to be done; it is the first of them that was never published, or the first. What
    goes wrong here is a warning. Values of the files, which a BadInputError may quote, go nowhere.
    """
    why = str(error) if isinstance(error, GuardError) else UNREADABLE
    try:
        unpublished = next((d for d in as_ofs if context.runs.latest("monthly", d) is None), None)
        found = refusal(unpublished or as_ofs[0], why, stands=unpublished is None)
        _send(context, load_alerts(context.config), found)
    except (SegmentationError, *SPARK_FAILED) as problem:
        context.steps.say(f"  warning                 nobody was told: {reason(problem)}")


def judged_rows(context: Context, as_of: dt.date, run_id: str) -> list[Judged]:
    """What a run of monitor_drift has written, as the drift report has it."""
    rows = context.warehouse.rows_of_run(DRIFT_REPORT, as_of, run_id)
    return [Judged(*(r[name] for name in COLUMNS)) for r in rows]


def challenger_of(context: Context, run: Row) -> str:
    """What became of segments that were to follow those of a month: WAITING, REFUSED, FOLLOWED or NONE.

    A month that is restated once others have taken over calls for none of its own.
    """
    next_up = context.runs.champion(run["as_of"] + dt.timedelta(days=1))
    asked = run["inputs"].get(CHALLENGER)
    if not asked:
        return FOLLOWED if next_up != run["inputs"]["bundle"] else NONE
    fit = context.runs.get(asked)
    if bundle_of(fit) == next_up:  # the gate's word, or a person's since
        return FOLLOWED
    return fit["verdict"] if fit["verdict"] in (REFUSED, WAITING) else NONE


def _send(context: Context, alerts: Alerts, m: Message) -> None:
    channels = _channels(context, alerts, m)
    newest = context.runs.last_as_of("monthly")
    if not channels or (newest is not None and newest > m.as_of):
        return
    context.warehouse.create([ALERTS])
    told = {r["channel"] for r in context.warehouse.rows(ALERTS) if r["run_id"] == m.run_id}
    for channel in (c for c in channels if c not in told):
        try:
            refused = channels[channel]()
        except UndeliveredError as error:
            context.steps.say(f"  warning                 not told by {error}; start the month again to try again")
            continue
        if refused:
            context.steps.say(f"  warning                 {channel}: {refused} of the recipients were refused")
        row = {"run_id": m.run_id, "channel": channel, "as_of": m.as_of, "text": m.text, "told_at": _now()}
        context.warehouse.insert_missing(ALERTS, context.warehouse.frame(ALERTS, [row]))
        context.steps.say(f"  told                    by {channel}")


def _channels(context: Context, alerts: Alerts, m: Message) -> Mapping[str, Callable[[], int]]:
    found: dict[str, Callable[[], int]] = {}
    if (hook := alerts.webhook) is not None:
        found["webhook"] = lambda: post(hook, m.run_id, m.payload(), _now())
    if (mail := alerts.email) is not None:
        concerned = [alerts.people[name] for name in m.concerns if name in alerts.people]
        for name in sorted(set(m.concerns) - set(alerts.people)):
            context.steps.say(f"  warning                 {name} has no address under `people` in conf/alerts.yml")
        found["email"] = lambda: send(mail, m.run_id, m.title, m.text, concerned, _now())
    return found


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
