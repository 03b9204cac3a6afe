"""Lines to tiles in numpy, batch by batch of whole customers: one sort, and every state is a sum over its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from segmentation.core.customers import Bools, Ints, column, day_numbers, packed, ranked, runs, whole, whole_customers
from segmentation.tiles.aggregates import (
    BITS,
    CATEGORY_SUMS,
    OF_LINES,
    OF_ORDERS,
    RETURNED_SUMS,
)

Grain = Literal["day", "month"]
OF_ONE_GRAIN = {"event_date": pa.date32(), "order_days": pa.int32()}
Key = tuple[Ints, list[str] | None]
"""For each row the position of its text in a sorted list, −1 for none; and that list. Or days, and None."""


def make_tiles(
    batches: Iterator[pa.RecordBatch], grains: Sequence[Grain], names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: lines as `tiles.build` selects them come in, a row per customer and day or month goes out.

    names: the columns in Spark's order, by which alone it goes; null in what another grain has.
    """
    for table in whole_customers(batches):
        for grain in grains:
            columns = tile_columns(Lines(table, grain))
            nothing = {name: pa.nulls(len(columns["customer_id"]), kind) for name, kind in OF_ONE_GRAIN.items()}
            yield pa.RecordBatch.from_pydict({name: (nothing | columns)[name] for name in names})


def tile_columns(lines: Lines) -> dict[str, pa.Array]:
    """The tiles of some lines, of one at least, by column."""
    return {
        **lines.keys(), **lines.sums(), "orders_by_store": lines.stores(), "by_category": lines.categories(),
        "products": lines.products(), "returned": lines.returned(),
    }  # fmt: skip


@dataclass(frozen=True)
class Lines:
    """Lines of whole customers. Arrays hold a value a line, sorted by customer, day and order."""

    table: pa.Table
    grain: Grain
    _texts: dict[str, Key] = field(default_factory=dict, repr=False, compare=False)
    _least: dict[str, Ints] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _raw(self) -> tuple[Ints, Ints, Ints, pa.Array]:
        ids, orders = (column(self.table, c).dictionary_encode() for c in ("customer_id", "order_id"))
        return whole(ids.indices), day_numbers(column(self.table, "event_date")), whole(orders.indices), ids.dictionary

    @cached_property
    def order(self) -> Ints:
        """Which row of `table` each line is."""
        who, days, orders, _ = self._raw
        return np.argsort(packed(who, days - days.min(), orders), kind="stable")

    @cached_property
    def who(self) -> Ints:
        """The customer, in the order in which they come."""
        return self._raw[0][self.order]

    @cached_property
    def days(self) -> Ints:
        """The day's number."""
        return self._raw[1][self.order]

    @cached_property
    def firsts(self) -> Ints:
        """The first day of the tile."""
        return self.days if self.grain == "day" else _month(self.days)

    @cached_property
    def orders(self) -> Ints:
        """A number for each order id."""
        return self._raw[2][self.order]

    @cached_property
    def is_bought(self) -> Bools:
        """False for returns."""
        return self.numbers("is_bought") > 0

    @cached_property
    def starts(self) -> Ints:
        """(t,) the first line of each tile."""
        return runs(packed(self.who, self.firsts - self.firsts.min()))

    @cached_property
    def tile(self) -> Ints:
        """The tile that it belongs to."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.who)))

    @cached_property
    def order_starts(self) -> Ints:
        """(o,) the first line of each order; an order is counted on each day on which it has lines."""
        return runs(packed(self.who, self.days - self.days.min(), self.orders))

    @cached_property
    def order_tiles(self) -> Ints:
        """(t,) the first order of each tile."""
        return runs(self.tile[self.order_starts])

    @cached_property
    def has_purchase(self) -> Bools:
        """(o,) whether something was bought."""
        return np.logical_or.reduceat(self.is_bought, self.order_starts)

    def numbers(self, name: str) -> Ints:
        """A column of whole numbers, null as 0; or one of BITS."""
        if name in BITS:
            return self.bits >> BITS.index(name) & 1
        return whole(column(self.table, name))[self.order]

    @cached_property
    def bits(self) -> Ints:
        """Everything of BITS at once."""
        return whole(column(self.table, "bits"))[self.order]

    def texts(self, name: str) -> Key:
        """A column of texts."""
        if name not in self._texts:
            codes, names = ranked(column(self.table, name))
            self._texts[name] = codes[self.order], names
        return self._texts[name]

    def least(self, name: str) -> Ints:
        """(o,) the line of each order with the least value of a column; its first line where none has a value."""
        if name not in self._least:
            values = column(self.table, name)
            if pa.types.is_string(values.type):
                codes = self.texts(name)[0]
            else:
                codes = np.where(values.is_valid().to_numpy(zero_copy_only=False), whole(values), -1)[self.order]
            codes = np.where(codes < 0, codes.max() + 1, codes)
            lines = np.minimum.reduceat(packed(codes, np.arange(len(codes))), self.order_starts)
            self._least[name] = lines & ((1 << (len(codes) - 1).bit_length()) - 1)
        return self._least[name]

    def keys(self) -> dict[str, pa.Array]:
        """Whose tile it is and of when; of a month also the bitmap of its days with an order."""
        firsts = self.firsts[self.starts]
        month = pa.array(_month(firsts).astype(np.int32), pa.date32())
        key = {"customer_id": self._raw[3].take(pa.array(self.who[self.starts])), "month": month}
        if self.grain == "day":
            return {**key, "event_date": pa.array(firsts.astype(np.int32), pa.date32())}
        bit = 1 << (self.days - self.firsts)[self.order_starts]
        order_days = np.bitwise_or.reduceat(np.where(self.has_purchase, bit, 0), self.order_tiles)
        return {**key, "order_days": pa.array(order_days.astype(np.int32))}

    def sums(self) -> dict[str, pa.Array]:
        """The additive states."""
        found = {s.name: np.add.reduceat(self.numbers(s.name), self.starts) for s in OF_LINES}
        for s in OF_ORDERS:
            line = self.order_starts if s.least is None else self.least(s.least)
            found[s.name] = np.add.reduceat(self.numbers(s.name)[line] * self.has_purchase, self.order_tiles)
        return {name: pa.array(values) for name, values in found.items()}

    def stores(self) -> pa.Array:
        """Orders by store."""
        codes, names = self.texts("store_id")
        store, tile = codes[self.least("store_id")], self.tile[self.order_starts]
        known = self.has_purchase & (store >= 0)
        return self._listed(tile[known], {"key": (store[known], names)}, {"value": np.ones(known.sum(), np.int64)})

    def categories(self) -> pa.Array:
        """Sums by department and category."""
        keys = {name: self.texts(name) for name in ("department", "category")}
        known = (keys["department"][0] >= 0) | (keys["category"][0] >= 0)
        return self._listed(
            self.tile[known],
            {name: (codes[known], names) for name, (codes, names) in keys.items()},
            {to: self.numbers(of)[known] for to, of in CATEGORY_SUMS.items()},
        )

    def products(self) -> pa.Array:
        """The different products bought."""
        codes, names = self.texts("product_id")
        known = self.is_bought & (codes >= 0)
        return self._listed(self.tile[known], {"product_id": (codes[known], names)}, {})

    def returned(self) -> pa.Array:
        """The part of the sums that is of purchases before the tile, by the day of the purchase."""
        bought_on = self.bought_on()
        late = np.flatnonzero(bought_on < self.firsts)
        keys = {name: self.texts(name) for name in ("department", "category")}
        return self._listed(
            self.tile[late],
            {"bought_on": (bought_on[late], None), **{n: (codes[late], names) for n, (codes, names) in keys.items()}},
            {name: self.numbers(name)[late] for name in RETURNED_SUMS},
        )

    def bought_on(self) -> Ints:
        """Of a return the last day, up to its own, on which its order has purchases; else the line's own day."""
        found, back = self.days.copy(), np.flatnonzero(~self.is_bought)
        if not len(back):
            return found
        has_returns = np.zeros(int(self.orders.max()) + 1, dtype=np.bool_)
        has_returns[self.orders[back]] = True
        bought = self.order_starts[self.has_purchase & has_returns[self.orders[self.order_starts]]]
        zero = self.days.min()
        bits = int(self.days.max() - zero).bit_length()
        rows = packed(self.who, self.orders, self.days - zero)
        purchases = np.append(np.sort(rows[bought]), -1)  # the last stands for none
        nearest = purchases[np.searchsorted(purchases[:-1], rows[back], side="right") - 1]
        is_same = nearest >> bits == rows[back] >> bits
        found[back[is_same]] = zero + (nearest[is_same] & ((1 << bits) - 1))
        return found

    def _listed(self, tile: Ints, keys: Mapping[str, Key], sums: Mapping[str, Ints]) -> pa.ListArray:
        """For each tile the sorted list of its rows' different keys, with sums over the rows that share one.

        tile: (m,) the tile of each row. Entries are structs, or bare texts where there is one key and no sum.
        """
        key = packed(tile, *(codes - codes.min(initial=-1) for codes, _ in keys.values()))
        order = np.argsort(key, kind="stable")
        starts = runs(key[order])
        first = order[starts]
        fields = {name: _read(codes[first], names) for name, (codes, names) in keys.items()} | {
            name: pa.array(np.add.reduceat(values[order], starts)) for name, values in sums.items()
        }
        entries = (
            pa.StructArray.from_arrays(list(fields.values()), list(fields)) if sums else next(iter(fields.values()))
        )
        offsets = np.searchsorted(tile[first], np.arange(len(self.starts) + 1))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), entries)


def _read(codes: Ints, names: list[str] | None) -> pa.Array:
    if names is None:
        return pa.array(codes.astype(np.int32), pa.date32())
    return pa.array(names, pa.string()).take(pa.array(codes, mask=codes < 0))


def _month(days: Ints) -> Ints:
    """The first day of each day's calendar month.

    >>> _month(np.array([0, 30, 31, 59]))
    array([ 0,  0, 31, 59])
    """
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
