"""`make bench-scenarios`: months of the made-up retailer from files to verdict, in every scenario of the generator.

`make bench-drift` draws customers anew; here nothing is drawn. In each case a retailer of its own, 75 lines a customer
over three years, is staged, a bundle is fitted in the third, and months behind it are made in turn by the steps of
`jobs/monthly.py`. The first two years fill the windows of the fit and those of the same months of last year.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from segmentation.core.errors import GuardError, StopError
from segmentation.datasets.synthetic import Retailer, find_scenario, write_synthetic
from segmentation.io import open_session
from segmentation.pipeline import Context, Steps, open_context, run_month
from tests.benchmarks.data import BENCH, LINES_PER_CUSTOMER, ROOT

YEAR = tuple(dt.date(2023, m, 1) for m in range(1, 13))
JANUARY, FEBRUARY, MARCH, _, MAY, JUNE, JULY, AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = YEAR
NEW_YEAR = dt.date(2024, 1, 1)
YEARS = 3
HOLDS, MOVED, STOPPED, REFUSED = {"stable"}, {"rescored", "refit", "stop"}, {"stop"}, {"refused"}
MONEY = ("revenue", "order_value", "margin", "price")


@dataclass(frozen=True)
class Case:
    """One retailer.

    fitted: as of when a bundle is fitted. expected: the verdicts of which each month has one.
    named: what the first thing named by the drift report is called, or a part of that; nothing where any will do.
    """

    scenario: str
    months: tuple[dt.date, ...]
    expected: set[str]
    named: tuple[str, ...] = ()
    fitted: dt.date = JANUARY
    seed: int = 7
    guards: bool = True


CASES = (
    *(Case("none", (FEBRUARY, MAY, AUGUST, NOVEMBER), HOLDS, seed=seed) for seed in (7, 9, 11)),
    *(Case("none", (MARCH, JUNE, SEPTEMBER, DECEMBER), HOLDS, seed=seed) for seed in (8, 10)),
    Case("mean_shift", (OCTOBER,), MOVED, ("visit_minutes",), JULY),
    Case("new_segment", (MAY, AUGUST, NOVEMBER), MOVED, ("visit_minutes",)),
    Case("vanished_segment", (MAY, NOVEMBER), MOVED),
    Case("christmas", (NEW_YEAR,), HOLDS, fitted=AUGUST),
    Case("half_day_missing", (), REFUSED),
    Case("currency_error", (), REFUSED),
    Case("currency_error", (NEW_YEAR,), STOPPED, MONEY, DECEMBER, guards=False),
    Case("slow_creep", (*YEAR[1:], NEW_YEAR), MOVED, MONEY),
)


@dataclass(frozen=True)
class Month:
    """What became of one month: its verdict, and why; the reason begins with what the drift report names first."""

    as_of: str
    verdict: str
    reason: str


def made(case: Case, customers: int, folder: Path) -> Iterator[Month]:
    """The months of a case as they are made; where staging refuses the files, one that is `refused`."""
    lines = customers * LINES_PER_CUSTOMER * YEARS // 2
    retailer = Retailer(customers, lines, case.seed, find_scenario(case.scenario), years=YEARS)
    write_synthetic(open_session("bench"), retailer, str(folder))
    config = configure(folder / "conf", case.guards)

    def context() -> Context:
        quiet = Steps(open(os.devnull, "w"))  # noqa: SIM115
        return open_context("bench", str(config), "synthetic", str(folder / "warehouse"), steps=quiet)

    try:
        run_month(context(), case.fitted, str(folder / "raw"))
    except GuardError as error:
        yield Month(str(case.fitted), "refused", str(error))
        return
    for as_of in case.months:
        try:
            run = run_month(context(), as_of)
            yield Month(str(as_of), run["verdict"], run["reason"])
        except StopError as error:
            yield Month(str(as_of), "stop", str(error).partition(" is not published: ")[2])


def configure(config: Path, guards: bool) -> Path:
    """`conf/` with a shorter sweep, since drift is what is measured here, and without guards of amounts on demand."""
    shutil.copytree(ROOT / "conf", config)
    change(config / "sweep.yml", {"seeds": [11, 23], "k_max": 8})
    if not guards:
        change(config / "sources" / "synthetic.yml", {"guards": {"max_amount_ratio": 1e6, "max_missing_day_share": 1}})
    return config


def change(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, sort_keys=False))


def row(case: Case, months: list[Month]) -> str:
    """A line of Markdown; the last column tells of the first month that is not stable what it names first."""
    words = ", ".join(f"{v} {n}" for v, n in sorted(Counter(m.verdict for m in months).items()))
    right = sum(m.verdict in case.expected for m in months)
    moved = [m for m in months if m.verdict not in HOLDS]
    first = f"{moved[0].as_of}: {moved[0].reason.split(';')[0]}" if moved else "–"
    named = sum(any(word in m.reason.split(";")[0] for word in case.named) for m in moved)
    cause = f"{named} of {len(moved)}" if case.named else "–"
    title = f"{case.scenario}{'' if case.guards else ', guards off'}, seed {case.seed}"
    return f"| {title} | {len(months)} | {words} | {right} of {len(months)} | {cause} | {first[:140]} |"


def main() -> None:
    """Run the cases, print a row of each, write `build/bench/scenarios.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--only", nargs="+", choices=sorted({c.scenario for c in CASES}), metavar="SCENARIO")
    options = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    print("| case | months | verdicts | as expected | cause named first | first month that is not stable |")
    print("|---|---|---|---|---|---|", flush=True)
    found = []
    for case in CASES:
        if options.only and case.scenario not in options.only:
            continue
        with tempfile.TemporaryDirectory(dir=BENCH) as folder:
            months = list(made(case, options.customers, Path(folder)))
        print(row(case, months), flush=True)
        found.append({"scenario": case.scenario, "seed": case.seed, "guards": case.guards,
                      "months": [asdict(m) for m in months]})  # fmt: skip
        (BENCH / "scenarios.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
