"""`conf/monitoring.yml`: what is too much of a change, and which key figures of a segment have an owner."""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from segmentation.core.config import Strict, load, sql_columns
from segmentation.core.errors import ConfigError, nearest


class Limits(Strict):
    """Of one check; a figure that chance alone may give has not moved, however large."""

    moved: float = Field(gt=0)
    refit: float | None = None
    stop: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Limits:
        given = [x for x in (self.moved, self.refit, self.stop) if x is not None]
        if given != sorted(given):
            raise ValueError("`moved` ≤ `refit` ≤ `stop` is expected")
        return self


class Checks(Strict):
    """By check."""

    feature_psi: Limits
    recent_psi: Limits
    extreme_share: Limits
    missing_share: Limits
    segment_share: Limits
    members_shift: Limits
    centroid_shift: Limits
    outside_share: Limits
    silhouette_loss: Limits
    migration_share: Limits


class Kpi(Strict):
    """A key figure of every unified segment: which way is bad, how far is too far, and whom it concerns."""

    description: str
    sql: str
    falls: float | None = Field(None, gt=0, le=1)
    rises: float | None = Field(None, gt=0)
    owner: str
    escalates_to: str
    min_customers: int = Field(30, ge=1)

    @model_validator(mode="after")
    def _one_way(self) -> Kpi:
        if (self.falls is None) == (self.rises is None):
            raise ValueError("either `falls` or `rises` is expected: by which part of its value of the month before")
        return self

    @property
    def limit(self) -> float:
        """The part of its value of the month before by which it may fall, or rise."""
        given = self.falls if self.falls is not None else self.rises
        assert given is not None  # one of them is
        return given

    def change(self, then: float, now: float) -> float:
        """The part of `then` (≥ 0) by which it has gone the bad way, 0 where it went the good one; inf from nothing.

        >>> Kpi(description="", sql="", falls=0.1, owner="", escalates_to="").change(200, 150)
        0.25
        """
        if then == 0:
            return inf if self.rises is not None and now > 0 else 0.0
        part = (now - then) / then
        return max(-part if self.falls is not None else part, 0.0)


class MonitoringRules(Strict):
    """`conf/monitoring.yml`."""

    false_alarms: float = Field(gt=0, lt=1)
    too_few: int = Field(ge=1)
    checks: Checks
    kpis: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Kpi] = {}


def load_monitoring(folder: Path, columns: Collection[str]) -> MonitoringRules:
    """The file in `folder`. Raises ConfigError for a key figure that reads none of `columns`, those of the profiles."""
    path = folder / "monitoring.yml"
    rules = load(path, MonitoringRules)
    for name, kpi in rules.kpis.items():
        for column in sorted(sql_columns(kpi.sql, f"{path}: kpis: {name}") - set(columns)):
            raise ConfigError(
                f'{path}: kpis: {name}: "{column}" is not in segment_profiles. {nearest(column, columns)}'
            )
    return rules
