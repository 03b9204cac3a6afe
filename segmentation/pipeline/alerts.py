"""`conf/alerts.yml`: where the message about a month goes beside the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segmentation.core.config import Strict, load
from segmentation.core.errors import ConfigError, nearest
from segmentation.io.channels import Address, Email, Webhook
from segmentation.monitoring import Kpi


class Alerts(Strict):
    """The file."""

    everything: bool = False
    webhook: Webhook | None = None
    email: Email | None = None
    people: dict[str, Address] = {}

    def ready(self) -> None:
        """Raises ConfigError where a channel lacks what the environment of the job was to tell it."""
        for channel in (self.webhook, self.email):
            if channel is not None:
                channel.ready()


def load_alerts(folder: Path) -> Alerts:
    """The file in `folder`. Raises ConfigError where it is not what is expected."""
    return load(folder / "alerts.yml", Alerts)


def check_people(folder: Path, alerts: Alerts, kpis: Mapping[str, Kpi]) -> None:
    """Raises ConfigError for an address of somebody whom no key figure concerns: such a name may be misspelt."""
    known = {name for kpi in kpis.values() for name in (kpi.owner, kpi.escalates_to)}
    for name in sorted(set(alerts.people) - known):
        raise ConfigError(f'{folder}/alerts.yml: people: "{name}" owns no key figure. {nearest(name, known)}')
