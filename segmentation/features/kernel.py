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

from segmentation.core.customers import whole_customers
from segmentation.core.periods import Window, day_number
from segmentation.core.schemas import STG_CUSTOMERS
from segmentation.features import attributes, states
from segmentation.features.affinity import Prices, affinity, departments, stores
from segmentation.features.cadence import cadence
from segmentation.features.engagement import engagement, feedback
from segmentation.features.past import DAY, ORDER_DAYS, Past
from segmentation.features.purchases import amount, order_days
from segmentation.features.spans import EVER, Measure
from segmentation.features.states import INTERACTION_TYPES
from segmentation.features.variety import variety
from segmentation.staging.mapping import UNDATED
from segmentation.tiles import RETURNED_SUMS, SUMS, Sum
from segmentation.tiles.build import KEYS as LINE_KEYS
from segmentation.tiles.kernel import Lines, tile_columns

KEY = ("customer_id", DAY)


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
    """Which states and attributes to measure as of which dates, and the prices to compare with."""

    as_ofs: tuple[dt.date, ...]
    states: tuple[Wanted, ...]
    attributes: tuple[str, ...]
    prices: Prices
    tiles: pa.Schema | None = None
    """Of the day tiles, where lines come in; None where tiles do."""

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that have any of the states."""
        names = {s.name for s in self.states}
        return tuple(f for f in FAMILIES if names & set(f.states))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows that it takes, beside customer and day."""
        described = (*attributes.COLUMNS, *self.attributes) if self.attributes else ()
        return (*dict.fromkeys(c for family in self.families for c in family.columns), *described)

    @property
    def ddl(self) -> str:
        """What comes out, one row per as-of date and customer known before it."""
        columns = [f"{name} {STG_CUSTOMERS.column(name).type}" for name in self.attributes]
        columns += [f"`{s.column}` double" for s in self.states]
        return ", ".join(("as_of date", "customer_id string", *columns))


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


def _amount(of: Sum) -> Family:
    columns = (of.name, "returned") if of.name in RETURNED_SUMS else (of.name,)
    return Family((of.name,), columns, lambda past, _: {of.name: amount(past, of)})


CONTACTS = (*(f"{t}s" for t in INTERACTION_TYPES), "responses", "visit_minutes")
FAMILIES = (
    *(_amount(of) for of in SUMS),
    Family(_names(states.ORDER_DAYS), ("order_days",), lambda past, _: order_days(past)),
    Family(_names(states.CADENCE), ("order_days",), lambda past, _: cadence(past)),
    Family(
        _names(states.CATEGORIES), ("by_category", "returned"), lambda past, request: affinity(past, request.prices)
    ),
    Family(_names(states.DEPARTMENTS), ("by_category", "returned"), _departments),
    Family(_names(states.STORES), ("orders_by_store",), lambda past, _: stores(past)),
    Family(_names(states.VARIETY), ("products",), lambda past, _: variety(past)),
    Family(_names(states.ENGAGEMENT), (*CONTACTS, "received", "answered"), lambda past, _: engagement(past)),
    Family(_names(states.FEEDBACK), _names(states.FEEDBACK), lambda past, _: feedback(past)),
)


def measure(batches: Iterator[pa.RecordBatch], request: Request) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: rows sorted by customer and day come in, measured customers (see `Request.ddl`) go out."""
    for rows in whole_customers(batches):
        past = Past.of(rows if request.tiles is None else _with_tiles(rows, request.tiles))
        measures: dict[str, Measure] = {}
        for family in request.families:
            measures |= family.prepare(past, request)
        described = attributes.attributes(past, request.attributes) if request.attributes else lambda _: {}
        for as_of in request.as_ofs:
            yield _measured(past, described(day_number(as_of)), measures, request, as_of)


def _with_tiles(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same rows with day tiles for lines."""
    is_line = pc.is_valid(rows["order_id"])
    lines, others = rows.filter(is_line), rows.filter(pc.invert(is_line))
    others = others.drop_columns([c for c in (*LINE_KEYS, *schema.names) if c in others.column_names and c not in KEY])
    tiles = pa.table(tile_columns(Lines(lines, "day"))) if len(lines) else schema.empty_table()
    tiles = tiles.append_column(ORDER_DAYS, pc.min_element_wise(tiles["orders"], 1))
    return pa.concat_tables([tiles, others], promote_options="default")


def _measured(
    past: Past,
    described: Mapping[str, pa.Array],
    measures: Mapping[str, Measure],
    request: Request,
    as_of: dt.date,
) -> pa.RecordBatch:
    end = day_number(as_of)
    # An undated snapshot describes, it introduces nobody; a dated record of any kind makes a customer known.
    known = np.flatnonzero(past.spans.between(day_number(UNDATED) + 1, end))
    columns: dict[str, pa.Array] = {
        "as_of": pa.array(np.full(len(known), end, dtype=np.int32), pa.date32()),
        "customer_id": past.customers.take(pa.array(known)),
        **{name: values.take(pa.array(known)) for name, values in described.items()},
    }
    for s in request.states:
        name = s.name if s.key is None else f"{s.name}__{s.key}"
        first = EVER if s.window.days is None else end - s.window.days
        values = measures[name](first, end)[known].astype(np.float64)
        columns[s.column] = pa.array(values, mask=np.isnan(values))
    return pa.RecordBatch.from_pydict(columns)
