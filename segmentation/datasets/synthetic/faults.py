"""Planted faults: which rule of the row contracts each breaks, how often, and what it does to a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import Draws

REPEATS = ("duplicate_line", "conflicting_line")
PLANTED = "planted"
"""The column that names the rule a row was made to break; null for a good row. No file has it."""


@dataclass(frozen=True)
class Fault:
    """`changes`: columns and the SQL of their wrong values. A repeat stands beside the good row, with the changes.

    `also`: a second input of the mapping that reads the same file and must refuse the row too.
    """

    rule: str
    changes: Mapping[str, str] = field(default_factory=dict)
    per_10000: int = 10
    also: str | None = None


NEVER, SOON = "'1970-01-01'", "'2031-05-01'"
LINE_FAULTS = (
    Fault("non_finite", {"net_amount": "double('NaN')"}),
    Fault("non_finite", {"unit_cost": "double('-Infinity')"}),
    Fault("wrong_type", {"net_amount": "1e18D"}),  # a number, but not of any till: more digits than money has
    Fault("missing_key", {"customer_no": "NULL"}),
    Fault("missing_key", {"receipt_no": "' '"}),
    Fault("missing_value", {"currency_code": "NULL"}),
    Fault("impossible_date", {"sold_at": f"TIMESTAMP_NTZ{NEVER}"}),
    Fault("future_date", {"sold_at": f"TIMESTAMP_NTZ{SOON}"}),
    Fault("negative_amount", {"net_amount": "-net_amount"}),
    Fault("unknown_currency", {"currency_code": "'EURO'"}),
    Fault("coupon_too_high", {"coupon_value": "net_amount + 1"}),
    Fault("duplicate_line"),
    Fault("conflicting_line", {"net_amount": "net_amount + 1"}),
)
FAULTS: dict[str, tuple[Fault, ...]] = {
    "lines": LINE_FAULTS,
    "returns": (Fault("positive_return", {"net_amount": "-net_amount"}, 100),),
    "customers": (
        Fault("missing_key", {"customer_no": "NULL"}, 100, "consent"),
        Fault("wrong_type", {"valid_from": "'2022-02-30'"}, 100, "consent"),
        Fault("negative_amount", {"household_size": "'-2'"}, 100),
        Fault("unknown_level", {"club_tier": "'GLOD'"}, 100),
        Fault("duplicate_line", {}, 100, "consent"),
        Fault("conflicting_line", {"town": "'Atlantis'"}, 100, "consent"),
    ),
    "consents": (
        Fault("missing_key", {"topic": "NULL"}, 50),
        Fault("wrong_type", {"given_from": "'last spring'"}, 50),
        Fault("duplicate_line", {}, 50),
    ),
    "mailings": (
        Fault("missing_key", {"customer_no": "NULL"}),
        Fault("future_date", {"sent_on": f"DATE{SOON}"}),
        Fault("duplicate_line"),
        Fault("conflicting_line", {"sent_on": "sent_on - 1"}),
    ),
    "events": (
        Fault("unknown_kind", {"event_name": "'banner_hover'"}),
        Fault("negative_amount", {"minutes": "-3.0D"}),
        Fault("non_finite", {"minutes": "double('Infinity')"}),
        Fault("impossible_date", {"event_at": f"TIMESTAMP_NTZ{NEVER}"}),
        Fault("missing_key", {"event_id": "NULL"}),
        Fault("missing_value", {"event_at": "NULL"}),
        Fault("duplicate_line"),
    ),
    "redemptions": (
        Fault("wrong_type", {"redeemed_on": "'31.13.2023'"}, 50),
        Fault("conflicting_line", {"campaign_code": "'C99'"}, 50),
    ),
    "tickets": (
        Fault("unknown_kind", {"reason": "'spam'"}, 50),
        Fault("future_date", {"opened_at": "'2031-05-01 10:00:00'"}, 50),
    ),
    "answers": (
        Fault("wrong_type", {"answer": "'ten'"}, 100),
        Fault("non_finite", {"answer": "'NaN'"}, 100),
        Fault("missing_value", {"answer": "NULL"}, 100),
        Fault("negative_amount", {"answer": "'-1'"}, 100),
        Fault("off_scale", {"answer": "'11'"}, 100),
        Fault("impossible_date", {"answered_on": NEVER}, 100),
        Fault("duplicate_line", {}, 100),
    ),
}  # fmt: skip


def plant(draws: Draws, stream: str, rows: DataFrame) -> DataFrame:
    """The rows with the stream's faults and the column `planted`; each row has at most one, by the hash of `row`."""
    faults = FAULTS.get(stream, ())
    if not faults:
        return rows.withColumn(PLANTED, F.lit(None).cast("string")).drop("row")
    slot = draws.below(10_000, f"fault in {stream}", "row")
    marked = rows.withColumn("slot", slot).withColumn("fault", F.expr(_fault(faults)))
    good_or_wrong = _changed(marked, {i: f for i, f in enumerate(faults) if f.rule not in REPEATS})
    repeated = {i: f for i, f in enumerate(faults) if f.rule in REPEATS}
    if not repeated:
        return good_or_wrong
    return good_or_wrong.unionByName(_changed(marked.where(F.col("fault").isin(*repeated)), repeated))


def _fault(faults: tuple[Fault, ...]) -> str:
    """The SQL of the position of a row's fault, from its slot 0..9999; null for none.

    >>> _fault((Fault("missing_key", per_10000=10), Fault("non_finite", per_10000=5)))
    'CASE WHEN slot < 10 THEN 0 WHEN slot < 15 THEN 1 END'
    """
    ends = accumulate(f.per_10000 for f in faults)
    return f"CASE {' '.join(f'WHEN slot < {end} THEN {i}' for i, end in enumerate(ends))} END"


def _changed(marked: DataFrame, faults: Mapping[int, Fault]) -> DataFrame:
    """The rows with the wrong values of these faults, and the rule broken."""
    values = {}
    for column in {c for f in faults.values() for c in f.changes}:
        cases = " ".join(f"WHEN {i} THEN {f.changes[column]}" for i, f in faults.items() if column in f.changes)
        values[column] = F.expr(f"CASE fault {cases} ELSE {column} END")
    rules = " ".join(f"WHEN {i} THEN '{f.rule}'" for i, f in faults.items())
    return marked.withColumns({**values, PLANTED: F.expr(f"CASE fault {rules} END")}).drop("row", "slot", "fault")
