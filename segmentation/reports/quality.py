"""`data_quality` as the tables that a reader wants: rows, broken rules, missing values, distributions, absences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.core.schemas import STAGED
from segmentation.reports.data import ReportData, number, records, text

# Null says "still" there, not "unknown".
OPEN_ENDED = ("valid_to", "ends_on")
SUMMARY = {"minimum": "Least", "percentile_5": "5%", "percentile_25": "25%", "median": "Median",
           "percentile_75": "75%", "percentile_95": "95%", "maximum": "Most", "mean": "Mean"}  # fmt: skip
"""Checks that describe a distribution, with their headings: so much of the values lies at or below."""
MEANINGS = {
    (t.name.removeprefix("stg_"), c.name): c.comment.replace("null", "missing") for t in STAGED for c in t.columns
}


@dataclass(frozen=True)
class InputRows:
    """Rows of one input: read = accepted + quarantined."""

    name: str
    read: float
    accepted: float
    quarantined: float
    days_since_newest: float | None = None
    """From the newest event to the day the files were received; None where the input has no days."""

    @property
    def quarantined_share(self) -> float | None:
        """Refused rows among those read, 0..1; None without rows."""
        return self.quarantined / self.read if self.read else None


@dataclass(frozen=True)
class MissingValues:
    """A column with nulls: their share, 0 < share ≤ 1, and the column's meaning by the schema."""

    name: str
    column: str
    share: float
    meaning: str


@dataclass(frozen=True)
class Distribution:
    """An amount's or quantity's accepted values, in the order of `SUMMARY`."""

    name: str
    column: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Quality:
    """What one ingest run found."""

    inputs: Sequence[InputRows]
    broken: Sequence[tuple[str, str, float]]
    """(input, rule, rows), most rows first."""
    missing: Sequence[MissingValues]
    """Most missing first. Positions of a level are left out: they lack what the level lacks."""
    distributions: Sequence[Distribution]
    absent: Sequence[str]
    """Inputs (`consent`) and columns (`transactions.channel`) that the source does not have."""


def quality(data: ReportData) -> Quality:
    """The data quality of the run, inputs in the order in which they are staged."""
    found: dict[tuple[str, str, str], float] = {}
    for row in records(data.quality):
        value = number(row["value"])
        if value is not None:
            found[text(row["source_table"]), text(row["check"]), text(row["subject"])] = value
    order = [t.name.removeprefix("stg_") for t in STAGED]
    names = sorted(
        {n for n, check, _ in found if check == "rows_read"},
        key=lambda n: (n not in order, order.index(n) if n in order else 0, n),
    )
    inputs = [
        InputRows(
            n,
            found[n, "rows_read", ""],
            found.get((n, "rows_accepted", ""), 0),
            found.get((n, "rows_quarantined", ""), 0),
            next((v for (name, check, _), v in found.items() if (name, check) == (n, "days_since_newest")), None),
        )
        for n in names
    ]
    broken = [(n, rule, rows) for (n, check, rule), rows in found.items() if check == "quarantined_by_rule" and rows]
    absent = {(n, subject) for (n, check, subject), value in found.items() if check == "absent" and value}
    missing = [
        MissingValues(n, column, share, MEANINGS.get((n, column), ""))
        for (n, check, column), share in found.items()
        if check == "null_share" and share > 0 and column not in OPEN_ENDED
        and not column.endswith("_rank") and not {(n, column), (n, "")} & absent
    ]  # fmt: skip
    measured = [(n, column) for n, check, column in found if check == "median"]
    return Quality(
        inputs,
        sorted(broken, key=lambda b: (-b[2], b[0], b[1])),
        sorted(missing, key=lambda m: (-m.share, m.name, m.column)),
        [Distribution(n, column, [found.get((n, check, column)) for check in SUMMARY]) for n, column in measured],
        sorted(n + (f".{subject}" if subject else "") for n, subject in absent),
    )
