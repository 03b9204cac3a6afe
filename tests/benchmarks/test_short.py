"""The short form of `make bench-features`: what its ways give is the same; seconds are nobody's business here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import SparkSession

from segmentation.features import load_registry
from segmentation.staging import load_source
from tests.benchmarks import data, features
from tests.benchmarks.data import AS_OF, ROOT


@pytest.fixture(scope="module")
def bench(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[features.Bench]:
    with pytest.MonkeyPatch.context() as m:
        folder = tmp_path_factory.mktemp("bench")
        for module in (data, features):
            m.setattr(module, "BENCH", folder)
        registry = load_registry(ROOT / "conf", load_source(ROOT / "conf", "synthetic").provides())
        made = features.Bench(spark, registry, 20_000, whale=0.1)
        made.stored()
        yield made


def test_tiles_lines_and_duckdb_give_the_same_features(bench: features.Bench) -> None:
    tiles = bench.from_tiles(AS_OF)
    features.same(tiles, bench.from_lines(), 0)
    features.same(tiles, bench.duckdb(), 1e-9)
    assert len(list(Path(tiles).glob("*.parquet"))) > 0


@pytest.mark.long  # tests/pipeline/test_tiles.py shows the same on small tables
def test_a_refreshed_month_is_what_all_anew_gives(bench: features.Bench) -> None:
    features.Refresh(bench).seconds(rounds=1)


def test_another_amount_is_noticed(bench: features.Bench, tmp_path: Path) -> None:
    tiles, other = bench.from_tiles(AS_OF), tmp_path / "other.parquet"
    duckdb.execute(
        f"COPY (SELECT * REPLACE (net_revenue_90d + 0.02 AS net_revenue_90d) FROM read_parquet('{tiles}/*.parquet')) "
        f"TO '{other}'"
    )
    with pytest.raises(AssertionError, match="net_revenue_90d"):
        features.same(tiles, other, 1e-9)
