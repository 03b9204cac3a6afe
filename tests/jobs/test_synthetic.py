"""A whole retailer, as the command writes it: every fault refused by its rule, no feature off, six dimensions."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from segmentation import cli
from segmentation.core.schemas import DIMENSIONS, UNIFIED
from segmentation.pipeline import run_month
from tests.conftest import CONF
from tests.published import published, table
from tests.shop import configure, open_shop

pytestmark = pytest.mark.long
AS_OF = dt.date(2024, 1, 1)


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with raw/ and truth/ by `segmentation synthetic`, and the warehouse of one month."""
    folder = tmp_path_factory.mktemp("synthetic")
    with pytest.MonkeyPatch.context() as m:
        m.setattr(sys, "argv", ["segmentation", "synthetic", "--out", str(folder), "--customers", "900",
                                "--lines", "60000", "--seed", "7"])  # fmt: skip
        cli.main()
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    config = configure(folder / "conf", mapping, DIMENSIONS, few=False, k_min=2, k_max=8)
    run_month(open_shop(spark, config, folder / "warehouse"), AS_OF, str(folder / "raw"))
    return folder


@pytest.fixture(scope="module")
def planted(made: Path) -> dict[tuple[str, str], int]:
    (file,) = (made / "truth" / "planted_faults").glob("*.json")
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    return {(row["input"], row["rule"]): row["rows"] for row in rows}


def test_quarantine_holds_exactly_the_planted_faults_by_rule(made: Path, planted: dict[tuple[str, str], int]) -> None:
    found = table(made / "warehouse", "quarantine").groupby(["source_table", "rule"]).size()
    assert found.to_dict() == {key: rows for key, rows in planted.items() if rows}
    assert {rule for _, rule in found.index} == {rule for _, rule in planted}  # every rule, somewhere


def test_accepted_and_quarantined_rows_are_all_that_were_written(made: Path) -> None:
    quality = table(made / "warehouse", "data_quality")
    of = quality[quality["subject"] == ""].pivot(index="source_table", columns="check", values="value")
    assert (of["rows_accepted"] + of["rows_quarantined"] == of["rows_read"]).all()
    files = {"transactions": ["transactions"], "interactions": ["mailings", "events"]}
    for name, parquet in files.items():
        written = sum(len(pd.read_parquet(made / "raw" / f"{file}.parquet")) for file in parquet)
        if name == "transactions":
            assert of.loc[name, "rows_read"] == written > 60_000
        else:  # and those of the text files
            assert of.loc[name, "rows_read"] > written
    assert len(table(made / "warehouse", "stg_transactions")) == of.loc["transactions", "rows_accepted"]


def test_no_feature_is_switched_off_and_every_one_has_values(made: Path) -> None:
    runs = table(made / "warehouse", "runs")
    notes = [note for notes in runs["notes"] for note in notes]
    assert [note for note in notes if " is off" in note] == []
    features = published(made / "warehouse", "customer_features", AS_OF)
    assert [c for c in features if features[c].isna().all()] == []


def test_all_six_dimensions_have_segments(made: Path) -> None:
    """Of demographics 900 customers show none that is stable: ages and incomes of the planted kinds overlap."""
    segments = published(made / "warehouse", "segments", AS_OF)
    assert set(segments["dimension"]) == {*DIMENSIONS, UNIFIED}
    for dimension, rows in segments.groupby("dimension"):
        assert rows["segment_id"].nunique() >= (1 if dimension == "demographics" else 3), dimension
        assert rows["customer_id"].is_unique


def test_the_planted_five_are_chosen_and_are_the_unified_segments(made: Path) -> None:
    """Whoever has ordered five times or more has shown who he is; of the others some could be of any kind."""
    selection = published(made / "warehouse", "k_selection", AS_OF).set_index("dimension").loc[UNIFIED]
    assert (selection["k"], selection["structure"], selection["chosen_by"]) == (5, "clusters", "system")
    segments = published(made / "warehouse", "segments", AS_OF)
    unified = segments[segments["dimension"] == UNIFIED].set_index("customer_id")["raw_segment_id"].dropna()
    truth = pd.read_parquet(made / "truth" / "segments").set_index("customer_no")["segment"]
    both = truth.to_frame().join(unified, how="inner")
    orders = published(made / "warehouse", "customer_features", AS_OF).set_index("customer_id")["orders_lifetime"]
    separable = both[orders.reindex(both.index) >= 5]
    assert len(separable) > 500
    assert adjusted_rand_score(separable["segment"], separable["raw_segment_id"]) >= 0.95
    assert adjusted_rand_score(both["segment"], both["raw_segment_id"]) > 0.9


def test_the_truth_is_no_input(made: Path) -> None:
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    assert "truth" not in mapping
    raw = {path.name for path in (made / "raw").iterdir()}
    assert all(f"files: {name}" in mapping for name in raw)
