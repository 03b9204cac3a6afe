"""The stages against the twin, and after they were saved."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.sql import SparkSession

from segmentation.matrix import fit_preprocessor
from tests.matrix.data import feature, vectors
from tests.oracles.matrix import one_hot, scaled

FEATURES = [
    feature("share"),
    feature("money", unit="money", transform="log1p"),
    feature("level", unit="level", impute=2),
    feature("town", unit="text"),
]
SCHEMA = "share double, money decimal(18,2), level int, town string"


def random_rows(rng: np.random.Generator, n: int, towns: list[str]) -> list[tuple[Any, ...]]:
    """A fifth of every column is null, a tenth of the shares NaN."""

    def maybe(value: Any) -> Any:
        return None if rng.random() < 0.2 else value

    return [
        (
            maybe(float("nan") if rng.random() < 0.1 else float(rng.normal(3, 10) ** 3)),
            maybe(Decimal(f"{rng.normal(0, 5000):.2f}")),
            maybe(int(rng.integers(1, 6))),
            maybe(towns[rng.integers(len(towns))]),
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_transform_is_the_twins_to_the_twelfth_digit(spark: SparkSession, seed: int) -> None:
    rng = np.random.default_rng(seed)
    towns = ["Ulm", "Bad 'X'", "Köln"]
    train, new = random_rows(rng, 150, towns), random_rows(rng, 150, [*towns, "unseen"])
    sample = pd.DataFrame(train, columns=[f.name for f in FEATURES])
    sample["money"] = sample["money"].astype(float)  # as hash_sample hands it over
    p = fit_preprocessor("transactional", "true", FEATURES, sample, 1.0)

    def column(rows: list[tuple[Any, ...]], i: int) -> list[Any]:
        return [None if r[i] is None or i == 3 else float(r[i]) for r in rows] if i < 3 else [r[i] for r in rows]

    towns_of = one_hot(column(train, 3), column(new, 3))
    assert p.names == ("share", "money", "level", *(f"town={t}" for t in towns_of))
    expected = np.column_stack(
        [
            scaled(column(train, 0), column(new, 0), None, log=False),
            scaled(column(train, 1), column(new, 1), None, log=True),
            scaled(column(train, 2), column(new, 2), 2, log=False),
            *towns_of.values(),
        ]
    )
    np.testing.assert_allclose(vectors(spark, p, SCHEMA, new), expected, rtol=0, atol=1e-12)


def test_a_saved_model_is_plain_spark_ml_and_scores_the_same(spark: SparkSession, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = random_rows(rng, 40, ["Ulm", "Bad 'X'"])
    sample = pd.DataFrame(rows, columns=[f.name for f in FEATURES])
    sample["money"] = sample["money"].astype(float)
    stages = fit_preprocessor("transactional", "true", FEATURES, sample, 1.0).stages()
    stages.write().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert [type(s) for s in loaded.stages] == [SQLTransformer, VectorAssembler]
    frame = spark.createDataFrame([(f"c{i}", *r) for i, r in enumerate(rows)], f"customer_id string, {SCHEMA}")
    before, after = ({r["customer_id"]: r["features"] for r in m.transform(frame).collect()} for m in (stages, loaded))
    assert len(after) == 40
    assert after == before
