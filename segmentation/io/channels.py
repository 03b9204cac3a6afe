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
from email.utils import format_datetime
from typing import Annotated

import urllib3
from pydantic import Field, model_validator

from segmentation.core.config import Strict
from segmentation.core.errors import ConfigError
from segmentation.io.secrets import secret

ENCODED = "whsec_"
WAIT = 0.5
"""Half the seconds before the second retry; each further one waits twice as long (the first does not wait)."""
Address = Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")]
NAMED = r"^\$\w+$"
"""A variable of the environment."""


class Webhook(Strict):
    """Where JSON goes by POST. `$NAME` is taken from the environment: address and secret stay out of files."""

    url: str
    secret: str = Field(pattern=NAMED)
    timeout_seconds: float = Field(5, gt=0)
    attempts: int = Field(4, ge=1)

    def ready(self) -> tuple[str, str]:
        """Address and secret. Raises ConfigError for a variable that is not set, and where one of them is none."""
        where = "conf/alerts.yml: webhook"
        url, key = secret(where, "url", self.url), secret(where, "secret", self.secret)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"{where}: `url` is no address that begins with https:// or http://.")
        try:
            _decoded(key)
        except ValueError:
            raise ConfigError(
                f"{where}: what follows {ENCODED} in `secret` is no base64. Copy the secret as the receiver shows it."
            ) from None
        return url, key


class Email(Strict):
    """The mail server and who is written to; of server, user and password `$NAME` is taken from the environment."""

    server: str
    port: int = 587
    starttls: bool = True
    user: str | None = Field(None, pattern=NAMED)
    password: str | None = Field(None, pattern=NAMED)
    sender: Address
    to: list[Address] = Field(min_length=1)
    timeout_seconds: float = Field(10, gt=0)

    @model_validator(mode="after")
    def _both(self) -> Email:
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` go together, or neither is given")
        return self

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
    again. `key`: `whsec_` and the secret in base64, as receivers' libraries have it, or any other text as it is.
    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_decoded(key), signed, hashlib.sha256).digest()).decode()


def _decoded(key: str) -> bytes:
    return base64.b64decode(key.removeprefix(ENCODED), validate=True) if key.startswith(ENCODED) else key.encode()


def post(hook: Webhook, message_id: str, payload: Mapping[str, object], now: datetime) -> int:
    """Sends it, and returns 0: nobody else was to take it.

    Raises UndeliveredError where no attempt has ended in a status of 2xx.

    Tried again after no answer in time, a lost connection, and the statuses 429, 500, 502, 503 and 504.
    """
    url, key = hook.ready()
    body, at = json.dumps(payload, ensure_ascii=False).encode(), int(now.timestamp())
    headers = {"content-type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(at),
               "webhook-signature": sign(key, message_id, at, body)}  # fmt: skip
    # A POST is repeated too: the id tells the receiver that it is the same message.
    retries = urllib3.Retry(hook.attempts - 1, backoff_factor=WAIT, status_forcelist=(429, 500, 502, 503, 504),
                            allowed_methods=None, raise_on_status=False, respect_retry_after_header=False)  # fmt: skip
    try:
        with urllib3.PoolManager(timeout=hook.timeout_seconds, retries=retries) as pool:
            # A signed message follows nobody elsewhere, and what is said beside the status is not waited for.
            answer = pool.request("POST", url, body=body, headers=headers, redirect=False, preload_content=False)
            status = answer.status
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        cause = getattr(error, "reason", None) or error
        raise UndeliveredError(f"webhook: {type(cause).__name__} after {hook.attempts} attempts") from None
    if not 200 <= status < 300:
        raise UndeliveredError(f"webhook: answered with status {status}")
    return 0


def send(mail: Email, message_id: str, subject: str, text: str, concerned: Sequence[str], now: datetime) -> int:
    """One e-mail to all of `to` and `concerned`; returns how many of them the server has refused.

    Raises UndeliveredError where it takes it for nobody.
    """
    (host, login), found = mail.ready(), EmailMessage()
    found["Subject"], found["From"] = subject, mail.sender
    found["To"] = ", ".join(dict.fromkeys([*mail.to, *concerned]))
    found["Message-ID"], found["Date"] = f"<{message_id}@segmentation>", format_datetime(now)
    found.set_content(text)
    try:
        with smtplib.SMTP(host, mail.port, timeout=mail.timeout_seconds) as server:
            if mail.starttls:
                server.starttls(context=ssl.create_default_context())
            if login is not None:
                server.login(*login)
            refused = server.send_message(found)
    except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: smtplib logs in with ASCII alone
        raise UndeliveredError(f"e-mail: {type(error).__name__} from the mail server") from None
    return len(refused)
