"""A month that has lost a customer, a cent or a word about somebody is not published."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segmentation.core import GuardError
from segmentation.pipeline import month
from tests.jobs import kinds
from tests.jobs.kinds import CUSTOMERS, JULY


@pytest.fixture(scope="module")
def shop(three_kinds: kinds.Shop, tmp_path_factory: pytest.TempPathFactory) -> kinds.Shop:
    return three_kinds.copy(tmp_path_factory.mktemp("audit"))


def audit(shop: kinds.Shop) -> None:
    """Of July, as it lies in the tables."""
    context = shop.context()
    run = context.runs.latest("monthly", JULY)
    assert run is not None
    written: Any = SimpleNamespace(as_of=JULY, run_id=run["run_id"])
    everyone: Any = SimpleNamespace(scored=CUSTOMERS)
    month._audit(context, written, context.runs.get(run["inputs"]["features"]), everyone)


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("segments", "DELETE FROM {} WHERE dimension = 'behavioral' AND customer_id = 'c7'",
         rf"segments, behavioral: \(89, 89\) rows and customers; expected {CUSTOMERS} each. Nothing was published."),
        ("segments", "UPDATE {} SET customer_id = 'c7' WHERE dimension = 'unified' AND customer_id = 'c8'",
         r"segments, unified: \(90, 89\) rows and customers"),
        ("segments", "DELETE FROM {} WHERE dimension = 'psychographic'", "segments, psychographic: None rows"),
        ("segment_profiles", "UPDATE {} SET revenue_lifetime = revenue_lifetime + 0.01 WHERE segment_id LIKE "
         "'transactional-%-1'",
         "segment_profiles, transactional: lifetime revenue .*; staged lines hold .*. Nothing was published."),
        ("population", "UPDATE {} SET customers = customers + 1 WHERE exclusion = 'scored'",
         f"population: {CUSTOMERS + 1} known, {CUSTOMERS} scored"),
    ],
    ids=["a customer", "a customer twice", "a dimension", "a cent", "a count"],
)  # fmt: skip
def test_what_is_lost_is_named_and_the_same_month_whole_passes(
    shop: kinds.Shop, table: str, change: str, said: str
) -> None:
    path = Path(shop.warehouse) / "segmentation" / table
    before = shop.spark.sql(f"DESCRIBE HISTORY delta.`{path}`").agg({"version": "max"}).collect()[0][0]
    audit(shop)
    shop.spark.sql(change.replace("{}", f"delta.`{path}`"))
    try:
        with pytest.raises(GuardError, match=said):
            audit(shop)
    finally:
        shop.spark.sql(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF {before}")
