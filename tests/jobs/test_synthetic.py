"""A whole retailer, as the command writes it: every fault refused by its rule, no feature off, six dimensions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.core.schemas import DIMENSIONS, UNIFIED
from segmentation.pipeline.bundle import load_bundle
from tests.conftest import CONF
from tests.jobs.retailer import AS_OF
from tests.published import published, table
from tests.shop import open_shop

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
            assert of.loc[name, "rows_read"] == written > 60_000
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
    """Of demographics 1,200 customers show none that is stable: ages and incomes of the planted kinds overlap."""
    segments = published(retailer / "warehouse", "segments", AS_OF)
    assert set(segments["dimension"]) == {*DIMENSIONS, UNIFIED}
    for dimension, rows in segments.groupby("dimension"):
        assert rows["segment_id"].nunique() >= (1 if dimension == "demographics" else 3), dimension
        assert rows["customer_id"].is_unique


def test_the_planted_five_are_chosen_and_are_the_unified_segments(spark: SparkSession, retailer: Path) -> None:
    """Separable is whose own kind's mean, by the truth, is nearer by a tenth than any other kind's."""
    selection = published(retailer / "warehouse", "k_selection", AS_OF).set_index("dimension").loc[UNIFIED]
    assert (selection["k"], selection["structure"], selection["chosen_by"]) == (5, "clusters", "system")
    segments = published(retailer / "warehouse", "segments", AS_OF)
    found = segments[segments["dimension"] == UNIFIED].set_index("customer_id")["raw_segment_id"].dropna()
    kinds = pd.read_parquet(retailer / "truth" / "segments").set_index("customer_no")["segment"].reindex(found.index)
    context = open_shop(spark, retailer / "conf", retailer / "warehouse")
    [bundle] = segments["model_version"].dropna().unique()
    built = context.runs.latest("build_features", AS_OF)
    assert built is not None
    features = context.warehouse.read_run(context.registry.table, AS_OF, built["run_id"])
    seen = load_bundle(context, bundle)[UNIFIED].pipeline(spark).transform(features).select("customer_id", "features")
    points = {r["customer_id"]: r["features"].toArray() for r in seen.collect()}
    x = pd.DataFrame.from_dict(points, orient="index").reindex(found.index)
    means = x.groupby(kinds).mean()
    away = np.sqrt(((x.to_numpy()[:, None, :] - means.to_numpy()[None, :, :]) ** 2).sum(axis=2))
    is_own = kinds.to_numpy()[:, None] == means.index.to_numpy()[None, :]
    is_separable = away[is_own] < 0.9 * np.where(is_own, np.inf, away).min(axis=1)
    assert is_separable.mean() > 0.9
    assert adjusted_rand_score(kinds[is_separable], found[is_separable]) >= 0.95
    # And who knows the truth finds no better: started from the true means, the segments are the same.
    from_truth = KMeans(5, init=means.to_numpy(), n_init=1).fit(x.to_numpy())
    assert adjusted_rand_score(from_truth.labels_, found) > 0.99


def test_the_truth_is_no_input(retailer: Path) -> None:
    mapping = (CONF / "sources" / "synthetic.yml").read_text()
    assert "truth" not in mapping
    raw = {path.name for path in (retailer / "raw").iterdir()}
    assert all(f"files: {name}" in mapping for name in raw)
