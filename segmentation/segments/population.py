"""Who is scored at all: `conf/population.yml`, in order, the first match excludes; everybody else is scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.core.config import Strict, load, parse_sql, sql_columns
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import STG_CUSTOMERS

SCORED = "scored"
IS_PROSPECT = "is_prospect"
"""A name for `when`: the customer is in the customer file, and no dated record tells of them."""
ATTRIBUTES = {c.name: c.type for c in STG_CUSTOMERS.columns if c.name not in ("customer_id", "valid_from", "valid_to")}


class Exclusion(Strict):
    """Customers who meet `when` take no part in fits and are in no segment, for this reason."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    when: str
    reason: str

    @property
    def reads(self) -> frozenset[str]:
        """The names in `when`: of features, attributes, or `is_prospect`."""
        return sql_columns(self.when, self.name)


PROSPECT = Exclusion(
    name="prospect", when=IS_PROSPECT, reason="In the customer file, but no dated record tells of them"
)
"""Always the last one: who has no features cannot be scored."""


class Population(Strict):
    """The file. A name means the feature, or else the attribute of the customer's row valid on the day before."""

    exclusions: list[Exclusion]

    def without(self, features: Collection[str], provides: Collection[str]) -> tuple[Population, list[str]]:
        """The exclusions whose inputs the source has, and one line for each of the others.

        `features`: those that are on. `provides`: `customers.<attribute>` of what the source has.
        """
        lines, kept = [], []
        for exclusion in self.exclusions:
            missing = sorted(exclusion.reads - set(features) - {c.removeprefix("customers.") for c in provides})
            missing = [name for name in missing if name != IS_PROSPECT]
            if missing:
                lines.append(f"population.{exclusion.name} is off: the source has nothing for {', '.join(missing)}")
            else:
                kept.append(exclusion)
        return Population(exclusions=kept), lines

    @property
    def all(self) -> list[Exclusion]:
        """The exclusions in the order in which they are tried, the last one built in."""
        return [*self.exclusions, PROSPECT]


def load_population(folder: Path, features: Collection[str]) -> Population:
    """The exclusions. Raises ConfigError for a name that is no feature or attribute, or that stands twice."""
    path = folder / "population.yml"
    population = load(path, Population)
    known = {*features, *ATTRIBUTES, IS_PROSPECT}
    seen = {SCORED, PROSPECT.name}
    for exclusion in population.exclusions:
        where = f'{path}: exclusion "{exclusion.name}"'
        parse_sql(exclusion.when, where)
        for column in sorted(exclusion.reads - known):
            raise ConfigError(
                f'{where}: "{column}" is neither a feature nor a column of stg_customers. {nearest(column, known)}'
            )
        if exclusion.name in seen:
            built_in = " (built in)" if exclusion.name in (SCORED, PROSPECT.name) else ""
            raise ConfigError(f"{where} stands twice{built_in}. Choose another name.")
        seen.add(exclusion.name)
    return population


def excluded_customers(exclusions: Sequence[Exclusion], features: DataFrame, customers: DataFrame) -> DataFrame:
    """One row per known customer who is not scored: customer_id, exclusion, and whether they have features.

    `features`: one row per customer with a dated record. `customers`: the rows of stg_customers valid on the day
    before the as-of date; of overlapping ones the one that began last counts. A condition that is null excludes nobody.
    """
    reads = frozenset().union(*(e.reads for e in exclusions))
    of_features = [c for c in features.columns if c in reads and c != "customer_id"]
    of_row = [c for c in ATTRIBUTES if c in reads and c not in of_features]
    row = F.max_by(F.struct(*(F.col(c) for c in of_row), F.lit(1)), "valid_from").alias("row")
    attributes = customers.groupBy("customer_id").agg(row).select("customer_id", *(f"row.{c}" for c in of_row))
    known = features.select("customer_id", *of_features, F.lit(True).alias("has_features")).join(
        attributes, on="customer_id", how="full"
    )
    known = known.withColumn("has_features", F.coalesce("has_features", F.lit(False)))
    known = known.withColumn(IS_PROSPECT, ~F.col("has_features"))
    first = F.coalesce(*(F.when(F.expr(e.when), F.lit(e.name)) for e in exclusions))
    return known.select("customer_id", first.alias("exclusion"), "has_features").where("exclusion IS NOT NULL")


def population_rows(
    exclusions: Sequence[Exclusion], counts: Mapping[str, int], revenue: Mapping[str, Decimal], scored: int
) -> list[dict[str, object]]:
    """The rows of `population` but as_of and run_id: who is scored, then every exclusion in force, also at 0.

    `counts` and `revenue` (lifetime, decimal) by exclusion; `revenue` knows `scored` too.
    """
    everybody = scored + sum(counts.values())
    found = [(SCORED, "Scored: in a segment of every dimension", scored)]
    found += [(e.name, e.reason, counts.get(e.name, 0)) for e in exclusions]
    return [
        {
            "exclusion": name,
            "reason": reason,
            "customers": n,
            "customer_share": n / everybody,
            "revenue_lifetime": revenue.get(name, Decimal("0.00")),
        }
        for name, reason, n in found
    ]
