"""The fitted preprocessor: per vector slot a SQL expression of literals, made from exact sample figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer, VectorAssembler

from segmentation.core.config import sql_columns
from segmentation.features import Feature
from segmentation.matrix.prune import redundant

WINSOR = (0.01, 0.99)
FARTHEST = 3.0
"""So many standard deviations from its mean a value lies at most (the mean before it is bounded).

What few have then weighs as little as they are few: unbounded, any number has variance 1, and one that 1 in 100 have
puts these ten deviations away from everybody, where every k makes a segment of them.
"""
MIN_LEVEL_SHARE = 0.02  # a rarer value of a nominal feature gets no slot of its own, nor one that fewer than this lack
UNKNOWN = "(unknown)"
SAME = "is the same for everyone"
NEARLY_SAME = f"is the same for all but {MIN_LEVEL_SHARE:.0%} of the customers or fewer"
ALL_RARE = f"has no value that {MIN_LEVEL_SHARE:.0%} of the customers share"
VECTOR = "features"

Values = npt.NDArray[np.float64]
"""(n,) what a slot is for each customer of the sample."""


@dataclass(frozen=True)
class Slot:
    """One slot of the vector: `sql` turns a row of `customer_features` into its scaled value, mean 0 in training.

    A slot that is not `fitted` says what an earlier one says: it describes segments, and takes no part in vectors.
    """

    name: str
    feature: str
    sql: str
    fitted: bool = True


NOTHING = Slot("(nothing)", "(nothing)", "0.0D")
"""The only slot where nothing tells customers apart: a vector needs one."""


@dataclass(frozen=True)
class Dropped:
    """A feature, or one value of a nominal one (`feature=value`), that takes no part in the fit, and why."""

    feature: str
    reason: str


@dataclass(frozen=True)
class Block:
    """A dimension inside the unified vector: `factor` scales its slots so that its variance is its weight."""

    dimension: str
    has_data: str
    factor: float


@dataclass(frozen=True)
class Preprocessor:
    """Everything that was fitted, in plain values."""

    dimension: str
    has_data: str
    slots: tuple[Slot, ...]
    dropped: tuple[Dropped, ...]
    variance: float
    """Total variance of the fitted slots in the sample."""
    sample_size: int
    blocks: tuple[Block, ...] = ()

    def to_json(self) -> str:
        """For `segment_models.preprocessor`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Preprocessor:
        """The inverse of to_json.

        >>> p = Preprocessor("d", "true", (Slot("a", "a", "a"),), (), 1.0, 3)
        >>> Preprocessor.from_json(p.to_json()) == p
        True
        """
        values = json.loads(text)
        return cls(
            **{
                **values,
                "slots": tuple(Slot(**s) for s in values["slots"]),
                "dropped": tuple(Dropped(**d) for d in values["dropped"]),
                "blocks": tuple(Block(**b) for b in values["blocks"]),
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The vector's slots in order."""
        return tuple(s.name for s in self.fitted)

    @property
    def reads(self) -> frozenset[str]:
        """The features that scoring needs: those fitted, and what says who has data."""
        return sql_columns(self.has_data, self.dimension).union(s.feature for s in self.fitted)

    @property
    def fitted(self) -> tuple[Slot, ...]:
        """The slots that make up the vector."""
        return tuple(s for s in self.slots if s.fitted)

    def stages(self) -> PipelineModel:
        """Plain Spark ML stages: customer_features in, the same rows with `features` out."""
        columns = ", ".join(f"{s.sql} AS `slot_{i}`" for i, s in enumerate(self.fitted))
        return PipelineModel(
            [
                SQLTransformer(statement=f"SELECT *, {columns} FROM __THIS__"),
                VectorAssembler(inputCols=[f"slot_{i}" for i in range(len(self.fitted))], outputCol=VECTOR),
            ]
        )


def fit_preprocessor(
    dimension: str, has_data: str, features: Sequence[Feature], sample: pd.DataFrame, max_correlation: float
) -> Preprocessor:
    """Fits one dimension on its sample (rows with data only).

    Numbers: impute (declared value or median), log1p with sign where declared, winsorise at the 1st and 99th
    percentile and at FARTHEST standard deviations, centre, divide by the standard deviation. Nominal values: one slot
    per value that at least 2 % of the sample have and lack, scaled so that the feature weighs as much as one number,
    or less where that would put a value farther away than FARTHEST. What earlier slots of other features say already
    does not count again.
    """
    dropped: list[Dropped] = []
    slots: list[tuple[Slot, Values]] = []
    for f in features:
        found, why = _one_hot(f, sample[f.name]) if f.is_text else _number(f, sample[f.name])
        slots += found
        if why:
            dropped.append(Dropped(f.name, why))
    matrix = np.column_stack([v for _, v in slots]) if slots else np.empty((len(sample), 0))
    said = redundant([s.name for s, _ in slots], [s.feature for s, _ in slots], matrix, max_correlation)
    dropped += [Dropped(name, reason) for name, reason in said.items()]
    named = tuple(replace(s, fitted=s.name not in said) for s, _ in slots)
    variance = float(sum(v.var() for s, v in slots if s.name not in said))
    return Preprocessor(dimension, has_data, named or (NOTHING,), tuple(dropped), variance, len(sample))


def unify(dimension: str, parts: Sequence[Preprocessor], weights: Mapping[str, float]) -> Preprocessor:
    """All blocks side by side, each weighing what `weights` says whatever its number of columns.

    A block's slots are scaled so that its total variance in the sample is its weight; where a customer lacks the
    dimension, the block is 0, its training mean.
    """
    parts = [p for p in parts if p.variance > 0]
    blocks = tuple(Block(p.dimension, p.has_data, float(np.sqrt(weights[p.dimension] / p.variance))) for p in parts)
    slots = tuple(
        Slot(
            f"{p.dimension}.{s.name}", s.feature,
            f"CASE WHEN {b.has_data} THEN {s.sql} * {_d(b.factor)} ELSE 0.0D END",
        )
        for p, b in zip(parts, blocks, strict=True) for s in p.fitted
    )  # fmt: skip
    total = float(sum(weights[p.dimension] for p in parts))
    return Preprocessor(
        dimension,
        "true",
        slots or (NOTHING,),
        (),
        total,
        max((p.sample_size for p in parts), default=0),
        blocks,
    )


def _number(f: Feature, column: pd.Series) -> tuple[list[tuple[Slot, Values]], str | None]:
    raw = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    known = raw[~np.isnan(raw)]
    impute = f.block.impute if f.block.impute != "median" else float(np.median(known)) if known.size else 0.0
    values = np.where(np.isnan(raw), float(impute), raw)
    # NaN sorts above everything and would become the cap: it is null here.
    sql = f"coalesce(nanvl(CAST(`{f.name}` AS DOUBLE), NULL), {_d(float(impute))})"
    if f.block.transform == "log1p":
        values = np.sign(values) * np.log1p(np.abs(values))
        sql = f"signum({sql}) * log1p(abs({sql}))"
    if not values.size:
        return [], SAME
    low, high = (float(q) for q in np.quantile(values, WINSOR))
    if low == high:  # rarer than 1 in 100: keep the whole range rather than lose the feature
        low, high = float(values.min()), float(values.max())
    clipped = np.clip(values, low, high)
    mean, deviation = float(clipped.mean()), float(clipped.std())
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return [], SAME
    low, high = max(low, mean - FARTHEST * deviation), min(high, mean + FARTHEST * deviation)
    clipped = np.clip(values, low, high)
    mean = float(clipped.mean())
    sql = f"(least(greatest({sql}, {_d(low)}), {_d(high)}) - {_d(mean)}) / {_d(deviation)}"
    return [(Slot(f.name, f.name, sql), (clipped - mean) / deviation)], None


def _one_hot(f: Feature, column: pd.Series) -> tuple[list[tuple[Slot, Values]], str | None]:
    values = column.fillna(UNKNOWN).astype(str)
    shares = values.value_counts(normalize=True)
    share = {str(level): float(s) for level, s in zip(shares.index, shares.to_numpy(), strict=True)}
    levels = sorted(level for level, s in share.items() if MIN_LEVEL_SHARE <= s <= 1 - MIN_LEVEL_SHARE)
    if not levels:
        return [], SAME if len(share) < 2 else NEARLY_SAME if max(share.values()) > 1 - MIN_LEVEL_SHARE else ALL_RARE
    is_level = np.column_stack([(values == level).to_numpy(dtype=np.float64) for level in levels])
    means = is_level.mean(axis=0)
    centred = is_level - means
    # One number has variance 1; the slots of one feature share that.
    spread = float(np.sqrt(centred.var(axis=0).sum()))
    spread = max(spread, float(np.linalg.norm(centred, axis=1).max()) / FARTHEST)
    slots: list[tuple[Slot, Values]] = []
    for level, mean, of in zip(levels, means.tolist(), (centred / spread).T, strict=True):
        sql = (
            f"(CASE WHEN coalesce(`{f.name}`, {_text(UNKNOWN)}) = {_text(level)} THEN 1.0D ELSE 0.0D END - {_d(mean)})"
            f" / {_d(spread)}"
        )
        slots.append((Slot(f"{f.name}={level}", f.name, sql), of))
    return slots, None


def _d(value: float) -> str:
    # Without the D, SQL reads 1.5 as a decimal; in parentheses for the minus sign.
    return f"({value!r}D)" if value < 0 else f"{value!r}D"


def _text(value: str) -> str:
    # Spark puts its settings in place of ${…} and SQLTransformer its table in place of __THIS__, in literals too.
    marks = {"\\": "\\\\", "'": "\\'", "$": "\\u0024", "__THIS__": "\\u005f_THIS__"}
    for mark, escaped in marks.items():
        value = value.replace(mark, escaped)
    return f"'{value}'"
