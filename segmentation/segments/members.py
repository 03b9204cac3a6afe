"""Who belongs where: the word of every dimension's model for each customer in one pass, and `no_data` for the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from segmentation.clustering import View, adopt, assign, layer_columns, layers
from segmentation.clustering.assign import TOP, Ints
from segmentation.clustering.views import Array
from segmentation.core.customers import Bools
from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS, NO_DATA, SEGMENTS, UNIFIED
from segmentation.matrix import Preprocessor
from segmentation.segments.rules import Rule, Rules
from segmentation.segments.stickiness import WORDS, clusters_of, held_before, keep

NOBODY = "No data"
NO_RULES = Rules(rules=[])
COLUMNS = [c for c in SEGMENTS.columns if c.name not in ("as_of", "run_id")]
ARROW = pa.schema(
    [
        ("customer_id", pa.string()),
        *((name, pa.int32()) for name in ("dimension", "cluster", "published")),
        *((name, pa.float64()) for name in ("distance", "held_distance", "margin", "score", "coverage")),
        *((f"slot_{i}", pa.int32()) for i in range(TOP)),
        *((f"z_{i}", pa.float64()) for i in range(TOP)),
        ("pulling", pa.int32()),
        ("rules", pa.list_(pa.int32())),
    ]
)
"""A row of `segments` in numbers: its dimension's, its clusters', its slots', and of the rules that hold for it."""
FOUND = from_arrow_schema(ARROW)


@dataclass(frozen=True)
class Model:
    """What scoring one dimension needs; `centroids` has one row per cluster_id."""

    preprocessor: Preprocessor
    centroids: Array
    segment_ids: tuple[str, ...]
    segment_names: tuple[str, ...]
    version: str

    @property
    def dimension(self) -> str:
        """The dimension it segments."""
        return self.preprocessor.dimension

    def pipeline(self, spark: SparkSession) -> PipelineModel:
        """The same as plain Spark ML: customer_features to `features` and, where there are clusters, `cluster_id`."""
        stages = self.preprocessor.stages()
        return PipelineModel([*stages.stages, adopt(spark, self.centroids)]) if len(self.centroids) > 1 else stages


def segment_ids(dimension: str, trained_as_of: dt.date, revenue_per_customer: Sequence[float]) -> tuple[str, ...]:
    """The identity of each cluster of a first fit: dimension, birthday, and rank by lifetime revenue a customer.

    >>> segment_ids("transactional", dt.date(2018, 1, 1), [10.0, 30.0])
    ('transactional-20180101-2', 'transactional-20180101-1')
    """
    order = sorted(range(len(revenue_per_customer)), key=lambda c: (-revenue_per_customer[c], c))
    return tuple(f"{dimension}-{trained_as_of:%Y%m%d}-{order.index(c) + 1}" for c in range(len(order)))


def segment_rows(
    models: Mapping[str, Model], features: DataFrame, has_data: Sequence[str], rules: Rules = NO_RULES,
    before: DataFrame | None = None, min_score: float = 0.0,
) -> DataFrame:  # fmt: skip
    """One row per customer of `features` and dimension: the columns of `segments` but as_of and run_id.

    In a dimension without a model (the source has nothing for it) everybody is in no_data. The unified model's blocks
    are among the models. In the unified dimension the first of `rules` that holds sets segment and name. `has_data`
    are the SQL conditions of the five dimensions; the unified coverage is the share of them that hold. before: the
    published `segments` of the month before, where customers stay who are not clearly elsewhere (`stickiness.keep`).
    """
    parts = [models[d].preprocessor for d in DIMENSIONS if d in models]
    unified = models[UNIFIED].preprocessor if UNIFIED in models else None
    views = {view.name: view for view in layers(parts, unified)}
    held = [F.coalesce(F.expr(c), F.lit(False)).cast("int") for c in has_data]
    columns = {
        "share": [sum(held[1:], held[0]) / F.lit(float(len(held)))],
        "x": layer_columns(parts),
        "has": [F.coalesce(F.expr(p.has_data), F.lit(False)) for p in parts],
        "met": [F.coalesce(F.expr(r.when), F.lit(False)) for r in rules.rules],
    }
    ids = {d: m.segment_ids for d, m in models.items()}
    if before is not None and ids:
        features = features.join(held_before(before, ids), on="customer_id", how="left")
        columns["before"] = [F.coalesce(word, F.lit(0)) for word in WORDS]
    named = [c.alias(f"{kind}_{i}") for kind, of in columns.items() for i, c in enumerate(of)]
    counts = {kind: len(of) for kind, of in columns.items()}

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                scored = _Customers.of(batch, counts, list(ids))
                for i, d in enumerate(ALL_DIMENSIONS):
                    yield _rows(i, models.get(d), views.get(d), scored, min_score)

    found = features.select("customer_id", *named).mapInArrow(run, FOUND)
    return found.select(*(c.alias(name) for name, c in _named(models, rules.rules).items()))


def _named(models: Mapping[str, Model], rules: Sequence[Rule]) -> dict[str, Column]:
    """The columns of `segments` from FOUND. Texts are looked up where they are written: through Python they would be
    most of what passes.
    """

    def of_dimension(texts: Callable[[Model], Sequence[str]], number: str) -> Column:
        lists = [_texts(texts(models[d]) if d in models else ()) for d in ALL_DIMENSIONS]
        return F.get(F.get(F.array(*lists), F.col("dimension")), F.col(number))

    ruled = F.get("rules", 0)
    rule_ids, rule_names, rule = (
        _texts([getattr(r, c) for r in rules]) for c in ("segment_id", "segment_name", "name")
    )
    tops = [
        F.struct(of_dimension(lambda m: m.preprocessor.names, f"slot_{i}").alias("feature"), F.col(f"z_{i}").alias("z"))
        for i in range(TOP)
    ]
    as_found = ("customer_id", "distance", "margin", "score", "coverage")
    columns = {
        **{name: F.col(name) for name in as_found},
        "dimension": F.get(_texts(ALL_DIMENSIONS), F.col("dimension")),
        "segment_id": F.coalesce(
            F.get(rule_ids, ruled), of_dimension(lambda m: m.segment_ids, "published"), F.lit(NO_DATA)
        ),
        "segment_name": F.coalesce(
            F.get(rule_names, ruled), of_dimension(lambda m: m.segment_names, "published"), F.lit(NOBODY)
        ),
        "cluster_id": F.col("cluster"),
        "raw_segment_id": F.coalesce(of_dimension(lambda m: m.segment_ids, "cluster"), F.lit(NO_DATA)),
        "held_distance": F.when(ruled.isNull(), F.col("held_distance")),
        "top_features": F.slice(F.array(*tops), F.lit(1), F.col("pulling")),
        "rule_applied": F.get(rule, ruled),
        "rules_met": F.transform("rules", lambda number: F.get(rule, number)),
        "model_version": F.get(
            _texts([models[d].version if d in models else None for d in ALL_DIMENSIONS]), F.col("dimension")
        ),
    }
    return {c.name: columns[c.name].cast(c.type) for c in COLUMNS}


def _texts(values: Sequence[str | None]) -> Column:
    return F.array(*map(F.lit, values)).cast("array<string>")


@dataclass(frozen=True)
class _Customers:
    """A batch of n customers: vectors of all dimensions (n, d), who has data in which, and which rules hold."""

    ids: pa.Array
    share: Array
    x: Array
    has: Bools
    met: Bools
    before: Mapping[str, tuple[Ints, Ints]]
    """By dimension the clusters held and said the month before, −1 for none; empty where there is no month before."""

    @classmethod
    def of(cls, batch: pa.RecordBatch, counts: Mapping[str, int], dimensions: Sequence[str]) -> _Customers:
        found, at = dict[str, list[Any]](), 1
        for kind, count in counts.items():
            found[kind] = [c.to_numpy(zero_copy_only=False) for c in batch.columns[at : at + count]]
            at += count
        before = {}
        if "before" in found:
            held, said = found["before"]
            before = {d: (clusters_of(held, i), clusters_of(said, i)) for i, d in enumerate(dimensions)}
        n = batch.num_rows
        has, met = (np.array(found[kind], dtype=np.bool_).reshape(-1, n).T for kind in ("has", "met"))
        x = np.ascontiguousarray(np.array(found["x"], dtype=np.float64).reshape(-1, n).T)
        return cls(batch.column(0).cast(pa.string()), found["share"][0], x, has, met, before)


def _rows(
    number: int, model: Model | None, view: View | None, customers: _Customers, min_score: float
) -> pa.RecordBatch:
    n, unified = len(customers.ids), ALL_DIMENSIONS[number] == UNIFIED
    member = np.zeros(n, dtype=np.bool_)
    found = dict[str, pa.Array]()
    if model is not None and view is not None:
        member = np.ones(n, dtype=np.bool_) if view.member is None else customers.has[:, view.member]
        x = customers.x[member][:, list(view.columns)]
        found = _modelled(model, view, x, member, customers.before.get(model.dimension), min_score)
    columns = {
        **found,
        "customer_id": customers.ids,
        "dimension": pa.array(np.full(n, number, dtype=np.int32)),
        "coverage": pa.array(customers.share if unified else member.astype(np.float64)),
        **({"rules": _met(customers.met)} if unified else {}),
    }
    arrays = [columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in ARROW]
    return pa.RecordBatch.from_arrays(arrays, schema=ARROW)


def _modelled(
    model: Model, view: View, x: Array, member: Bools, before: tuple[Ints, Ints] | None, min_score: float
) -> dict[str, pa.Array]:
    """What the model says of the members, x (members, d); null for the others."""
    # Row after row in memory: in another order numpy would add up in another order.
    x = np.ascontiguousarray(x * np.array(view.scale) if view.scale else x)
    a = assign(x, model.centroids)
    published, away = a.cluster, np.full(len(x), np.nan)
    if before is not None:
        held, said = (clusters[member] for clusters in before)
        published, away = keep(x, model.centroids, a.cluster, a.distance, (held, said), min_score)
    z = np.take_along_axis(x, a.top, axis=1)
    said_of = {
        "cluster": a.cluster, "published": published, "distance": a.distance, "held_distance": away,
        "margin": np.full(len(x), np.nan) if a.margin is None else a.margin, "score": a.score, "pulling": a.pulling,
        **{f"slot_{i}": of for i, of in enumerate(a.top.T)}, **{f"z_{i}": of for i, of in enumerate(z.T)},
    }  # fmt: skip
    return {name: _spread(values, member, ARROW.field(name).type) for name, values in said_of.items()}


def _spread(values: npt.NDArray[Any], member: Bools, kind: pa.DataType) -> pa.Array:
    """The members' values in everybody's places; null for NaN and for the others."""
    everyone = np.zeros(len(member), dtype=kind.to_pandas_dtype())
    everyone[member] = values
    return pa.array(everyone, kind, mask=~member | np.isnan(everyone))


def _met(met: Bools) -> pa.Array:
    """The numbers of the rules that hold for each one, in order; null where none does."""
    offsets = np.concatenate([[0], np.cumsum(met.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(np.nonzero(met)[1], pa.int32()), mask=pa.array(~met.any(axis=1))
    )
