"""`make bench-drift`: how often the drift report cries wolf, and how often it sees a wolf and names it.

The population is the training customers of a published warehouse, read in one Spark pass. Both the customers of
training and those of a month without drift are drawn from it with replacement, so that only chance tells them apart;
a few trainings (each takes its reference) are held against many months. Scenarios change the drawn month: vectors in
the models' own scaled slots, which rise with the feature, and its values along with them. What is counted are verdicts
of whole reports.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F
from scipy.stats import beta

from segmentation.clustering import layer_columns, layers
from segmentation.clustering.blocks import BLOCK_ROWS, Blocks
from segmentation.clustering.views import Block, View
from segmentation.core.config import load
from segmentation.features import Feature
from segmentation.monitoring import (
    Change,
    Histogram,
    Judged,
    Layer,
    MonitoringRules,
    Standing,
    fit_changes,
    judge,
    number_bins,
    take_standing,
    value_changes,
)
from segmentation.pipeline import open_context
from segmentation.pipeline.bundle import load_bundle
from segmentation.pipeline.population import read_everyone
from segmentation.pipeline.reference import in_order, layer
from tests.benchmarks.data import BENCH, ROOT

ITERATIONS = 50
SEED = 7


class LocalBlocks(Blocks):
    """Blocks on the driver: what the monitoring room asks of Spark, in this process."""

    def each(self, run: Callable[[Iterable[Block]], Iterator[Any]]) -> list[Any]:
        return list(run(self.blocks))

    def spread(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]

    def release(self) -> None:
        pass


@dataclass(frozen=True)
class Customers:
    """Vectors (d, n), who has data in which part (parts, n), and values (slots + recent, n), NaN: unknown.

    A slot of a text counts as its value.
    """

    x: Any
    members: Any
    values: Any

    def drawn(self, rng: np.random.Generator, n: int) -> Customers:
        who = rng.integers(0, self.x.shape[1], n)
        return Customers(self.x[:, who], self.members[:, who], self.values[:, who])

    def blocks(self, views: Sequence[View]) -> Blocks:
        cut = [slice(at, at + BLOCK_ROWS) for at in range(0, self.x.shape[1], BLOCK_ROWS)]
        parts: Any = [Block(i, self.x[:, s], self.members[:, s]) for i, s in enumerate(cut)]
        return LocalBlocks(parts, 1, len(parts), ()).seen_as(views)


@dataclass(frozen=True)
class Study:
    """A bundle with its population.

    slots: each feature of the fit, and its row of x. recent: the windows that are watched beside it.
    """

    ordered: list[Layer]
    views: list[View]
    slots: list[tuple[Feature, int]]
    recent: list[Feature]
    population: Customers
    rules: MonitoringRules

    @property
    def watched(self) -> list[Feature]:
        """The feature of each row of the values."""
        return [*(f for f, _ in self.slots), *self.recent]

    def training(self, customers: Customers) -> tuple[list[Histogram], list[Standing]]:
        """Histograms and standings, as a fit takes them."""
        histograms = []
        for feature, x in zip(self.watched, customers.values, strict=True):
            bins = number_bins(feature, x[~np.isnan(x)])
            histograms.append(Histogram(bins, tuple(bins.counts(pa.array(x)).tolist())))
        return histograms, take_standing(self.ordered, customers.blocks(self.views), SEED, ITERATIONS)

    def report(self, then: tuple[list[Histogram], list[Standing]], now: Customers) -> tuple[list[Judged], str, str]:
        histograms, standings = then
        found: list[Change] = list(
            value_changes(histograms, [h.bins.counts(pa.array(x)) for h, x in zip(histograms, now.values, strict=True)])
        )
        found += fit_changes(self.ordered, standings, now.blocks(self.views), ITERATIONS, self.rules.too_few)
        return judge(self.rules, found)


def study(warehouse: Path, source: str) -> Study:
    """The newest bundle of a warehouse and the customers that it was trained on: one Spark pass."""
    context = open_context("bench", str(ROOT / "conf"), source, str(warehouse))
    fit = context.runs.latest("fit_segments")
    assert fit is not None, f"{warehouse}: no bundle; run make demo first"
    bundle = context.runs.champion(fit["as_of"])
    assert bundle is not None
    models = in_order(load_bundle(context, bundle))
    built = context.runs.get(fit["inputs"]["features"])
    everyone = read_everyone(context, built["as_of"], built)
    *parts, unified = [m.preprocessor for m in models]
    slots = [(p.dimension, s.feature) for p in parts for s in p.fitted]
    by_name = {f.name: f for f in context.registry.features}
    row_of = {name: i for i, (_, name) in reversed(list(enumerate(slots)))}
    recent = [f for f in by_name.values() if f.is_watched and f.dimension in {p.dimension for p in parts}]
    watched = [*(by_name[name] for name in row_of), *recent]
    columns = [
        *(c.alias(f"x{i}") for i, c in enumerate(layer_columns(parts))),
        *(F.coalesce(F.expr(p.has_data), F.lit(False)).alias(f"is{i}") for i, p in enumerate(parts)),
        *(F.col(f.name).isNotNull().alias(f.name) if f.is_text else F.col(f.name).cast("double") for f in watched),
    ]
    rows = everyone.features.orderBy("customer_id").select(*columns).toPandas()
    everyone.release()
    x = rows[[f"x{i}" for i in range(len(slots))]].to_numpy(dtype=np.float32).T
    members = rows[[f"is{i}" for i in range(len(parts))]].to_numpy(dtype=bool).T
    values = [
        np.where(rows[f.name], x[row_of[f.name]], np.nan) if f.is_text else rows[f.name].to_numpy(dtype=float)
        for f in watched
    ]
    return Study(
        [layer(m) for m in models], layers(parts, unified), [(by_name[name], i) for name, i in row_of.items()], recent,
        Customers(x, members, np.array(values)),
        load(ROOT / "conf" / "monitoring.yml", MonitoringRules),
    )  # fmt: skip


Scenario = Callable[[Study, Customers, np.random.Generator], tuple[Customers, set[str]]]
"""A changed month, and the subjects of which one must be named first."""


def no_drift(of: Study, month: Customers, rng: np.random.Generator) -> tuple[Customers, set[str]]:
    return month, set()


def mean_shift(sigmas: float) -> Scenario:
    """One feature that everybody has, of everybody, up by so many standard deviations, as far as there were values."""

    def change(of: Study, month: Customers, rng: np.random.Generator) -> tuple[Customers, set[str]]:
        everywhere = [i for i, (f, _) in enumerate(of.slots) if not np.isnan(of.population.values[i]).any()
                      and len(np.unique(of.population.values[i])) > 10]  # fmt: skip
        i = int(rng.choice(everywhere))
        feature, row = of.slots[i]
        known = of.population.x[row]
        x, values = month.x.copy(), month.values.copy()
        x[row] = np.minimum(x[row] + np.float32(sigmas * known.std()), known.max())
        rises = np.lexsort((of.population.values[i], known))
        values[i] = np.interp(x[row], known[rises], of.population.values[i][rises])
        return Customers(x, month.members, values), {feature.name}

    return change


def new_segment(of: Study, month: Customers, rng: np.random.Generator) -> tuple[Customers, set[str]]:
    """One customer in twenty is of a kind that was not there: six features are beyond the largest.

    A vector goes no farther than the preprocessor lets it. The cause is named by a feature in which the kind differs,
    or by a layer that has no segment near it.
    """
    n = month.x.shape[1]
    who = rng.choice(n, n // 20, replace=False)
    x, values = month.x.copy(), month.values.copy()
    chosen = rng.choice(len(of.slots), 6, replace=False)
    named = {layer.dimension for layer in of.ordered}
    for i in chosen:
        feature, row = of.slots[i]
        x[row, who], values[i, who] = of.population.x[row].max(), np.inf
        named.add(feature.name)
    return Customers(x, month.members, values), named


def vanished_segment(of: Study, month: Customers, rng: np.random.Generator) -> tuple[Customers, set[str]]:
    """A unified segment of at least a twentieth has left, and with it more than half of some of the dimensions'."""
    owns = [_own(of, month, i) for i in range(len(of.ordered))]
    large = [c for c, n in Counter(owns[-1].tolist()).items() if n >= len(owns[-1]) / 20]
    stay = owns[-1] != int(rng.choice(sorted(large)))
    left = {
        layer.segment_ids[c]
        for layer, own in zip(of.ordered, owns, strict=True)
        for c in range(len(layer.segment_ids))
        if (own == c).any() and stay[own == c].mean() < 0.5
    }
    return Customers(month.x[:, stay], month.members[:, stay], month.values[:, stay]), left


def _own(of: Study, month: Customers, i: int) -> Any:
    """The number of each customer's cluster in a layer; -1 where the dimension knows nothing of the customer."""
    layer, view = of.ordered[i], of.views[i]
    scaled = month.x[list(view.columns)].T * np.array(1.0 if view.scale is None else view.scale)
    own = ((scaled[:, None, :] - layer.centroids[None]) ** 2).sum(axis=2).argmin(axis=1)
    return own if i == len(of.ordered) - 1 else np.where(month.members[i], own, -1)


def hundredfold(of: Study, month: Customers, rng: np.random.Generator) -> tuple[Customers, set[str]]:
    """Amounts in cents: of the fit every one at the upper end of what the preprocessor lets through."""
    x, values = month.x.copy(), month.values.copy()
    money = [i for i, (f, _) in enumerate(of.slots) if "revenue" in f.name and "trend" not in f.name]
    for row, known in ((of.slots[i][1], ~np.isnan(values[i])) for i in money):
        x[row, known] = of.population.x[row].max()
    recent = [len(of.slots) + i for i, f in enumerate(of.recent) if "order_value" in f.name]
    values[[*money, *recent]] *= 100
    return Customers(x, month.members, values), {of.watched[i].name for i in (*money, *recent)}


SCENARIOS: dict[str, Scenario] = {
    "none": no_drift,
    "one feature up by 0.25 deviations": mean_shift(0.25),
    "one feature up by 0.5 deviations": mean_shift(0.5),
    "one feature up by 1 deviation": mean_shift(1.0),
    "a new segment of 5 %": new_segment,
    "a segment has vanished": vanished_segment,
    "amounts a hundredfold": hundredfold,
}


@dataclass(frozen=True)
class Found:
    """Of so many months: how many raised an alarm, named the cause first, and with which verdicts."""

    scenario: str
    months: int
    alarms: int
    named: int
    verdicts: dict[str, int]

    @property
    def upper(self) -> float:
        """The 95 % upper bound of the alarm rate (Clopper & Pearson)."""
        return 1.0 if self.alarms == self.months else float(beta.ppf(0.95, self.alarms + 1, self.months - self.alarms))

    def row(self) -> str:
        words = ", ".join(f"{v} {n}" for v, n in sorted(self.verdicts.items()))
        named = "–" if self.scenario == "none" else f"{self.named / max(self.alarms, 1):.0%}"
        alarms = f"{self.alarms / self.months:.1%} | {self.upper:.1%}"
        return f"| {self.scenario} | {self.months} | {alarms} | {named} | {words} |"


def run(of: Study, name: str, trainings: int, months: int, n: int, seed: int = SEED) -> Found:
    """`months` months of n customers against each of so many trainings, drawn from the same population."""
    verdicts, named = Counter[str](), 0
    for t in range(trainings):
        rng = np.random.default_rng([seed, t])
        then = of.training(of.population.drawn(rng, n))
        for _ in range(months):
            now, causes = SCENARIOS[name](of, of.population.drawn(rng, n), rng)
            rows, verdict, _ = of.report(then, now)
            verdicts[verdict] += 1
            named += verdict != "stable" and rows[0].subject in causes
    total = trainings * months
    return Found(name, total, total - verdicts["stable"], named, dict(verdicts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", default="warehouse")
    parser.add_argument("--source", default="complete_journey")
    parser.add_argument("--trainings", type=int, default=25)
    parser.add_argument("--months", type=int, default=20, help="of each training, without drift; a fifth with")
    options = parser.parse_args()
    of = study(Path(options.warehouse), options.source)
    n = of.population.x.shape[1]
    segments = sum(len(x.segment_ids) for x in of.ordered)
    print(f"{n:,} customers, {len(of.slots)}+{len(of.recent)} features, {segments} segments", flush=True)
    print("| scenario | months | alarms | at most (95 %) | cause named first | verdicts |\n|---|---|---|---|---|---|")
    found = []
    for name in SCENARIOS:
        months = options.months if name == "none" else max(options.months // 5, 1)
        found.append(run(of, name, options.trainings, months, n))
        print(found[-1].row(), flush=True)
    BENCH.mkdir(parents=True, exist_ok=True)
    text = json.dumps([vars(f) | {"upper": f.upper} for f in found], indent=1)
    (BENCH / "drift.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
