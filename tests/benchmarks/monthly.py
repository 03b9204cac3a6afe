"""`make bench-monthly`: what a month costs, as ratios: scoring, drift checks, a year at once, ten times the customers.

Synthetic customers with 50 lines each over two years, staged once; a bundle is fitted on 1 January 2023, and the months
after it are scored by it. Every way starts from a copy of that warehouse; copying does not count.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.schemas import ALL_DIMENSIONS, SEGMENTS
from segmentation.datasets.synthetic import Retailer, write_synthetic
from segmentation.io import Warehouse, open_session
from segmentation.io.runs import new_run
from segmentation.pipeline import Context, Steps, open_context, run_months
from segmentation.pipeline.bundle import load_bundle
from segmentation.pipeline.features import run_features
from segmentation.pipeline.monitor import Month, monitor
from segmentation.pipeline.month import Verdict, score_rows, write_month
from segmentation.pipeline.population import read_everyone
from tests.benchmarks.data import BENCH, LINES_PER_CUSTOMER, ROOT
from tests.benchmarks.measure import Measure, arguments, in_turn, write

FIRST = dt.date(2023, 1, 1)
YEAR = [dt.date(2023, m, 1) for m in range(2, 13)] + [dt.date(2024, 1, 1)]


class Shop:
    """A warehouse with everything staged and FIRST published; `fresh` is a copy of it."""

    def __init__(self, customers: int) -> None:
        self.customers, self.home = customers, BENCH / f"monthly-{customers}"
        if not (self.home / "done").exists():
            shutil.rmtree(self.home, ignore_errors=True)
            retailer = Retailer(customers, customers * LINES_PER_CUSTOMER, seed=7)
            write_synthetic(open_session("bench"), retailer, str(self.home))
            list(run_months(self.open(self.home / "warehouse"), [FIRST], str(self.home / "raw")))
            (self.home / "done").touch()

    def open(self, warehouse: Path, restate: bool = False) -> Context:
        quiet = Steps(open(os.devnull, "w"))  # noqa: SIM115
        return open_context("bench", str(ROOT / "conf"), "synthetic", str(warehouse), restate, quiet)

    def fresh(self) -> Context:
        scratch = self.home / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self.home / "warehouse", scratch)
        return self.open(scratch)

    def months(self, *as_ofs: dt.date) -> Callable[[], object]:
        """Features, scores, drift report and profiles of these dates, from staged data to publication."""
        return lambda: list(run_months(self.fresh(), as_ofs))


class Parts:
    """One month in hand, its features built: the parts of it that are held against one another."""

    def __init__(self, shop: Shop) -> None:
        self.context = shop.fresh()
        [self.features_run] = run_features(self.context, YEAR[:1])
        self.previous = self.context.runs.before("monthly", YEAR[0])
        bundle = self.context.runs.champion(YEAR[0])
        assert bundle is not None
        self.bundle, self.models = bundle, load_bundle(self.context, bundle)
        self.context = shop.open(Path(self.context.warehouse.root), restate=True)

    def features(self) -> DataFrame:
        return self.context.warehouse.read_run(self.context.registry.table, YEAR[0], self.features_run["run_id"])

    def scored(self) -> None:
        """The `segments` of everybody, written."""
        rows, _ = score_rows(self.context, self.features(), self.models, self.previous)
        self._write("scored", rows)

    def constant(self) -> None:
        """Reads the columns that scoring reads, and writes as many rows of the same shape that say nothing."""
        used = sorted(
            {s.feature for m in self.models.values() for s in m.preprocessor.fitted} & set(self.features().columns)
        )
        read = self.features().where(F.xxhash64(*used) != 0)
        six = F.explode(F.array(*map(F.lit, ALL_DIMENSIONS))).alias("dimension")
        said = {"segment_id": "transactional-20230101-1", "segment_name": "A segment of average name",
                "raw_segment_id": "transactional-20230101-1", "model_version": self.bundle}  # fmt: skip
        three = F.array(*(F.struct(F.lit(name).alias("feature"), F.lit(1.5).alias("z")) for name in used[:3]))
        of = {**{k: F.lit(v) for k, v in said.items()}, "top_features": three, "cluster_id": F.lit(1),
              "distance": F.lit(1.25), "margin": F.lit(0.5), "score": F.lit(40.0), "coverage": F.lit(1.0)}  # fmt: skip
        others = {c.name: F.lit(None).cast(c.type) for c in SEGMENTS.columns if c.name not in of}
        rows = read.select("customer_id", six)
        columns = {**others, **of}
        self._write("constant", rows.select("customer_id", "dimension", *(
            c.alias(n) for n, c in columns.items() if n not in ("customer_id", "dimension"))))  # fmt: skip

    def _write(self, run_id: str, rows: DataFrame) -> None:
        rows = rows.withColumns({"as_of": F.lit(YEAR[0]), "run_id": F.lit(run_id)})
        self.context.warehouse.write_attempt(SEGMENTS, rows, YEAR[0], run_id)

    def without_drift(self) -> None:
        """All tables of the month but `drift_report`, written and audited."""
        inputs = {"features": self.features_run["run_id"], "bundle": self.bundle}
        self.run = new_run("monthly", YEAR[0], {}, inputs)
        write_month(self.context, self.run, self.features_run, self.previous, lambda *_: Verdict("stable", ""))

    def drift(self) -> None:
        """The drift report of the same month, by a process that has read nothing yet."""
        warehouse = self.context.warehouse
        self.context = replace(self.context, warehouse=Warehouse(warehouse.spark, warehouse.root))
        everyone = read_everyone(self.context, YEAR[0], self.features_run)
        month = Month(YEAR[0], self.features_run, self.bundle, everyone, self.previous, self.run.run_id)
        monitor(self.context, month, self.models)
        everyone.release()


def main() -> None:
    """Run everything, print the table, write `build/bench/monthly.json`."""
    options = arguments(__doc__, "customers", 100_000)
    large, small = Shop(options.customers), Shop(options.customers // 10)
    print(f"{options.customers:,} customers, {options.rounds} rounds", flush=True)
    month = Parts(large)
    month.without_drift()  # the first of everything is slower
    seconds = in_turn({"scored": month.scored, "constant rows": month.constant}, options.rounds)
    seconds |= in_turn({"a month without drift": month.without_drift, "drift report": month.drift}, options.rounds)
    seconds |= in_turn(
        {"one month": large.months(*YEAR[:1]), "a tenth of the customers": small.months(*YEAR[:1]),
         "twelve months": large.months(*YEAR)},
        options.rounds,
    )  # fmt: skip
    took = {name: statistics.median(values) for name, values in seconds.items()}
    measures = [
        Measure("constant rows / scoring", took["constant rows"] / took["scored"], 0.7, at_least=True),
        Measure("drift report / the rest of scoring", took["drift report"] / took["a month without drift"], 0.3),
        Measure("twelve months at once / one", took["twelve months"] / took["one month"], 8),
        Measure("ten times the customers: time", took["one month"] / took["a tenth of the customers"], 10.5),
    ]
    write("monthly", measures, seconds, BENCH / "monthly.json")


if __name__ == "__main__":
    main()
