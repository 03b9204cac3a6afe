"""What every job has in hand: session, warehouse, run store, configuration, and the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TextIO

from pyspark.sql import Row

from segmentation.clustering import SweepConfig
from segmentation.core.config import load, read_yaml
from segmentation.core.errors import ConfigError
from segmentation.core.schemas import AGGREGATES, SEGMENT_PROFILES, TABLES, Table
from segmentation.features import Registry, load_registry
from segmentation.io import RunStore, Warehouse, open_session
from segmentation.io.runs import Run
from segmentation.marts import load_marts
from segmentation.monitoring import load_monitoring
from segmentation.pipeline.alerts import check_people, load_alerts
from segmentation.pipeline.dimensions import load_dimensions
from segmentation.pipeline.expressions import check_expressions
from segmentation.pipeline.promotion import PromotionRules
from segmentation.privacy import Disclosure
from segmentation.segments import Stickiness, load_personas, load_population, load_rules
from segmentation.staging import Source, load_source
from segmentation.tiles import TILES

SOURCE = "source"
"""The key under which an ingest run's inputs name the mapping."""


class Steps:
    """Lines on the terminal: what is being done, and when done with which counts and in how many seconds."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def say(self, text: str = "") -> None:
        """One line."""
        print(text, file=self._out, flush=True)

    def say_notes(self, label: str, notes: Sequence[str]) -> None:
        """What is missing, a line per table or dimension; the run keeps every note with its reason."""
        groups: dict[str, list[str]] = {}
        for note in notes:
            subject = note.removeprefix("no ").split(":")[0].split(" is off")[0]
            group, dot, name = subject.partition(".")
            groups.setdefault(group if dot else note.removeprefix("no "), []).extend([name] if dot else [])
        for group, names in groups.items():
            self.say(f"  {label:<24}{group}{': ' if names else ''}{', '.join(names)}")

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Shows `name` at once; what the block appends to the list follows it, with the seconds, at the end."""
        facts: list[str] = []
        print(f"  {name:<24}", end="", file=self._out, flush=True)
        start = time.monotonic()
        try:
            yield facts
        except BaseException:
            print("failed", file=self._out, flush=True)
            raise
        print(f"{'; '.join(facts):<78} {time.monotonic() - start:6.1f} s", file=self._out, flush=True)


@dataclass(frozen=True)
class Context:
    """One job's surroundings. `restate` asks for a published run to be done again."""

    warehouse: Warehouse
    config: Path
    source_name: str
    steps: Steps
    restate: bool = False

    @cached_property
    def runs(self) -> RunStore:
        """The run manifest of the warehouse. Raises ConfigError where another source than this was staged in it."""
        runs = RunStore(self.warehouse)
        self._of_this_source(runs.latest("ingest"))
        return runs

    def last_ingest(self) -> Row | None:
        """The last ingest, or None; asked anew, since another job may have been the first. Raises as `runs` does."""
        return self._of_this_source(self.runs.latest("ingest"))

    def _of_this_source(self, ingest: Row | None) -> Row | None:
        if ingest is not None and ingest["inputs"][SOURCE] != self.source_name:
            held = ingest["inputs"][SOURCE]
            raise ConfigError(
                f"{self.warehouse.root} holds the source {held}; --source is {self.source_name}. Name --source {held} "
                f"(SOURCE={held} behind make), or another --warehouse: one warehouse holds one retailer."
            )
        return ingest

    @cached_property
    def source(self) -> Source:
        """The source mapping."""
        return load_source(self.config, self.source_name)

    @cached_property
    def registry(self) -> Registry:
        """The features that this source can feed."""
        return load_registry(self.config, self.source.provides())

    @property
    def tables(self) -> list[Table]:
        """Every table of the warehouse."""
        return [*TABLES, *TILES, self.registry.table]

    def config_files(self, *names: str) -> dict[str, object]:
        """The parsed content of files in the configuration folder: what a run's config_hash is made of."""
        return {name: read_yaml(self.config / name) for name in names}

    def feature_files(self) -> list[str]:
        """The feature definitions, by name."""
        return sorted(p.relative_to(self.config).as_posix() for p in (self.config / "features").glob("*.yml"))

    def standing(self, run: Run) -> Row | None:
        """The published run that makes `run` needless, named on the terminal; None where there is work to do.

        What is published for an as-of date stays until somebody restates it, also where late data, another
        configuration or other code would give something else by now.
        """
        if self.restate:
            return None
        found = self.runs.latest(run.job, run.as_of)
        if found is not None:
            self.steps.say(f"{run.job}: {run.as_of} is published already (run {found['run_id']})")
        if found is not None and found["run_key"] != run.run_key:
            was = {
                "input": {k: found["inputs"].get(k) for k in run.inputs},
                "configuration": found["config_hash"],
                "code": found["code_version"],
            }
            now = {"input": dict(run.inputs), "configuration": run.config_hash, "code": run.code_version}
            changed = ", ".join(name for name in was if was[name] != now[name])
            self.steps.say(f"  it stays as it is       changed since: {changed}; --restate publishes it anew")
        return found

    @cached_property
    def tables_created(self) -> bool:
        """Creates what is missing, once a process, and only when a job is about to write."""
        with self.steps.step("tables") as facts:
            self.warehouse.create(self.tables)
            facts.append(f"{len(self.tables)} in {self.warehouse.root}/segmentation")
        return True

    def create_tables(self) -> None:
        """Makes sure that every table is there; the first call does the work."""
        assert self.tables_created


def open_context(
    app: str, config: str, source: str, warehouse: str, restate: bool = False, steps: Steps | None = None
) -> Context:
    """Checks the configuration, starts Spark, and lets it read the configured SQL before any data is touched.

    Raises ConfigError where a file is wrong: before Spark starts, but for functions and types that only Spark knows.
    """
    folder = Path(config)
    if not folder.is_dir():
        raise ConfigError(f"--config {config}: there is no such folder. Expected the project's conf/, or a copy of it.")
    registry = load_registry(folder, load_source(folder, source).provides())
    names = [f.name for f in registry.features]
    dimensions = load_dimensions(folder, registry)
    load(folder / "sweep.yml", SweepConfig)
    load(folder / "promotion.yml", PromotionRules)
    kpis = load_monitoring(folder, SEGMENT_PROFILES.names).kpis
    check_people(folder, load_alerts(folder), kpis)
    load(folder / "stickiness.yml", Stickiness)
    rules = load_rules(folder, names)
    population = load_population(folder, names)
    load_personas(folder, registry.meant_for_fit)
    load(folder / "disclosure.yml", Disclosure)
    load_marts(folder, [t.name for t in (*TABLES, *TILES, *AGGREGATES, registry.table)])
    spark = open_session(app)
    check_expressions(spark, folder, registry, dimensions, rules, population, kpis)
    return Context(Warehouse(spark, warehouse), folder, source, steps or Steps(), restate)
