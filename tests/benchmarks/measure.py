"""What benchmarks share: ways run in turn, ratios held against goals, and a driver's memory."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from tests.benchmarks.data import ROOT

Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Measure:
    """A ratio, and what was asked of it. `at_least`: higher is better."""

    measure: str
    value: float
    goal: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def row(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"| {self.measure} | {self.value:.2f} | {sign} {self.goal:g} | {'yes' if self.met else '**no**'} |"


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Seconds of each way: all of them each round, in the opposite order every other round."""
    seconds: Seconds = {name: [] for name in ways}
    for i in range(rounds):
        for name in list(ways) if i % 2 == 0 else reversed(list(ways)):
            start = time.monotonic()
            ways[name]()
            seconds[name].append(time.monotonic() - start)
            print(f"  round {i + 1}  {name:<28}{seconds[name][-1]:8.1f} s", flush=True)
    return seconds


def arguments(doc: str | None, size: str, default: int, parts: Sequence[str] = ()) -> argparse.Namespace:
    """The command line of a benchmark: how large (`--<size>`), rounds, its parts, and what `peak_memory` asks for."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument(f"--{size}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=5)
    if parts:
        parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART", help=", ".join(parts))
    parser.add_argument("--driver", type=int)
    return parser.parse_args()


def write(part: str, measures: Sequence[Measure], seconds: Seconds, path: Path) -> None:
    """Prints a part's measures as a Markdown table; keeps them, and the medians behind them, in a JSON file by part."""
    found = json.loads(path.read_text()) if path.exists() else {}
    took = {name: statistics.median(values) for name, values in seconds.items()}
    found[part] = {"measures": [{**asdict(m), "met": m.met} for m in measures], "seconds": took}
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(
        "\n".join(["| measure | value | goal | met |", "|---|---|---|---|", *(m.row() for m in measures)]), flush=True
    )


def peak_memory(benchmark: str, size: int) -> float:
    """The most bytes that the driver of a small cluster (its JVM and Python) held for a benchmark's work of a size."""
    command = [sys.executable, "-m", f"tests.benchmarks.{benchmark}", "--driver", str(size)]
    env = os.environ | {"PYSPARK_SUBMIT_ARGS": (
        "--properties-file conf/spark/local.conf --master local-cluster[1,2,6144] --driver-memory 2g "
        "--conf spark.executor.memory=6g --conf spark.executor.extraClassPath=" + str(ROOT / "build" / "jars" / "*") +
        " pyspark-shell"
    ), "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return float(done.stdout.split()[-1])


def print_peak(spark: SparkSession) -> None:
    """For the process that `peak_memory` starts, at its end."""
    jvm = spark._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    print(sum(_high_water_mark(pid) for pid in (jvm, os.getpid())))


def _high_water_mark(pid: int) -> float:
    """The most bytes that a process ever had in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
