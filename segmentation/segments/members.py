"""Who belongs where: the word of every dimension's model for each customer in one pass, and `no_data` for the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering import View, adopt, assign, layer_columns, layers
from segmentation.clustering.views import Array
from segmentation.core.customers import Bools
from segmentation.core.schemas import ALL_DIMENSIONS, DIMENSIONS, NO_DATA, SEGMENTS, UNIFIED
from segmentation.matrix import Preprocessor
from segmentation.segments.rules import Rule, Rules
from segmentation.segments.stickiness import WORDS, Before, held_before, keep

NOBODY = "No data"
NO_RULES = Rules(rules=[])
COLUMNS = [c for c in SEGMENTS.columns if c.name not in ("as_of", "run_id")]
TOP_FEATURES = pa.struct([("feature", pa.string()), ("z", pa.float64())])


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
    if before is not None:
        features = features.join(held_before(before), on="customer_id", how="left")
        columns["before"] = [F.col(f"{word}_{i}") for i in range(len(ALL_DIMENSIONS)) for word in WORDS]
    named = [c.alias(f"{kind}_{i}") for kind, of in columns.items() for i, c in enumerate(of)]
    counts = {kind: len(of) for kind, of in columns.items()}

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                scored = _Customers.of(batch, counts)
                for d in ALL_DIMENSIONS:
                    yield _rows(d, models.get(d), views.get(d), scored, rules.rules, min_score)

    ddl = ", ".join(f"`{c.name}` {c.type}" for c in COLUMNS)
    return features.select("customer_id", *named).mapInArrow(run, ddl)


@dataclass(frozen=True)
class _Customers:
    """A batch of n customers: vectors of all dimensions (n, d), who has data in which, and which rules hold."""

    ids: pa.Array
    share: Array
    x: Array
    has: Bools
    met: Bools
    before: Mapping[str, Before]
    """By dimension; empty where there is no month before."""

    @classmethod
    def of(cls, batch: pa.RecordBatch, counts: Mapping[str, int]) -> _Customers:
        found, at = dict[str, Any](), 1
        for kind, count in counts.items():
            of_kind = batch.columns[at : at + count]
            found[kind] = of_kind if kind == "before" else [c.to_numpy(zero_copy_only=False) for c in of_kind]
            at += count
        words = found.get("before", [])
        before = {d: Before(*pair) for d, *pair in zip(ALL_DIMENSIONS, words[::2], words[1::2], strict=False)}
        n = batch.num_rows
        has, met = (np.array(found[kind], dtype=np.bool_).reshape(-1, n).T for kind in ("has", "met"))
        x = np.ascontiguousarray(np.array(found["x"], dtype=np.float64).reshape(-1, n).T)
        return cls(batch.column(0).cast(pa.string()), found["share"][0], x, has, met, before)


def _rows(
    dimension: str, model: Model | None, view: View | None, customers: _Customers, rules: Sequence[Rule],
    min_score: float,
) -> pa.RecordBatch:  # fmt: skip
    n = len(customers.ids)
    if model is None or view is None:
        member, found = np.zeros(n, dtype=np.bool_), dict[str, pa.Array]()
    else:
        member = np.ones(n, dtype=np.bool_) if view.member is None else customers.has[:, view.member]
        x, rows = customers.x[member][:, list(view.columns)], np.flatnonzero(member)
        found = _modelled(model, view, x, rows, n, customers.before.get(dimension), min_score)
    nobody = pa.array([NO_DATA] * n)
    raw, published = found.get("raw_segment_id", nobody), found.get("segment_id", nobody)
    names = found.get("segment_name", pa.array([NOBODY] * n))
    columns = {
        **{c.name: pa.nulls(n) for c in COLUMNS},
        **found,
        "dimension": pa.array([dimension] * n), "customer_id": customers.ids, "raw_segment_id": raw,
        "segment_id": published,
        "segment_name": names,
        "coverage": pa.array(customers.share if dimension == UNIFIED else member.astype(np.float64)),
        "model_version": pa.array([model.version if model else None] * n, pa.string()),
    }  # fmt: skip
    if dimension == UNIFIED and customers.met.any():
        columns |= _ruled(rules, customers.met, published, names, columns["held_distance"])
    return pa.RecordBatch.from_arrays([_typed(columns[c.name], c.type) for c in COLUMNS], [c.name for c in COLUMNS])


def _modelled(
    model: Model, view: View, x: Array, rows: npt.NDArray[np.intp], n: int, before: Before | None, min_score: float
) -> dict[str, pa.Array]:
    """What the model says of customers `rows` of n, x (rows, d); null, or no_data, for the others."""
    # Row after row in memory: in another order numpy would add up in another order.
    x = np.ascontiguousarray(x * np.array(view.scale) if view.scale else x)
    a = assign(x, model.centroids)
    place = np.zeros(n, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    known = np.zeros(n, dtype=np.bool_)
    known[rows] = True
    at = pa.array(place, mask=~known)
    cluster, published, away = pa.array(a.cluster, pa.int32()).take(at), a.cluster, np.full(len(rows), np.nan)
    if before is not None:
        held, said = before.clusters(model.segment_ids)
        published, away = keep(x, model.centroids, a.cluster, a.distance, (held[rows], said[rows]), min_score)
    shown = pa.array(published, pa.int32()).take(at)
    pulls = np.arange(a.top.shape[1]) < a.pulling[:, None]
    slots = pa.array(model.preprocessor.names, pa.string()).take(pa.array(a.top[pulls]))
    z = np.take_along_axis(x, a.top, axis=1)[pulls]
    offsets = np.concatenate([[0], np.cumsum(a.pulling)]).astype(np.int32)
    top = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([slots, pa.array(z)], fields=list(TOP_FEATURES)))
    return {
        "cluster_id": cluster,
        "raw_segment_id": pa.array(model.segment_ids).take(cluster).fill_null(NO_DATA),
        "segment_id": pa.array(model.segment_ids).take(shown).fill_null(NO_DATA),
        "segment_name": pa.array(model.segment_names).take(shown).fill_null(NOBODY),
        "held_distance": pa.array(away, mask=np.isnan(away)).take(at),
        "distance": pa.array(a.distance).take(at),
        "margin": pa.nulls(n, pa.float64()) if a.margin is None else pa.array(a.margin).take(at),
        "score": pa.array(a.score).take(at),
        "top_features": top.take(at),
    }


def _ruled(
    rules: Sequence[Rule], met: Bools, published: pa.Array, names: pa.Array, away: pa.Array
) -> dict[str, pa.Array]:
    """Segment, name and rule of those whom a rule claims: the first that holds; and all that hold, in order."""
    claimed = met.any(axis=1)
    first = pa.array(met.argmax(axis=1), mask=~claimed)
    of_rules = [pa.array([getattr(r, c) for r in rules]) for c in ("segment_id", "segment_name", "name")]
    ids, called, rule = (values.take(first) for values in of_rules)
    each = np.concatenate([[0], np.cumsum(met.sum(axis=1))]).astype(np.int32)
    every = of_rules[2].take(pa.array(np.nonzero(met)[1]))
    return {
        "segment_id": pc.coalesce(ids, published),
        "segment_name": pc.coalesce(called, names),
        "rule_applied": rule,
        "held_distance": pc.if_else(pa.array(claimed), pa.scalar(None, pa.float64()), away),
        "rules_met": pa.ListArray.from_arrays(pa.array(each), every, mask=pa.array(~claimed)),
    }


def _typed(values: pa.Array, ddl: str) -> pa.Array:
    return values.cast(_ARROW[ddl])


_ARROW = {
    "string": pa.string(), "int": pa.int32(), "double": pa.float64(), "array<string>": pa.list_(pa.string()),
    "array<struct<feature:string,z:double>>": pa.list_(TOP_FEATURES),
}  # fmt: skip
