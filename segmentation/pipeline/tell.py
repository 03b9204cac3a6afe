"""Telling people of a month: one message, on the terminal and by the channels of `conf/alerts.yml`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from pyspark.sql import Row
from pyspark.sql import functions as F

from segmentation.core.schemas import ALERTS, DRIFT_REPORT, SEGMENT_MODELS
from segmentation.io.channels import UndeliveredError, post, send
from segmentation.monitoring import REFIT, STOP, Judged, Message, message
from segmentation.pipeline.alerts import Alerts, load_alerts
from segmentation.pipeline.context import Context

DRIFT = "drift"
"""Of a monthly run's inputs its drift report."""
COLUMNS = ("dimension", "check", "subject", "value", "threshold", "verdict", "explanation", "owner")


def tell(context: Context, run: Row) -> Message:
    """Tells of a published month, or of the drift report (`run`) that has stopped one; returns what was said.

    Each channel gets a run's message once it takes it: what it has taken stands in `alerts`, and what it has not is
    offered again when the month is started again. Only the newest month goes out; a channel that fails is a warning.
    """
    drift = run["inputs"].get(DRIFT) if run["job"] == "monthly" else run["run_id"]
    rows = [] if drift is None else _rows(context, run["as_of"], drift)
    replaced = run["verdict"] == REFIT
    found = message(run["run_id"], run["as_of"], run["verdict"], rows, _names(context, run), replaced)
    context.steps.say(f"\n{found.text}")
    alerts = load_alerts(context.config)
    if alerts.everything or found.lines or run["verdict"] == STOP:
        _send(context, alerts, found)
    return found


def _rows(context: Context, as_of: dt.date, run_id: str) -> list[Judged]:
    rows = context.warehouse.read_run(DRIFT_REPORT, as_of, run_id).select(*COLUMNS).collect()
    # As the report has them: gravest first, and of the same gravity the farthest beyond its limit.
    return sorted((Judged(*r) for r in rows), key=lambda r: -r.value / (r.threshold or float("inf")))


def _names(context: Context, run: Row) -> dict[str, str]:
    rows = context.warehouse.read(SEGMENT_MODELS).where(F.col("model_version") == run["inputs"]["bundle"])
    pairs = rows.select(F.explode(F.arrays_zip("segment_ids", "segment_names")).alias("s")).select("s.*").collect()
    return {r["segment_ids"]: r["segment_names"] for r in pairs}


def _send(context: Context, alerts: Alerts, m: Message) -> None:
    channels = _channels(alerts, m)
    newest = context.runs.last_as_of("monthly")
    if not channels or (newest is not None and newest > m.as_of):
        return
    context.create_tables()
    told = context.warehouse.read(ALERTS).where(F.col("run_id") == m.run_id).collect()
    for channel in channels.keys() - {r["channel"] for r in told}:
        try:
            channels[channel]()
        except UndeliveredError as error:
            context.steps.say(f"  warning                 not told by {error}; start the month again to try again")
            continue
        row = {"run_id": m.run_id, "channel": channel, "as_of": m.as_of, "text": m.text, "told_at": _now()}
        context.warehouse.insert_missing(ALERTS, context.warehouse.frame(ALERTS, [row]))
        context.steps.say(f"  told                    by {channel}")


def _channels(alerts: Alerts, m: Message) -> Mapping[str, Callable[[], None]]:
    found: dict[str, Callable[[], None]] = {}
    if (hook := alerts.webhook) is not None:
        found["webhook"] = lambda: post(hook, m.run_id, m.payload(), _now())
    if (mail := alerts.email) is not None:
        concerned = [alerts.people[name] for name in m.concerns if name in alerts.people]
        found["email"] = lambda: send(mail, m.run_id, m.title, m.text, concerned)
    return found


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
