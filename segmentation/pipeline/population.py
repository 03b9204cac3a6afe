"""Who is scored at an as-of date, and who is not and why: the same for the fit and for the month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.errors import GuardError
from segmentation.core.schemas import EXCLUDED_CUSTOMERS, POPULATION, STG_CUSTOMERS
from segmentation.features import build_features
from segmentation.io.runs import Run
from segmentation.pipeline.context import Context
from segmentation.pipeline.features import read_inputs
from segmentation.segments import Exclusion, Population, excluded_customers, load_population, population_rows
from segmentation.segments.population import SCORED
from segmentation.tiles import in_units


@dataclass(frozen=True)
class Everyone:
    """All customers known at an as-of date. `features` (of those scored) and `excluded` are persisted."""

    features: DataFrame
    excluded: DataFrame
    exclusions: list[Exclusion]
    counts: Mapping[str, int]
    """Customers by exclusion."""
    scored: int
    notes: list[str]

    @property
    def known(self) -> int:
        """Everybody: scored or excluded."""
        return self.scored + sum(self.counts.values())

    @property
    def ids(self) -> DataFrame:
        """The customer_id of everybody."""
        return self.features.select("customer_id").union(self.excluded.select("customer_id"))

    def release(self) -> None:
        """Frees what is persisted."""
        self.features.unpersist()
        self.excluded.unpersist()


def read_everyone(context: Context, as_of: dt.date, features_run: Row) -> Everyone:
    """The population of the features that a run published. Raises GuardError where nobody is left to score."""
    registry, warehouse = context.registry, context.warehouse
    population, notes = population_of(context)
    context.steps.say_notes("off, inputs missing", notes)
    with context.steps.step(POPULATION.name) as facts:
        features = warehouse.read_run(registry.table, as_of, features_run["run_id"]).persist()
        check_kept(features, features_run)
        customers = customers_before(context, as_of, features_run["input_versions"][STG_CUSTOMERS.name])
        excluded = excluded_customers(population.all, features, customers).persist()
        found = excluded.groupBy("exclusion").agg(F.count("*").alias("n"), F.count_if("has_features").alias("of_us"))
        rows = found.collect()
        counts = {r["exclusion"]: r["n"] for r in rows}
        scored = features_run["rows_out"] - sum(r["of_us"] for r in rows)
        facts.append(
            f"{scored + sum(counts.values()):>9,} known = {scored:,} scored + {sum(counts.values()):,} excluded"
        )
        facts += [f"{counts[e.name]:,} {e.name}" for e in population.all if e.name in counts]
    if scored == 0:
        raise GuardError(
            f"population as of {as_of}: all {sum(counts.values()):,} known customers are excluded "
            f"({', '.join(f'{n:,} {name}' for name, n in sorted(counts.items()))}); expected somebody to score. "
            f"Look at {context.config}/population.yml, or choose another --as-of."
        )
    if scored < features_run["rows_out"]:
        others = features.join(excluded, on="customer_id", how="left_anti").persist()
        others.count()  # made from the cached features, which may then go
        features.unpersist()
        features = others
    return Everyone(features, excluded, population.all, counts, scored, notes)


def check_kept(features: DataFrame, features_run: Row) -> None:
    """Raises GuardError where the features that a run has published are not all there any more."""
    n = features.count()
    if n != features_run["rows_out"]:
        raise GuardError(
            f"customer_features as of {features_run['as_of']}: {n:,} rows are left of {features_run['rows_out']:,}; "
            "jobs/maintain.py takes them away by keep_days in conf/maintenance.yml. Build them again with "
            f"jobs/build_features.py --as-of {features_run['as_of']} --restate."
        )


def write_population(context: Context, run: Run, everyone: Everyone, tiles: DataFrame) -> dict[str, int]:
    """Writes the counts by reason, with the lifetime revenue of each, and who is excluded; returns the versions."""
    named = tiles.join(everyone.excluded.select("customer_id", "exclusion"), on="customer_id", how="left")
    money = named.groupBy(F.coalesce("exclusion", F.lit(SCORED)).alias("exclusion")).agg(
        F.sum("net_amount").alias("net_amount")
    )
    revenue = {r["exclusion"]: r["net_amount"] or Decimal("0.00") for r in in_units(money).collect()}
    attempt = {"as_of": run.as_of, "run_id": run.run_id}
    rows = [attempt | row for row in population_rows(everyone.exclusions, everyone.counts, revenue, everyone.scored)]
    versions = {POPULATION.name: context.warehouse.write_rows(POPULATION, rows, run.as_of, run.run_id)}
    if not everyone.counts:
        return versions | {EXCLUDED_CUSTOMERS.name: context.warehouse.version(EXCLUDED_CUSTOMERS)}
    who = everyone.excluded.select(
        F.lit(run.as_of).alias("as_of"), F.lit(run.run_id).alias("run_id"), "customer_id", "exclusion"
    )
    version = context.warehouse.write_attempt(EXCLUDED_CUSTOMERS, who, run.as_of, run.run_id)
    return versions | {EXCLUDED_CUSTOMERS.name: version}


def population_of(context: Context) -> tuple[Population, list[str]]:
    """The exclusions of `conf/population.yml` that the source can tell, and one line for each of the others."""
    features = context.registry.features
    return load_population(context.config, [f.name for f in features]).without(
        [f.name for f in features if not f.off_because], context.source.provides()
    )


def population_before(
    context: Context, as_of: dt.date, ingest: Row, reads: Collection[str], customers: DataFrame | None = None
) -> DataFrame:
    """Who would be scored at a date from what an ingest has left, with the features `reads`; nothing is written.

    `customers` (customer_id): the only ones to ask of.
    """
    exclusions = population_of(context)[0].all
    registry = context.registry.only({*reads, *(name for e in exclusions for name in e.reads)})
    known = build_features(registry, read_inputs(context, ingest), [as_of], customers)
    described = customers_before(context, as_of, ingest["output_versions"][STG_CUSTOMERS.name])
    if customers is not None:
        described = described.join(customers, "customer_id", "left_semi")
    return known.join(excluded_customers(exclusions, known, described), on="customer_id", how="left_anti")


def customers_before(context: Context, as_of: dt.date, version: int) -> DataFrame:
    """Customer rows of a version valid on the day before the as-of date, as the features read them."""
    rows = context.warehouse.read(STG_CUSTOMERS, version)
    return rows.where(
        (F.col("valid_from") < F.lit(as_of)) & (F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(as_of)))
    )
