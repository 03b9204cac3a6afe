"""Every window of every as-of date in one pass over a customer's rows, batch by batch, in numpy.

The rows of a customer stand together, sorted by day. A family prepares running sums once a batch; each window of each
as-of date is then a difference, so twelve dates cost little more than one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.core.periods import Window, day_number
from segmentation.features import states
from segmentation.features.affinity import Prices, affinity, departments, stores
from segmentation.features.cadence import cadence
from segmentation.features.engagement import engagement, feedback
from segmentation.features.past import Past
from segmentation.features.purchases import purchases
from segmentation.features.spans import EVER, Measure
from segmentation.features.states import INTERACTION_TYPES
from segmentation.features.variety import variety
from segmentation.tiles import SUMS

ROWS = 100_000
"""Rows a batch is gathered to: enough that Python's own work vanishes, few enough to stay near the processor."""


@dataclass(frozen=True)
class Wanted:
    """A state over a window; `key` is the entry wanted of a state that is a map."""

    name: str
    window: Window
    key: str | None = None

    @property
    def column(self) -> str:
        """What it is called beside other windows and keys.

        >>> Wanted("net_by_department", Window(90), "fresh").column
        'net_by_department__fresh__90d'
        """
        return "__".join(part for part in (self.name, self.key, self.window.name) if part)


@dataclass(frozen=True)
class Request:
    """Which states to measure as of which dates, and the prices to compare with."""

    as_ofs: tuple[dt.date, ...]
    states: tuple[Wanted, ...]
    prices: Prices

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that have any of the states."""
        names = {s.name for s in self.states}
        return tuple(f for f in FAMILIES if names & set(f.states))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows that it takes, beside customer and day."""
        return tuple(dict.fromkeys(c for family in self.families for c in family.columns))

    @property
    def ddl(self) -> str:
        """What comes out, one row per as-of date and customer known before it."""
        return ", ".join(("as_of date", "customer_id string", *(f"`{s.column}` double" for s in self.states)))


@dataclass(frozen=True)
class Family:
    """A module's states, the columns that they are made of, and how."""

    states: tuple[str, ...]
    columns: tuple[str, ...]
    prepare: Callable[[Past, Request], Mapping[str, Measure]]


def _departments(past: Past, request: Request) -> Mapping[str, Measure]:
    return departments(past, {s.key for s in request.states if s.name == "net_by_department" and s.key})


def _names(states: Sequence[states.State]) -> tuple[str, ...]:
    return tuple(s.name for s in states)


SUM_NAMES = tuple(s.name for s in SUMS)
CONTACTS = (*(f"{t}s" for t in INTERACTION_TYPES), "responses", "visit_minutes")
FAMILIES = (
    Family(_names(states.PURCHASES), (*SUM_NAMES, "order_dates"), lambda past, _: purchases(past)),
    Family(_names(states.CADENCE), ("order_dates",), lambda past, _: cadence(past)),
    Family(_names(states.CATEGORIES), ("by_category",), lambda past, request: affinity(past, request.prices)),
    Family(_names(states.DEPARTMENTS), ("by_category",), _departments),
    Family(_names(states.STORES), ("orders_by_store",), lambda past, _: stores(past)),
    Family(_names(states.VARIETY), ("bought_before",), lambda past, _: variety(past)),
    Family(_names(states.ENGAGEMENT), (*CONTACTS, "received", "answered"), lambda past, _: engagement(past)),
    Family(_names(states.FEEDBACK), _names(states.FEEDBACK), lambda past, _: feedback(past)),
)


def measure(batches: Iterator[pa.RecordBatch], request: Request) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: rows sorted by customer and day come in, measured customers (see `Request.ddl`) go out."""
    for rows in _whole_customers(batches):
        past = Past(rows)
        measures: dict[str, Measure] = {}
        for family in request.families:
            measures |= family.prepare(past, request)
        for as_of in request.as_ofs:
            yield _measured(past, measures, request, as_of)


def _measured(past: Past, measures: Mapping[str, Measure], request: Request, as_of: dt.date) -> pa.RecordBatch:
    end = day_number(as_of)
    known = np.flatnonzero(past.spans.between(EVER, end))
    columns: dict[str, pa.Array] = {
        "as_of": pa.array(np.full(len(known), end, dtype=np.int32), pa.date32()),
        "customer_id": past.customers.take(pa.array(known)),
    }
    for s in request.states:
        name = s.name if s.key is None else f"{s.name}__{s.key}"
        first = EVER if s.window.days is None else end - s.window.days
        values = measures[name](first, end)[known].astype(np.float64)
        columns[s.column] = pa.array(values, mask=np.isnan(values))
    return pa.RecordBatch.from_pydict(columns)


def _whole_customers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in tables of about ROWS rows that split no customer."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(b) for b in waiting) >= ROWS:
            rows = pa.Table.from_batches(waiting)
            last = rows["customer_id"][-1]
            whole = pc.index(rows["customer_id"], last).as_py()
            if whole:
                yield rows.slice(0, whole)
            waiting = rows.slice(whole).to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)
