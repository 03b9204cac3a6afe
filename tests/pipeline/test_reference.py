"""What has settled at training, and which layers are young: by how long each input's history is."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.schemas import UNIFIED, Table
from segmentation.features import load_registry
from segmentation.matrix import Preprocessor, Slot, unify
from segmentation.pipeline.reference import unsettled, young_layers
from segmentation.segments import Model
from segmentation.staging import load_source
from tests.conftest import CONF

AS_OF = dt.date(2024, 7, 1)
FEATURES = {
    "net_revenue_90d", "net_revenue_365d", "revenue_trend_90d", "net_revenue_lifetime", "days_since_last_order",
    "responses_365d", "household_size",
}  # fmt: skip


@pytest.mark.parametrize(
    ("sales", "contacts", "growing"),
    [
        # The first day inside the longest window of each, and one day less.
        (365, 365, {"net_revenue_lifetime"}),
        (364, 365, {"net_revenue_lifetime", "net_revenue_365d", "days_since_last_order"}),
        (365, 364, {"net_revenue_lifetime", "responses_365d"}),
        (180, None, {"net_revenue_lifetime", "net_revenue_365d", "days_since_last_order"}),
        (179, None, {"net_revenue_lifetime", "net_revenue_365d", "days_since_last_order", "revenue_trend_90d"}),
    ],
)
def test_a_feature_grows_until_its_inputs_history_is_as_long_as_what_it_reads(
    spark: SparkSession, sales: int, contacts: int | None, growing: set[str]
) -> None:
    days = {"stg_transactions": sales, "stg_interactions": contacts}

    def read(table: Table, version: int) -> DataFrame:
        assert version == 7  # as the features read it
        back = days.get(table.name)
        first = None if back is None else AS_OF - dt.timedelta(days=back)
        return spark.createDataFrame([] if first is None else [(first,), (AS_OF,)], "event_date date")

    versions = dict.fromkeys(("stg_transactions", "stg_interactions", "stg_feedback"), 7)
    registry = load_registry(CONF, load_source(CONF, "synthetic").provides())
    context: Any = SimpleNamespace(warehouse=SimpleNamespace(read=read), registry=registry)
    run: Any = {"as_of": AS_OF, "input_versions": versions}
    assert unsettled(context, run, FEATURES) == growing


def model(dimension: str, *features: str) -> Model:
    slots = tuple(Slot(f, f, f) for f in features)
    p = Preprocessor(dimension, "true", slots, (), float(len(slots)), 10)
    return Model(p, np.zeros((1, len(slots))), ("s",), ("S",), "v")


def test_a_layer_is_young_where_what_grows_has_more_than_a_fifth_of_its_variance() -> None:
    parts = [model("transactional", *"abcde"), model("behavioral", *"fghi")]
    unified = unify(UNIFIED, [m.preprocessor for m in parts], {"transactional": 3.0, "behavioral": 1.0})
    models = {m.dimension: m for m in parts} | {UNIFIED: Model(unified, np.zeros((1, 9)), ("s",), ("S",), "v")}
    assert young_layers(models, frozenset()) == frozenset()
    assert young_layers(models, frozenset("a")) == frozenset()  # a fifth, no more
    assert young_layers(models, frozenset("f")) == {"behavioral"}  # of the unified layer a sixteenth
    assert young_layers(models, frozenset("fgh")) == {"behavioral"}  # 3/16: a block weighs what it is to, not its slots
    assert young_layers(models, frozenset("ab")) == {"transactional", UNIFIED}  # of the unified layer 3/4 of two fifths
    assert young_layers(models, frozenset("fghi")) == {"behavioral", UNIFIED}
