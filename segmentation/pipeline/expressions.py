"""The SQL of the configuration, read by Spark before any data is: functions and types that only Spark knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import ConfigError, first_line
from segmentation.core.schemas import SEGMENT_PROFILES, STG_CUSTOMERS
from segmentation.features import Registry
from segmentation.features.states import STATES
from segmentation.monitoring import Kpi
from segmentation.pipeline.dimensions import Dimensions
from segmentation.segments import Population, Rules
from segmentation.segments.population import ATTRIBUTES, IS_PROSPECT


def check_expressions(
    spark: SparkSession,
    folder: Path,
    registry: Registry,
    dimensions: Dimensions,
    rules: Rules,
    population: Population,
    kpis: Mapping[str, Kpi],
) -> None:
    """Raises ConfigError naming file, entry and Spark's objection. Starts no Spark job: nothing is executed."""
    attributes = {c.name: c.type for c in STG_CUSTOMERS.columns}
    states = {s.name: "double" if s.windowed else attributes[s.name] for s in STATES.values()}
    states["net_by_department"] = "map<string,double>"
    features = {f.name: f.sql_type for f in registry.features}
    windowed: dict[str, str] = {}
    single: dict[str, str] = {}
    for base, f in {f.base: f for f in registry.features if f.sql}.items():
        where = f"{folder}/features/{f.dimension}.yml: {base}"
        (windowed if f.window else single)[where] = f"CAST({f.sql} AS {f.sql_type})"
    _check(spark, states, windowed)
    _check(spark, features | states, single)  # what is a feature and a state is an attribute under its own name
    conditions = {f"{folder}/dimensions.yml: {name}: has_data": d.has_data for name, d in dimensions.items()}
    conditions |= {f"{folder}/rules.yml: {rule.name}: when": rule.when for rule in rules.rules}
    _check(spark, features, {where: f"({sql}) AND true" for where, sql in conditions.items()})
    of = {f"{folder}/population.yml: {e.name}: when": f"({e.when}) AND true" for e in population.exclusions}
    _check(spark, {**ATTRIBUTES, **features, IS_PROSPECT: "boolean"}, of)
    profiles = {c.name: c.type for c in SEGMENT_PROFILES.columns}
    figures = {f"{folder}/monitoring.yml: kpis: {name}: sql": kpi.sql for name, kpi in kpis.items()}
    # Beside a column, so that an aggregate is refused.
    _check(spark, profiles, {where: f"struct(segment_id, CAST({sql} AS double))" for where, sql in figures.items()})


def _check(spark: SparkSession, types: dict[str, str], expressions: dict[str, str]) -> None:
    schema = ", ".join(f"`{name}` {sql_type}" for name, sql_type in types.items())
    rows = spark.createDataFrame([], schema)
    try:
        rows.select(*(F.expr(sql) for sql in expressions.values()))
    except AnalysisException:
        for where, sql in expressions.items():
            _check_one(rows, where, sql)


def _check_one(rows: DataFrame, where: str, sql: str) -> None:
    try:
        rows.select(F.expr(sql))
    except AnalysisException as error:
        objection = first_line((error.getMessage() or str(error)).split(" SQLSTATE")[0])
        raise ConfigError(f"{where}: Spark cannot evaluate it: {objection}") from None
