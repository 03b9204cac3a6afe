"""A whole retailer, as the command writes it: every fault refused by its rule, no feature off, six dimensions."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.core.schemas import DIMENSIONS, UNIFIED
from tests.conftest import CONF
from tests.jobs.retailer import AS_OF
from tests.published import published, table

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def planted(retailer: Path) -> dict[tuple[str, str], int]:
    (file,) = (retailer / "truth" / "planted_faults").glob("*.json")
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    return {(row["input"], row["rule"]): row["rows"] for row in rows}


def test_quarantine_holds_exactly_the_planted_faults_by_rule(
    retailer: Path, planted: dict[tuple[str, str], int]
) -> None:
    found = table(retailer / "warehouse", "quarantine").groupby(["source_table", "rule"]).size()
    assert found.to_dict() == {key: rows for key, rows in planted.items() if rows}
    assert {rule for _, rule in found.index} == {rule for _, rule in planted}  # every rule, somewhere


def test_accepted_and_quarantined_rows_are_all_that_were_written(retailer: Path) -> None:
    quality = table(retailer / "warehouse", "data_quality")
    of = quality[quality["subject"] == ""].pivot(index="source_table", columns="check", values="value")
    assert (of["rows_accepted"] + of["rows_quarantined"] == of["rows_read"]).all()
    files = {"transactions": ["transactions"], "interactions": ["mailings", "events"]}
    for name, parquet in files.items():
        written = sum(len(pd.read_parquet(retailer / "raw" / f"{file}.parquet")) for file in parquet)
        if name == "transactions":
            assert of.loc[name, "rows_read"] == written > 45_000
        else:  # and those of the text files
            assert of.loc[name, "rows_read"] > written
    assert len(table(retailer / "warehouse", "stg_transactions")) == of.loc["transactions", "rows_accepted"]


def test_no_feature_is_switched_off_and_every_one_has_values(retailer: Path) -> None:
    runs = table(retailer / "warehouse", "runs")
    notes = [note for notes in runs["notes"] for note in notes]
    assert [note for note in notes if " is off" in note] == []
    features = published(retailer / "warehouse", "customer_features", AS_OF)
    assert [c for c in features if features[c].isna().all()] == []


def test_all_six_dimensions_have_segments(retailer: Path) -> None:
    """Of demographics 900 customers show none that is stable: ages and incomes of the planted kinds overlap."""
    segments = published(retailer / "warehouse", "segments", AS_OF)
    assert set(segments["dimension"]) == {*DIMENSIONS, UNIFIED}
    for dimension, rows in segments.groupby("dimension"):
        assert rows["segment_id"].nunique() >= (1 if dimension == "demographics" else 3), dimension
        assert rows["customer_id"].is_unique


def test_the_planted_five_are_chosen_and_are_the_unified_segments(retailer: Path) -> None:
    """Whoever has ordered five times or more has shown who he is; of the others some could be of any kind."""
    selection = published(retailer / "warehouse", "k_selection", AS_OF).set_index("dimension").loc[UNIFIED]
    assert (selection["k"], selection["structure"], selection["chosen_by"]) == (5, "clusters", "system")
    segments = published(retailer / "warehouse", "segments", AS_OF)
    unified = segments[segments["dimension"] == UNIFIED].set_index("customer_id")["raw_segment_id"].dropna()
    truth = pd.read_parquet(retailer / "truth" / "segments").set_index("customer_no")["segment"]
    both = truth.to_frame().join(unified, how="inner")
    orders = published(retailer / "warehouse", "customer_features", AS_OF).set_index("customer_id")["orders_lifetime"]
    separable = both[orders.reindex(both.index) >= 5]
    assert len(separable) > 500
    assert adjusted_rand_score(separable["segment"], separable["raw_segment_id"]) >= 0.95
    assert adjusted_rand_score(both["segment"], both["raw_segment_id"]) > 0.9


def test_the_truth_is_no_input(retailer: Path) -> None:
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    assert "truth" not in mapping
    raw = {path.name for path in (retailer / "raw").iterdir()}
    assert all(f"files: {name}" in mapping for name in raw)
