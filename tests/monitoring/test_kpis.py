"""Key figures of segments: how far they fell, who is told, and what a second breach running does."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import SEGMENT_PROFILES
from segmentation.monitoring import Judged, Kpi, Measured, kpi_rows, load_monitoring
from tests.conftest import CONF

REVENUE = Kpi(description="Revenue", sql="revenue_365d", falls=0.1, owner="CRM", escalates_to="Head")
RECENCY = Kpi(description="Days", sql="median_days_since_last_order", rises=0.5, owner="CRM", escalates_to="Head")


def rows(
    then: float | None, now: float | None, kpi: Kpi = REVENUE, customers: int = 100, breached: bool = False
) -> Judged:
    before = {("kpi_it", "s1")} if breached else set()
    [row] = kpi_rows(
        {"it": kpi}, "unified", {"s1": Measured(100, {"it": then}), "gone": Measured(9, {"it": 1.0})},
        {"s1": Measured(customers, {"it": now}), "new": Measured(9, {"it": 1.0})}, before,
    )  # fmt: skip
    return row


def test_a_fall_beyond_its_limit_is_told_to_its_owner_and_the_second_one_running_to_the_next() -> None:
    assert rows(200, 180) == Judged("unified", "kpi_it", "s1", 0.1, 0.1, "holds",
                                    "Revenue: 180.00, the month before 200.00", "CRM")  # fmt: skip
    assert rows(200, 150).verdict == "breach"
    assert (rows(200, 150).value, rows(200, 150).owner) == (0.25, "CRM")
    again = rows(200, 150, breached=True)
    assert (again.verdict, again.owner) == ("escalated", "Head")
    assert rows(200, 190, breached=True).verdict == "holds"


def test_what_goes_the_good_way_is_no_breach_however_far() -> None:
    assert (rows(200, 900).value, rows(200, 900).verdict) == (0.0, "holds")
    assert (rows(20, 5, RECENCY).value, rows(20, 5, RECENCY).verdict) == (0.0, "holds")
    assert (rows(20, 31, RECENCY).value, rows(20, 31, RECENCY).verdict) == (0.55, "breach")


def test_what_rises_from_nothing_is_in_breach_and_nothing_falls_from_there() -> None:
    assert (rows(0, 5, RECENCY).value, rows(0, 5, RECENCY).verdict) == (math.inf, "breach")
    assert (rows(0, 0, RECENCY).value, rows(0, 0, RECENCY).verdict) == (0.0, "holds")
    assert (rows(0, 5).value, rows(0, 5).verdict) == (0.0, "holds")


@pytest.mark.parametrize(("then", "now", "customers"), [(None, 1, 100), (1, None, 100), (-1, 1, 100), (200, 1, 29)])
def test_what_is_unknown_or_of_few_customers_is_not_judged(
    then: float | None, now: float | None, customers: int
) -> None:
    row = rows(then, now, customers=customers)
    assert (row.verdict, row.threshold, row.owner) == ("too few", None, None)
    assert row.explanation.endswith("29 customers: too few to judge" if customers == 29 else ": nothing to compare")


def test_breaches_come_first() -> None:
    figures = {"a": {"it": 100.0}, "b": {"it": 100.0}, "c": {"it": 100.0}}
    now = {"a": {"it": 99.0}, "b": {"it": 50.0}, "c": {"it": 50.0}}
    found = kpi_rows({"it": REVENUE}, "unified", {s: Measured(99, f) for s, f in figures.items()},
                     {s: Measured(99, f) for s, f in now.items()}, {("kpi_it", "c")})  # fmt: skip
    assert [(r.subject, r.verdict) for r in found] == [("c", "escalated"), ("b", "breach"), ("a", "holds")]


@pytest.mark.parametrize(
    ("kpi", "said"),
    [
        ({"sql": "revenue_365"}, r'kpis: worth: "revenue_365" is not in segment_profiles. .*"revenue_365d"'),
        ({"sql": "sum("}, "kpis: worth: not a SQL expression"),
        ({"rises": 0.1}, "either `falls` or `rises` is expected"),
        ({"fals": 0.1}, 'key "kpis.worth.fals" is not known. .*Did you mean "falls"'),
    ],
)
def test_a_wrong_definition_is_refused_by_name(tmp_path: Path, kpi: dict[str, object], said: str) -> None:
    content = yaml.safe_load((CONF / "monitoring.yml").read_text())
    good = {"description": "d", "sql": "customers", "falls": 0.1, "owner": "o", "escalates_to": "e"}
    (tmp_path / "monitoring.yml").write_text(yaml.safe_dump(content | {"kpis": {"worth": good | kpi}}))
    with pytest.raises(ConfigError, match=said):
        load_monitoring(tmp_path, SEGMENT_PROFILES.names)
