"""The run manifest: what ran, of what, and the one commit that makes its tables visible."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pyspark.sql import Row

from segmentation.core.config import code_version, fingerprint
from segmentation.core.errors import OvertakenError
from segmentation.core.schemas import PROMOTIONS, RUNS, Table
from segmentation.io.commits import ATTEMPTS
from segmentation.io.delta import Warehouse

R = TypeVar("R", bound="Row | dict[str, Any]")


@dataclass(frozen=True)
class Run:
    """One attempt at one job for one as-of date; `finish` fills what is only known at the end."""

    job: str
    as_of: dt.date
    run_key: str
    run_id: str
    started_at: dt.datetime
    config_hash: str
    code_version: str
    inputs: Mapping[str, str]
    input_versions: Mapping[str, int] = field(default_factory=dict)
    output_versions: Mapping[str, int] = field(default_factory=dict)
    rows_in: int = 0
    rows_out: int = 0
    rows_quarantined: int = 0
    verdict: str | None = None
    reason: str | None = None
    notes: Sequence[str] = ()

    def finish(self, **facts: Any) -> Run:
        """The same run with its outcome."""
        return replace(self, **facts)


def new_run(job: str, as_of: dt.date, config: Any, inputs: Mapping[str, str]) -> Run:
    """An attempt. Its key hashes job, as_of, config, code and the identities of its inputs, never table versions."""
    config_hash, code = fingerprint(config), code_version()
    run_key = fingerprint(job, as_of, config_hash, code, dict(inputs))
    # Two attempts at one key, dead or alive, must never share a partition.
    run_id = f"{run_key}-{uuid.uuid4().hex[:8]}"
    return Run(job, as_of, run_key, run_id, _utc_now(), config_hash, code, dict(inputs))


class RunStore:
    """Reads and publishes rows of `runs`, and the promotions that say which bundle serves."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def of(self, job: str, as_of: dt.date | None = None) -> list[Row]:
        """The published runs of a job, of any as-of date where none is given, in order of publication."""
        return [r for r in self._all() if r["job"] == job and as_of in (None, r["as_of"])]

    def published(self, run_key: str) -> Row | None:
        """The newest published run of a key, or None."""
        return _last(r for r in self._all() if r["run_key"] == run_key)

    def get(self, run_id: str) -> Row:
        """One run. Raises LookupError where it was never published."""
        row = self._find(run_id)
        if row is None:
            raise LookupError(f"run {run_id} was never published")
        return row

    def latest(self, job: str, as_of: dt.date | None = None) -> Row | None:
        """The last published run of a job, of any as-of date where none is given."""
        return _last(self.of(job, as_of))

    def shown_for(self, run: Run) -> Row | None:
        """The run that is shown for the job and date of this one, if the same was asked of it; else None."""
        found = self.latest(run.job, run.as_of)
        return found if found is not None and found["run_key"] == run.run_key else None

    def _all(self) -> list[Row]:
        return sorted(self._warehouse.rows(RUNS), key=lambda r: r["publish_seq"])

    def _find(self, run_id: str) -> Row | None:
        return _last(r for r in self._all() if r["run_id"] == run_id)

    def publish(self, run: Run, restate: bool = False, after: int | None = None, alone: bool = False) -> Row:
        """Makes a run's tables visible with one commit, and returns the row that holds the key afterwards.

        alone: of its job and date it is the only one, so that another key's run that was published first is the winner.

        `after`: the publish_seq of the job's run that this one builds on, 0 for none; None where it builds on none.
        Raises OvertakenError, and publishes nothing, where the job has a later one by then.

        Where another attempt published the same key first, nothing is written and the winner is returned.
        With `restate` the key may stand already: the new row gets a higher publish_seq and takes its place.
        """
        for _ in range(ATTEMPTS):
            seq = self._next("publish_seq", RUNS)
            values = {**vars(run), "publish_seq": seq, "status": "published", "finished_at": _utc_now(),
                      "inputs": dict(run.inputs), "input_versions": dict(run.input_versions),
                      "output_versions": dict(run.output_versions), "notes": list(run.notes)}  # fmt: skip
            key = "t.job = s.job AND t.as_of = s.as_of" if alone else "t.run_key = s.run_key"
            same = "t.run_id = s.run_id" if restate else key
            # A number that another run took in the meantime is no match for ours: then try the next one.
            rows = self._warehouse.frame(RUNS, [values])
            later = "false" if after is None else f"t.job = s.job AND t.publish_seq > {after}"
            self._warehouse.insert_missing(RUNS, rows, f"({same}) OR t.publish_seq >= s.publish_seq OR ({later})")
            first = self.latest(run.job, run.as_of) if alone else self.published(run.run_key)
            winner = self._find(run.run_id) if restate else first
            if winner is not None:
                return winner
            newest = self.latest(run.job)
            if after is not None and newest is not None and newest["publish_seq"] > after:
                raise OvertakenError(f"run {run.run_id} was overtaken by {newest['run_id']}; start the job again.")
        raise OvertakenError(f"run {run.run_id} lost {ATTEMPTS} races to publish; start the job again.")

    def promotions(self) -> list[Row]:
        """All there are; the last of those in effect by a date serves at it."""
        return sorted(self._warehouse.rows(PROMOTIONS), key=lambda r: (r["effective_from_as_of"], r["seq"]))

    def champion(self, as_of: dt.date) -> str | None:
        """The bundle in effect at an as-of date: the last promotion effective by then; None before any."""
        row = _last(r for r in self.promotions() if r["effective_from_as_of"] <= as_of)
        return None if row is None else str(row["model_version"])

    def newest_champion(self) -> str | None:
        """The bundle that was promoted for the latest as-of date; None before any."""
        return self.champion(dt.date.max)

    def before(self, job: str, as_of: dt.date) -> Row | None:
        """The run of a job that is shown for the latest as-of date before this one; None where there is none."""
        return _last(sorted((r for r in self.of(job) if r["as_of"] < as_of), key=lambda r: r["as_of"]))

    def shown(self, table: Table) -> dict[dt.date, Row]:
        """The run whose rows of a published table are shown, by as-of date: of those that wrote any the last."""
        return shown_runs(self._all(), table.name)

    def last_as_of(self, job: str) -> dt.date | None:
        """The latest as-of date that a job has published; None before any."""
        return max((r["as_of"] for r in self.of(job)), default=None)

    def promoted(self, model_version: str) -> bool:
        """Whether the bundle was ever promoted."""
        return any(r["model_version"] == model_version for r in self.promotions())

    def promote(self, model_version: str, effective_from: dt.date, by: str, reason: str) -> None:
        """Appends a promotion; nothing where the bundle is champion at that date already."""
        for _ in range(ATTEMPTS):
            if self.champion(effective_from) == model_version:
                return
            values = {"model_version": model_version, "effective_from_as_of": effective_from,
                      "seq": self._next("seq", PROMOTIONS), "by": by, "reason": reason}  # fmt: skip
            # A number that another promotion took in the meantime is no match for ours: then try the next one.
            self._warehouse.insert_missing(PROMOTIONS, self._warehouse.frame(PROMOTIONS, [values]), "t.seq >= s.seq")
            if any((r["seq"], r["model_version"]) == (values["seq"], model_version) for r in self.promotions()):
                return
        raise OvertakenError(f"promotion of {model_version} lost {ATTEMPTS} races; start the job again.")

    def _next(self, column: str, table: Table) -> int:
        return max((r[column] for r in self._warehouse.rows(table)), default=0) + 1


def shown_runs(runs: Iterable[R], table: str) -> dict[dt.date, R]:
    """By as-of date, of the runs that wrote rows of a published table the last; `runs` in order of publication."""
    return {r["as_of"]: r for r in runs if table in r["output_versions"]}


def _last(rows: Iterable[Row]) -> Row | None:
    return next(iter(reversed(list(rows))), None)


def _utc_now() -> dt.datetime:
    # Aware, so that Spark does not read it in the machine's zone.
    return dt.datetime.now(dt.UTC)
