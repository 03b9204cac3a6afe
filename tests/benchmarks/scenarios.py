"""`make bench-scenarios`: months of the made-up retailer from files to verdict, in every scenario of the generator.

`make bench-drift` draws customers anew; here nothing is drawn. In each case a retailer of its own, 50 lines a customer
over two years, is staged, a bundle is fitted, and the months behind it are made in turn by the jobs' own steps.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from segmentation.core.errors import GuardError, StopError
from segmentation.datasets.synthetic import Retailer, find_scenario, write_synthetic
from segmentation.io import open_session
from segmentation.pipeline import Context, Steps, open_context, run_month
from tests.benchmarks.data import BENCH, LINES_PER_CUSTOMER, ROOT

FITTED, SUMMER, NEW_YEAR = dt.date(2023, 1, 1), dt.date(2023, 8, 1), dt.date(2024, 1, 1)
YEAR = tuple(dt.date(2023, m, 1) for m in range(2, 13))
HOLDS, MOVED, REFUSED = {"stable"}, {"rescored", "refit", "stop"}, {"refused"}


@dataclass(frozen=True)
class Case:
    """`fitted`: as of when bundles are fitted. `named`: words of what the drift report names first, any of them."""

    scenario: str
    months: tuple[dt.date, ...]
    expected: set[str]
    named: tuple[str, ...] = ()
    seed: int = 7
    fitted: tuple[dt.date, ...] = (FITTED,)
    guards: bool = True

    @property
    def name(self) -> str:
        said = "" if self.guards else ", guards off"
        return f"{self.scenario}{said}, seed {self.seed}"


MONEY = ("revenue", "order_value", "margin")
CASES = (
    Case("none", YEAR[:10], HOLDS),
    Case("none", YEAR[:10], HOLDS, seed=8),
    Case("mean_shift", (dt.date(2023, 10, 1),), MOVED, ("visit_minutes",)),
    Case("new_segment", (NEW_YEAR,), MOVED),
    Case("vanished_segment", (NEW_YEAR,), MOVED),
    Case("christmas", (NEW_YEAR,), HOLDS, fitted=(SUMMER, FITTED)),
    Case("half_day_missing", (), REFUSED),
    Case("currency_error", (), REFUSED),
    Case("currency_error", (NEW_YEAR,), {"stop"}, MONEY, guards=False),
    Case("slow_creep", (*YEAR, NEW_YEAR), MOVED, MONEY),
)


@dataclass(frozen=True)
class Month:
    """What became of one month: its verdict, and why; the reason begins with what the drift report names first."""

    as_of: dt.date
    verdict: str
    reason: str


def made(case: Case, customers: int, folder: Path) -> Iterator[Month]:
    """The months of a case as they are made; where staging refuses the files, one that is `refused`."""
    scenario = find_scenario(case.scenario)
    retailer = Retailer(customers, customers * LINES_PER_CUSTOMER, case.seed, scenario)
    write_synthetic(open_session("bench"), retailer, str(folder))
    config = Path(shutil.copytree(ROOT / "conf", folder / "conf"))
    if not case.guards:
        mapping = config / "sources" / "synthetic.yml"
        off = {"max_amount_ratio": 1e6, "max_missing_day_share": 1}
        mapping.write_text(yaml.safe_dump(yaml.safe_load(mapping.read_text()) | {"guards": off}, sort_keys=False))

    def context() -> Context:
        quiet = Steps(open(os.devnull, "w"))  # noqa: SIM115
        return open_context("bench", str(config), "synthetic", str(folder / "warehouse"), steps=quiet)

    raw: str | None = str(folder / "raw")
    for as_of in case.fitted:
        try:
            run_month(context(), as_of, raw)
        except GuardError as error:
            yield Month(as_of, "refused", str(error))
            return
        raw = None
    for as_of in case.months:
        try:
            run = run_month(context(), as_of)
            yield Month(as_of, run["verdict"], run["reason"])
        except StopError as error:
            yield Month(as_of, "stop", str(error).partition(" is not published: ")[2])


def main() -> None:
    """Run the cases, print the table, write `build/bench/scenarios.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--only", nargs="+", choices=sorted({c.scenario for c in CASES}), metavar="SCENARIO")
    options = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    print("| case | months | verdicts | as expected | named first |\n|---|---|---|---|---|", flush=True)
    found = []
    for case in CASES:
        if options.only and case.scenario not in options.only:
            continue
        with tempfile.TemporaryDirectory(dir=BENCH) as folder:
            months = list(made(case, options.customers, Path(folder)))
        right = sum(m.verdict in case.expected for m in months)
        named = sum(any(word in m.reason[:60] for word in case.named) for m in months if m.verdict in MOVED)
        words = ", ".join(f"{v} {n}" for v, n in sorted(Counter(m.verdict for m in months).items()))
        moved = "; ".join(f"{m.as_of}: {m.reason[:60]}" for m in months if m.verdict not in HOLDS)
        first = f"{named} of {sum(m.verdict in MOVED for m in months)}" if case.named else moved
        print(f"| {case.name} | {len(months)} | {words} | {right} of {len(months)} | {first} |", flush=True)
        found.append({"case": case.name, "months": [[str(m.as_of), m.verdict, m.reason] for m in months]})
    (BENCH / "scenarios.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
