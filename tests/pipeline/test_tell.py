"""Who is told of a month, and when not: channels that take it, that refuse it, and a month that is not the newest."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from segmentation.core.errors import BadInputError, GuardError, SegmentationError
from segmentation.io.channels import Email, UndeliveredError, Webhook
from segmentation.monitoring import FOLLOWED, NONE, REFUSED, WAITING, Message
from segmentation.pipeline import tell
from segmentation.pipeline.alerts import Alerts
from segmentation.pipeline.bundle import bundle_of

NOVEMBER, DECEMBER = dt.date(2024, 11, 1), dt.date(2024, 12, 1)
HOOK = Webhook(url="https://example.org", secret="$SECRET")
MAIL = Email(server="mail.example.org", sender="us@example.org", to=["all@example.org"])


class Warehouse:
    """The rows of `alerts`."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def create(self, _: object) -> None:
        pass

    def rows(self, _: object) -> list[dict[str, Any]]:
        return self.told

    def frame(self, _: object, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows

    def insert_missing(self, _: object, rows: list[dict[str, Any]]) -> None:
        self.told += rows


class Surroundings:
    """As much of a context as telling needs."""

    def __init__(self, newest: dt.date | None) -> None:
        self.warehouse, self.runs, self.steps, self.said, self.newest = Warehouse(), self, self, list[str](), newest

    def last_as_of(self, _: str) -> dt.date | None:
        return self.newest

    def say(self, text: str) -> None:
        self.said.append(text)

    def latest(self, _: str, as_of: dt.date) -> dt.date | None:
        return as_of if self.newest is not None and as_of <= self.newest else None


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def post(hook: Webhook, message_id: str, payload: dict[str, Any], now: dt.datetime) -> int:
        found.append(("webhook", payload))
        if len([c for c, _ in found if c == "webhook"]) == 1:
            raise UndeliveredError("webhook: answered with status 500")
        return 0

    def send(mail: Email, message_id: str, subject: str, text: str, concerned: list[str], now: dt.datetime) -> int:
        found.append(("email", concerned))
        return 1

    monkeypatch.setattr(tell, "post", post)
    monkeypatch.setattr(tell, "send", send)
    return found


def message(*concerns: str, as_of: dt.date = DECEMBER) -> Message:
    return Message("r1", as_of, "rescored", "a title", ("a line",), concerns)


def test_a_channel_that_has_taken_it_is_not_asked_again_and_the_other_one_is(sent: list[tuple[str, Any]]) -> None:
    context: Any = Surroundings(DECEMBER)
    alerts = Alerts(webhook=HOOK, email=MAIL, people={"CRM": "crm@example.org"})
    for _ in range(3):
        tell._send(context, alerts, message("CRM", "Head"))
    payload = {"run_id": "r1", "as_of": "2024-12-01", "verdict": "rescored", "title": "a title", "lines": ["a line"],
               "concerns": ["CRM", "Head"]}  # fmt: skip
    assert sent == [("webhook", payload), ("email", ["crm@example.org"]), ("webhook", payload)]
    assert [(r["run_id"], r["channel"]) for r in context.warehouse.told] == [("r1", "email"), ("r1", "webhook")]
    said = "\n".join(context.said)
    assert "not told by webhook: answered with status 500; start the month again" in said
    assert "email: 1 of the recipients were refused" in said
    assert "Head has no address under `people` in conf/alerts.yml" in said


@pytest.fixture
def by_email(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tell, "load_alerts", lambda _: Alerts(email=MAIL))


@pytest.mark.usefixtures("by_email")
def test_a_refusal_is_told_once_for_each_reason(sent: list[tuple[str, Any]]) -> None:
    context: Any = Surroundings(NOVEMBER)
    context.config = None
    for lines in ("40 lines", "40 lines", "50 lines"):
        tell.tell_refusal(context, [NOVEMBER, DECEMBER], GuardError(f"2024-11 has {lines}"))
    assert [c for c, _ in sent] == ["email", "email"]
    first, second = context.warehouse.told
    assert first["text"] == (
        "Segments as of 2024-12-01: not published: the data, or what was made of them, were refused\n"
        "  - 2024-11 has 40 lines"
    )
    assert second["text"].endswith("2024-11 has 50 lines")
    assert {r["as_of"] for r in context.warehouse.told} == {DECEMBER}


@pytest.mark.usefixtures("by_email", "sent")
def test_a_refusal_tells_no_value_of_the_files_and_nothing_untrue_of_a_published_month() -> None:
    context: Any = Surroundings(DECEMBER)
    context.config = None
    tell.tell_refusal(context, [DECEMBER], BadInputError("customers: none of 5 rows; e-mail is jo@example.org"))
    [row] = context.warehouse.told
    assert row["text"].startswith("Segments as of 2024-12-01: unchanged, as published: the data")
    assert "jo@" not in row["text"]


@pytest.mark.usefixtures("by_email", "sent")
def test_that_nobody_could_be_told_is_a_warning() -> None:
    context: Any = Surroundings(NOVEMBER)
    context.config = None

    def create(_: object) -> None:
        raise SegmentationError("alerts has another type")

    context.warehouse.create = create
    tell.tell_refusal(context, [DECEMBER], GuardError("refused"))
    assert context.said == ["  warning                 nobody was told: alerts has another type"]


@pytest.mark.parametrize(
    ("newest", "goes_out"), [(None, True), (NOVEMBER, True), (DECEMBER, True), (dt.date(2025, 1, 1), False)]
)
def test_an_older_month_than_the_newest_is_told_to_nobody(
    sent: list[tuple[str, Any]], newest: dt.date | None, goes_out: bool
) -> None:
    context: Any = Surroundings(newest)
    tell._send(context, Alerts(email=MAIL), message())
    assert bool(sent) == goes_out


def test_without_channels_nothing_is_touched() -> None:
    context: Any = Surroundings(DECEMBER)
    context.warehouse = None
    tell._send(context, Alerts(), message())


@pytest.mark.parametrize(
    ("asked", "verdict", "next_up", "found"),
    [
        (True, "refused", "b1", REFUSED),
        (True, "waits", "b1", WAITING),
        (True, "waits", "b2", FOLLOWED),  # a person has approved of it
        (True, "passed", "b2", FOLLOWED),
        (False, "-", "b2", FOLLOWED),  # restated once others have taken over
        (False, "-", "b1", NONE),
    ],
)
def test_what_became_of_the_segments_that_were_to_follow_is_known_by_who_serves_next(
    asked: bool, verdict: str, next_up: str, found: str
) -> None:
    fit = {"as_of": DECEMBER, "run_id": "fit-2", "verdict": verdict}
    serving = bundle_of(fit) if asked and next_up == "b2" else next_up  # type: ignore[arg-type]
    runs = SimpleNamespace(get=lambda _: fit, champion=lambda as_of: "b1" if as_of == DECEMBER else serving)
    month: Any = {"as_of": DECEMBER, "inputs": {"bundle": "b1", **({"challenger": "fit-2"} if asked else {})}}
    context: Any = SimpleNamespace(runs=runs)
    assert tell.challenger_of(context, month) == found
