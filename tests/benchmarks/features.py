"""`make bench-features`: the speed and memory of windowed features, as ratios of runs side by side.

Every measure sets two ways of doing the same work against each other on the same rows, in alternating order, and is
the ratio of the medians. What both ways give is compared too: a fast wrong answer is no result.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import statistics
import time
from pathlib import Path

import duckdb
import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.schemas import STG_CUSTOMERS, STG_FEEDBACK, STG_INTERACTIONS, STG_TRANSACTIONS
from segmentation.features import Inputs, Lines, Registry, Tiles, build_features, load_registry
from segmentation.io import Warehouse, open_session
from segmentation.io.runs import new_run
from segmentation.pipeline import Context, Steps
from segmentation.pipeline.tiles import refresh_tiles
from segmentation.staging import load_source
from segmentation.tiles import TILES, daily_tiles, monthly_tiles, price_tiles
from tests.benchmarks.data import AS_OF, BENCH, ROOT, staged_lines
from tests.benchmarks.duck import features_sql
from tests.benchmarks.measure import Measure, Seconds, arguments, in_turn, peak_memory, print_peak, write

TWELVE = [dt.date(2023, month, 1) for month in range(2, 13)] + [AS_OF]
NEW_DAYS = 30
WHALE = 0.1


class Bench:
    """The inputs and ways of one number of lines."""

    def __init__(self, spark: SparkSession, registry: Registry, lines: int, whale: float = 0.0) -> None:
        self.spark, self.registry = spark, registry
        self.folder = staged_lines(spark, lines, whale)
        self.name = self.folder.name
        self.lines = spark.read.parquet(str(self.folder))
        self.out = BENCH / "out"

    def inputs(self, purchases: Tiles | Lines) -> Inputs:
        """Nothing but purchases: what DuckDB's query makes features of."""
        empty = (self.spark.createDataFrame([], t.ddl) for t in (STG_CUSTOMERS, STG_INTERACTIONS, STG_FEEDBACK))
        return Inputs(purchases, *empty)

    def stored(self) -> Tiles:
        """Maintained tiles, made once."""
        folder = BENCH / f"tiles-of-{self.name}"
        for make in (daily_tiles, monthly_tiles, price_tiles):
            if not (folder / make.__name__ / "_SUCCESS").exists():
                tiles = make(self.lines)
                parts = ["month"] if "month" in tiles.columns else []
                tiles.write.mode("overwrite").partitionBy(*parts).parquet(str(folder / make.__name__))
        return Tiles(
            *(self.spark.read.parquet(str(folder / f.__name__)) for f in (daily_tiles, monthly_tiles, price_tiles))
        )

    def features(self, purchases: Tiles | Lines, name: str, as_ofs: list[dt.date]) -> Path:
        out = self.out / name
        build_features(self.registry, self.inputs(purchases), as_ofs).write.mode("overwrite").parquet(str(out))
        self.spark.catalog.clearCache()
        return out

    def from_lines(self) -> Path:
        return self.features(Lines(self.lines), f"{self.name}-lines", [AS_OF])

    def from_tiles(self, *as_ofs: dt.date) -> Path:
        return self.features(self.stored(), f"{self.name}-tiles-{len(as_ofs)}", list(as_ofs))

    def duckdb(self) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        out = self.out / f"{self.name}-duckdb.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({features_sql(self.registry, self.folder, AS_OF)}) TO '{out}'")
        return out


def same(spark_rows: Path, other: Path, tolerance: float) -> None:
    """Raises AssertionError where a number differs by more than a share, or a cent, or a customer is missing."""
    with duckdb.connect() as connection:
        found, expected = (
            connection.execute(f"SELECT * FROM read_parquet('{path}') ORDER BY customer_id").fetchnumpy()
            for path in (f"{spark_rows}/*.parquet", other if other.is_file() else f"{other}/*.parquet")
        )
    assert (found["customer_id"] == expected["customer_id"]).all()
    for name in expected.keys() & found.keys() - {"customer_id", "as_of"}:
        a, b = (np.ma.filled(np.ma.asarray(side[name]).astype(float), np.nan) for side in (found, expected))
        assert np.allclose(a, b, rtol=tolerance, atol=tolerance and 0.0051, equal_nan=True), name


class Refresh:
    """A warehouse with two years of lines, of which the last month is to be taken in: again and again."""

    def __init__(self, bench: Bench) -> None:
        self.bench, folder = bench, BENCH / f"warehouse-{bench.name}"
        shutil.rmtree(folder, ignore_errors=True)
        self.warehouse = Warehouse(bench.spark, str(folder))
        self.warehouse.create([STG_TRANSACTIONS, *TILES])
        last = bench.lines.agg(F.max("event_date")).collect()[0][0]
        new = F.col("event_date") > F.lit(last - dt.timedelta(days=NEW_DAYS))
        self.context = Context(self.warehouse, ROOT / "conf", "synthetic", Steps(open(os.devnull, "w")))  # noqa: SIM115
        self.warehouse.overwrite(STG_TRANSACTIONS, bench.lines.where(~new))
        before = self.warehouse.version(STG_TRANSACTIONS)
        self.run = new_run("ingest", AS_OF, {}, {})
        made = refresh_tiles(self.context, self.run, None, before)
        self.before = {**made, STG_TRANSACTIONS.name: before}
        self.warehouse.merge(STG_TRANSACTIONS, bench.lines.where(new))
        self.now = self.warehouse.version(STG_TRANSACTIONS)

    def refresh(self) -> dict[str, int]:
        last = {"code_version": self.run.code_version, "output_versions": self.before}
        return refresh_tiles(self.context, self.run, last, self.now)  # type: ignore[arg-type]

    def anew(self) -> dict[str, int]:
        return refresh_tiles(self.context, self.run, None, self.now)

    def restore(self) -> None:
        """The tiles as they were before the new days."""
        for t in TILES:
            self.before[t.name] = self.warehouse.restore(t, self.before[t.name])

    def seconds(self, rounds: int) -> Seconds:
        seconds: Seconds = {"refresh": [], "anew": []}
        versions: dict[str, dict[str, int]] = {}
        for i in range(rounds):
            for name in ("refresh", "anew") if i % 2 == 0 else ("anew", "refresh"):
                self.restore()
                start = time.monotonic()
                versions[name] = getattr(self, name)()
                seconds[name].append(time.monotonic() - start)
                print(f"  round {i + 1}  {name:<28}{seconds[name][-1]:8.1f} s", flush=True)
        for t in TILES:
            one, other = (hashed(self.warehouse.read(t, versions[way][t.name])) for way in ("refresh", "anew"))
            assert one == other, t.name
        return seconds


def hashed(rows: DataFrame) -> tuple[int, int]:
    """The number of rows and a sum over their hashes, which no order changes."""
    found = rows.agg(F.count("*"), F.sum(F.xxhash64(*rows.columns).cast("decimal(38,0)"))).collect()[0]
    return int(found[0]), int(found[1])


def driver(lines: int) -> None:
    """In a process of its own: features of stored tiles; prints the driver's peak memory."""
    bench = open_bench(lines)
    bench.from_tiles(AS_OF)
    print_peak(bench.spark)


def open_bench(lines: int, whale: float = 0.0) -> Bench:
    source = load_source(ROOT / "conf", "synthetic")
    return Bench(open_session("bench"), load_registry(ROOT / "conf", source.provides()), lines, whale)


def main() -> None:
    """Run everything, print the table, write `build/bench/features.json`."""
    options = arguments(__doc__, "lines", 20_000_000)
    if options.driver:
        driver(options.driver)
        return
    large, small = open_bench(options.lines), open_bench(options.lines // 10)
    skewed = open_bench(options.lines, WHALE)
    for bench in (large, small):
        bench.stored()
    print(f"{options.lines:,} lines, {options.rounds} rounds", flush=True)
    seconds = in_turn(
        {"DuckDB from lines": large.duckdb, "from lines": large.from_lines,
         "from tiles": lambda: large.from_tiles(AS_OF), "twelve dates from tiles": lambda: large.from_tiles(*TWELVE),
         "a tenth of the lines": small.from_lines, "one customer has a tenth": skewed.from_lines},
        options.rounds,
    )  # fmt: skip
    out = BENCH / "out"
    same(out / f"{large.name}-tiles-1", out / f"{large.name}-lines", 0)
    same(out / f"{large.name}-tiles-1", out / f"{large.name}-duckdb.parquet", 1e-9)
    seconds |= Refresh(large).seconds(options.rounds)
    took = {name: statistics.median(values) for name, values in seconds.items()}
    memory = peak_memory("features", options.lines) / peak_memory("features", options.lines // 10)
    measures = [
        Measure("from lines / DuckDB", took["from lines"] / took["DuckDB from lines"], 2.5),
        Measure("from lines / from tiles", took["from lines"] / took["from tiles"], 3, at_least=True),
        Measure(f"all tiles anew / refresh of {NEW_DAYS} days", took["anew"] / took["refresh"], 8, at_least=True),
        Measure("twelve as-of dates / one", took["twelve dates from tiles"] / took["from tiles"], 3),
        Measure("ten times the lines: time", took["from lines"] / took["a tenth of the lines"], 10.5),
        Measure("ten times the lines: driver memory", memory, 1.2),
        Measure("one customer with a tenth of the lines", took["one customer has a tenth"] / took["from lines"], 1.2),
    ]
    write("features", measures, seconds, BENCH / "features.json")
    print(f"DuckDB beside it: from tiles / DuckDB {took['from tiles'] / took['DuckDB from lines']:.2f}")


if __name__ == "__main__":
    main()
