"""`conf/alerts.yml`: where the message about a month goes beside the log."""

from __future__ import annotations

from pathlib import Path

from segmentation.core.config import Strict, load
from segmentation.io.channels import Email, Webhook


class Alerts(Strict):
    """The file."""

    everything: bool = False
    webhook: Webhook | None = None
    email: Email | None = None
    people: dict[str, str] = {}

    def ready(self) -> None:
        """Raises ConfigError where a channel lacks what the environment of the job was to tell it."""
        for channel in (self.webhook, self.email):
            if channel is not None:
                channel.ready()


def load_alerts(folder: Path) -> Alerts:
    """The file in `folder`. Raises ConfigError where it is not what is expected."""
    return load(folder / "alerts.yml", Alerts)
