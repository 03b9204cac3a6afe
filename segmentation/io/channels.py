"""Ways out of the system for a message: a signed JSON webhook and e-mail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage

import urllib3
from pydantic import Field

from segmentation.core.config import Strict
from segmentation.core.errors import ConfigError
from segmentation.io.secrets import secret

WAIT = 0.5
"""Seconds before the second retry; each further one waits twice as long (the first does not wait)."""


class Webhook(Strict):
    """Where JSON goes by POST. `$NAME` is taken from the environment: address and secret stay out of files."""

    url: str
    secret: str = Field(pattern=r"^\$\w+$")
    timeout_seconds: float = Field(5, gt=0)
    attempts: int = Field(4, ge=1)

    def ready(self) -> tuple[str, str]:
        """Address and secret. Raises ConfigError for a variable that is not set, and an address that is none."""
        where = "conf/alerts.yml: webhook"
        url, key = secret(where, "url", self.url), secret(where, "secret", self.secret)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"{where}: `url` is no address that begins with https:// or http://.")
        return url, key


class Email(Strict):
    """The mail server and who is written to; `$NAME` is taken from the environment."""

    server: str
    port: int = 587
    starttls: bool = True
    user: str | None = Field(None, pattern=r"^\$\w+$")
    password: str | None = Field(None, pattern=r"^\$\w+$")
    sender: str
    to: list[str] = Field(min_length=1)
    timeout_seconds: float = Field(10, gt=0)

    def ready(self) -> tuple[str, tuple[str, str] | None]:
        """Server, and user and password where there are any. Raises ConfigError for a variable that is not set."""
        where = "conf/alerts.yml: email"
        server = secret(where, "server", self.server)
        if self.user is None or self.password is None:
            return server, None
        return server, (secret(where, "user", self.user), secret(where, "password", self.password))


class UndeliveredError(Exception):
    """Nobody has taken the message; says why, without address or secret."""


def sign(key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Signature of a webhook by the Standard Webhooks specification: v1 and base64 of an HMAC-SHA256.

    Receivers compute the same over `webhook-id.webhook-timestamp.body`, and compare; a repeated id is the same message
    again. Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def post(hook: Webhook, message_id: str, payload: Mapping[str, object], now: datetime) -> None:
    """Raises UndeliveredError where no attempt has ended in a status of 2xx.

    Tried again after no answer in time, a lost connection, and the statuses 429, 500, 502, 503 and 504.
    """
    url, key = hook.ready()
    body, at = json.dumps(payload, ensure_ascii=False).encode(), int(now.timestamp())
    headers = {"content-type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(at),
               "webhook-signature": sign(key, message_id, at, body)}  # fmt: skip
    # A POST is repeated too: the id tells the receiver that it is the same message.
    retries = urllib3.Retry(hook.attempts - 1, backoff_factor=WAIT, status_forcelist=(429, 500, 502, 503, 504),
                            allowed_methods=None, raise_on_status=False, redirect=0)  # fmt: skip
    try:
        with urllib3.PoolManager(timeout=hook.timeout_seconds, retries=retries) as pool:
            status = pool.request("POST", url, body=body, headers=headers).status
    except urllib3.exceptions.HTTPError as error:
        cause = getattr(error, "reason", None) or error
        raise UndeliveredError(f"webhook: {type(cause).__name__} after {hook.attempts} attempts") from None
    if not 200 <= status < 300:
        raise UndeliveredError(f"webhook: answered with status {status}")


def send(mail: Email, message_id: str, subject: str, text: str, concerned: Sequence[str]) -> None:
    """One e-mail to all of `to` and `concerned`. Raises UndeliveredError where the server does not take it."""
    (host, login), found = mail.ready(), EmailMessage()
    found["Subject"], found["From"] = subject, mail.sender
    found["To"] = ", ".join(dict.fromkeys([*mail.to, *concerned]))
    found["Message-ID"] = f"<{message_id}@segmentation>"
    found.set_content(text)
    try:
        with smtplib.SMTP(host, mail.port, timeout=mail.timeout_seconds) as server:
            if mail.starttls:
                server.starttls(context=ssl.create_default_context())
            if login is not None:
                server.login(*login)
            refused = server.send_message(found)
    except (smtplib.SMTPException, OSError) as error:
        raise UndeliveredError(f"e-mail: {type(error).__name__} from the mail server") from None
    if refused:
        raise UndeliveredError(f"e-mail: the mail server has refused {len(refused)} of the recipients")
