"""Webhook and e-mail against servers of this process: signed, tried again, and a failure that says why."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from segmentation.core.errors import ConfigError
from segmentation.io import channels
from segmentation.io.channels import Email, UndeliveredError, Webhook, post, send, sign
from tests.conftest import free_port
from tests.receiver import receiver

NOW = dt.datetime(2024, 12, 1, 8, tzinfo=dt.UTC)
PAYLOAD = {"run_id": "r1", "title": "Segmente für Zürich"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "WAIT", 0.01)
    monkeypatch.setenv("HOOK_SECRET", "s3cret")


def hook(url: str, **others: float) -> Webhook:
    return Webhook.model_validate({"url": url, "secret": "$HOOK_SECRET", **others})


def test_a_receiver_that_knows_the_secret_can_check_the_message() -> None:
    with receiver(204) as (url, taken):
        post(hook(url), "r1", PAYLOAD, NOW)
    [(headers, body)] = taken
    assert json.loads(body) == PAYLOAD
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("r1", str(int(NOW.timestamp())))
    signed = b"r1." + headers["webhook-timestamp"].encode() + b"." + body
    expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    """A byte at a time, each well within the timeout, until whoever reads has gone."""
    ended = threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            try:
                while not ended.wait(0.05):
                    self.request.sendall(b".")
            except OSError:
                ended.set()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert post(hook(f"http://127.0.0.1:{server.server_address[1]}"), "r1", PAYLOAD, NOW) == 0
        assert ended.wait(10)  # the connection was closed, not left to go on
        server.shutdown()


def test_it_is_signed_as_receivers_libraries_expect() -> None:
    """The example in the documentation of the specification's authors."""
    key, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    found = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_is_none_is_refused_before_anything_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in ("whsec_abc", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*"):
        monkeypatch.setenv("HOOK_SECRET", broken)
        with pytest.raises(ConfigError, match="what follows whsec_ in `secret` is no base64"):
            hook("https://example.org").ready()


def test_it_is_tried_again_after_an_error_of_the_server_and_after_silence() -> None:
    with receiver(503, 429, 200) as (url, taken):
        post(hook(url), "r1", PAYLOAD, NOW)
    assert [h["webhook-id"] for h, _ in taken] == ["r1"] * 3
    with receiver(1.0, 200) as (url, taken):
        post(hook(url, timeout_seconds=0.2), "r1", PAYLOAD, NOW)
    assert len(taken) == 2


def test_what_is_not_taken_is_said_without_address_or_secret() -> None:
    with (
        receiver(503, 503) as (url, taken),
        pytest.raises(UndeliveredError, match=r"^webhook: answered with status 503$"),
    ):
        post(hook(url, attempts=2), "r1", PAYLOAD, NOW)
    assert len(taken) == 2
    with receiver(400) as (url, taken), pytest.raises(UndeliveredError, match=r"^webhook: answered with status 400$"):
        post(hook(url), "r1", PAYLOAD, NOW)
    assert len(taken) == 1  # the receiver has said that it is wrong: again would be the same
    with receiver(302) as (url, taken), pytest.raises(UndeliveredError, match="status 302"):
        post(hook(url), "r1", PAYLOAD, NOW)
    assert len(taken) == 1  # the answer names this very receiver as the place to go on
    with pytest.raises(UndeliveredError, match=r"^webhook: \w+ after 2 attempts$"):
        post(hook(f"http://127.0.0.1:{free_port()}/secret-path", attempts=2), "r1", PAYLOAD, NOW)


def test_a_secret_that_is_not_set_is_asked_for_and_one_in_the_file_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(ConfigError, match=r"conf/alerts\.yml: webhook: `secret` is \$HOOK_SECRET, and that is not set"):
        hook("http://127.0.0.1/").ready()
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    monkeypatch.setenv("HOOK_URL", "127.0.0.1/hook")
    with pytest.raises(ConfigError, match=r"webhook: `url` is no address that begins with https:// or http://"):
        hook("$HOOK_URL").ready()
    with pytest.raises(ValueError, match="pattern"):
        Webhook(url="http://127.0.0.1/", secret="s3cret")


def test_a_mail_goes_to_everybody_and_to_whom_it_concerns() -> None:
    with mail_server() as (port, taken):
        assert send(mail(port), "r1", "Segmente", "they hold", ["crm@shop.example", "all@shop.example"], NOW) == 0
    said = "\n".join(taken)
    assert [line[5:] for line in taken if line.lower().startswith("rcpt")] == [
        "TO:<all@shop.example>",
        "TO:<crm@shop.example>",
    ]
    assert "Message-ID: <r1@segmentation>" in said
    assert "they hold" in said


def test_a_mail_that_is_refused_or_finds_no_server_is_said() -> None:
    with mail_server(refuse="crm") as (port, taken):
        assert send(mail(port), "r1", "s", "t", ["crm@shop.example"], NOW) == 1  # the others have it
    assert "." in taken
    with mail_server(refuse="@") as (port, _), pytest.raises(UndeliveredError, match="SMTPRecipientsRefused"):
        send(mail(port), "r1", "s", "t", [], NOW)
    with (
        mail_server() as (port, _),
        pytest.raises(UndeliveredError, match="SMTPNotSupportedError from the mail server"),
    ):
        send(mail(port, starttls=True), "r1", "s", "t", [], NOW)  # never in the clear where that was not allowed
    with pytest.raises(UndeliveredError, match="e-mail: ConnectionRefusedError"):
        send(mail(free_port()), "r1", "s", "t", [], NOW)


def mail(port: int, starttls: bool = False) -> Email:
    return Email(server="127.0.0.1", port=port, starttls=starttls, sender="us@shop.example", to=["all@shop.example"])


@contextmanager
def mail_server(refuse: str = "nobody") -> Iterator[tuple[int, list[str]]]:
    """As much of SMTP (RFC 5321) as a client needs; keeps every line that it was sent."""
    taken: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.answer("220 ready")
            in_data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                taken.append(line)
                if in_data:
                    in_data = line != "."
                    if not in_data:
                        self.answer("250 taken")
                elif line.lower() == "data":
                    in_data = True
                    self.answer("354 go on")
                elif line.lower() == "quit":
                    self.answer("221 bye")
                    return
                else:
                    self.answer("550 no such box" if line.lower().startswith("rcpt") and refuse in line else "250 fine")

        def answer(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], taken
        finally:
            server.shutdown()
