"""`data_quality` as the tables that a reader wants: rows, broken rules, missing values, absences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.core.schemas import STAGED
from segmentation.reports.data import ReportData, number, records, text

# Null says "still" there, not "unknown".
OPEN_ENDED = ("valid_to", "ends_on")
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
class Quality:
    """What one ingest run found."""

    inputs: Sequence[InputRows]
    broken: Sequence[tuple[str, str, float]]
    """(input, rule, rows), most rows first."""
    missing: Sequence[MissingValues]
    """Most missing first. Positions of a level are left out: they lack what the level lacks."""
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
    return Quality(
        inputs,
        sorted(broken, key=lambda b: (-b[2], b[0], b[1])),
        sorted(missing, key=lambda m: (-m.share, m.name, m.column)),
        sorted(n + (f".{subject}" if subject else "") for n, subject in absent),
    )
