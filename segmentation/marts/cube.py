"""The figures that everyone may see: those of a month, without any of few customers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from segmentation.core.schemas import DRIFT_CUBE, QUALITY_CUBE, SEGMENT_CUBE
from segmentation.marts.cells import Cell, Cells
from segmentation.monitoring import PREFIX, TOO_FEW
from segmentation.privacy import OTHER, Disclosure, coarsen, hidden, overlapping, rounded
from segmentation.segments.matching import GONE, NEW

Record = Mapping[str, Any]
"""A row of a table, by column."""
Shown = Mapping[tuple[str, str], str]
"""(dimension, segment_id) → the label it is shown under; a segment of a dimension too small for any is missing."""
Label = tuple[str, str]
"""Dimension and label."""
Measure = Callable[[Fraction, Fraction], dict[str, Any]]
"""What a row says of an amount and of the whole that it is part of."""
MONEY = ("revenue_365d", "revenue_lifetime", "margin_365d")
RATIOS = ("average_order_value", "orders_per_customer_365d", "median_days_since_last_order", "discount_share_365d")
OF_YEAR = ("revenue_365d", "margin_365d", *RATIOS)
OF_ROWS = ("rows_read", "rows_accepted", "rows_quarantined", "quarantined_by_rule", "null_share", "month_lines")
OF_INPUTS = ("absent", "days_since_newest")
"""Checks of `data_quality` that count rows, and that say something of an input as a whole; others tell of amounts."""
OF_SEGMENTS = ("segment_share", "members_shift", "centroid_shift")
"""Checks of `drift_report` whose subject is a segment."""
OF_PERSONS = ("customers", "consent", "feedback")
"""Inputs of which a row is a person."""


def shown_segments(profiles: Iterable[Record], rules: Disclosure) -> Shown:
    """The label of each segment of one as-of date: its id, or (other) where it counts too few customers.

    profiles: the rows of `segment_profiles`.
    """
    found: dict[tuple[str, str], str] = {}
    sizes: dict[str, dict[tuple[str, ...], int]] = {}
    for p in profiles:
        sizes.setdefault(p["dimension"], {})[(p["segment_id"],)] = p["customers"]
    for dimension, of in sizes.items():
        found |= {(dimension, path[0]): label[0] for path, label in coarsen(of, rules.min_customers).items()}
    return found


def cube_rows(
    profiles: Sequence[Record], flows: Iterable[Record], cells: Cells, shown: Shown, before: Shown,
    descriptions: Mapping[str, str], rules: Disclosure,
) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of `segment_cube` of one as-of date but what is the same in all of them.

    profiles, flows: the rows of `segment_profiles` and `segment_migration`; shown, before: the labels of segments at
    this as-of date and at the one before; descriptions: of the features by name.
    """
    of: dict[Label, list[Record]] = {}
    for p in profiles:
        if (label := shown.get((p["dimension"], p["segment_id"]))) is not None:
            of.setdefault((p["dimension"], label), []).append(p)
    names = {key: OTHER if key[1] == OTHER else members[0]["segment_name"] for key, members in of.items()}
    sizes = {key: sum(p["customers"] for p in members) for key, members in of.items()}
    found = [*_segments(of, sizes, cells.places, shown, rules), *_places(cells.places, shown, rules)]
    found += _flows(flows, shown, before, rules)
    found += _amounts("department", cells.departments, shown, rules, lambda amount, _: {"revenue_365d": _money(amount)})
    found += _amounts("channel", cells.channels, shown, rules, lambda amount, whole: {"value": float(amount / whole)})
    found += _means(cells.features, sizes, shown, descriptions, rules)
    empty = dict.fromkeys(SEGMENT_CUBE.names) | {"part": "", "subpart": ""}
    rows = [empty | {"segment_name": names.get((r["dimension"], r["segment_id"]), r["segment_id"])} | r for r in found]
    return sorted(rows, key=lambda r: tuple(r[k] for k in SEGMENT_CUBE.key[1:]))


def _segments(
    of: Mapping[Label, Sequence[Record]], sizes: Mapping[Label, int], places: Iterable[Cell], shown: Shown,
    rules: Disclosure,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Money and rhythm of the last year are those of who bought in it: of too few, or unknown, they are not shown."""
    buyers = {key: sum(c.active for c in cells) for key, cells in _by_label(places, shown).items()}
    for (dimension, segment_id), members in of.items():
        row: dict[str, Any] = {"dimension": dimension, "breakdown": "segment", "segment_id": segment_id}
        row["customers"] = rounded(sizes[dimension, segment_id], rules.round_to)
        row |= {c: _total(members, c) for c in MONEY}
        if len(members) == 1:
            row |= {c: members[0][c] for c in RATIOS}
            row["orders_per_customer_365d"] = significant(members[0]["orders_per_customer_365d"])
        if not buyers or 0 < buyers.get((dimension, segment_id), 0) < rules.min_customers:
            row |= dict.fromkeys(OF_YEAR)
        yield row


def _total(members: Iterable[Record], column: str) -> Decimal | None:
    """None where it is unknown of any: the sum would be that of the others, however few."""
    values = [p[column] for p in members]
    return None if None in values else sum(values, Decimal(0))


def _places(places: Iterable[Cell], shown: Shown, rules: Disclosure) -> Iterator[dict[str, Any]]:
    of = _by_label(places, shown)
    for (dimension, segment_id), cells in of.items():
        sizes: dict[tuple[str, ...], int] = {}
        for c in cells:
            sizes[c.part, c.subpart] = sizes.get((c.part, c.subpart), 0) + c.customers
        labels = coarsen(sizes, rules.min_customers)
        sums: dict[tuple[str, ...], tuple[int, int, Fraction]] = {}
        for c in cells:
            label = labels[c.part, c.subpart]
            n, buyers, amount = sums.get(label, (0, 0, Fraction(0)))
            sums[label] = n + c.customers, buyers + c.active, amount + c.amount
        # If one is of too few buyers none is shown: the others would leave it.
        told = all(buyers == 0 or buyers >= rules.min_customers for _, buyers, _ in sums.values())
        for (part, subpart), (n, _, amount) in sums.items():
            yield {"dimension": dimension, "breakdown": "place", "segment_id": segment_id, "part": part,
                   "subpart": subpart, "customers": rounded(n, rules.round_to),
                   "revenue_365d": _money(amount) if told else None}  # fmt: skip


def _flows(flows: Iterable[Record], shown: Shown, before: Shown, rules: Disclosure) -> Iterator[dict[str, Any]]:
    of: dict[str, dict[tuple[str, str], int]] = {}
    names: dict[tuple[str, str], str] = {}
    for f in flows:
        d = f["dimension"]
        one = NEW if f["from_segment_id"] == NEW else before.get((d, f["from_segment_id"]), OTHER)
        other = GONE if f["to_segment_id"] == GONE else shown.get((d, f["to_segment_id"]), OTHER)
        cells = of.setdefault(d, {})
        cells[one, other] = cells.get((one, other), 0) + f["customers"]
        names[d, one] = OTHER if one == OTHER else f["from_segment_name"]
        if other == GONE:
            names[d, other] = f["to_segment_name"]
    for dimension, cells in of.items():
        away = hidden(cells, rules.min_customers)
        for (one, other), n in cells.items():
            if (one, other) not in away:
                row = {"dimension": dimension, "breakdown": "came_from", "segment_id": other, "part": one,
                       "part_name": names[dimension, one], "customers": rounded(n, rules.round_to)}  # fmt: skip
                yield row | ({"segment_name": names[dimension, GONE]} if other == GONE else {})


def _amounts(
    breakdown: str, cells: Iterable[Cell], shown: Shown, rules: Disclosure, measure: Measure
) -> Iterator[dict[str, Any]]:
    """Parts by what customers bought: each of them may be in several, and none says how many are in it."""
    for (dimension, segment_id), of in _by_label(cells, shown).items():
        sizes: dict[str, int] = {}
        amounts: dict[str, Fraction] = {}
        for c in of:
            sizes[c.part] = sizes.get(c.part, 0) + c.customers
            amounts[c.part] = amounts.get(c.part, Fraction(0)) + c.amount
        together = overlapping(sizes, rules.min_customers)
        whole = sum(amounts.values(), Fraction(0))
        sums: dict[str, Fraction] = {}
        for part, label in together.items():
            sums[label] = sums.get(label, Fraction(0)) + amounts[part]
        for part, amount in sums.items():
            yield {"dimension": dimension, "breakdown": breakdown, "segment_id": segment_id, "part": part,
                   **measure(amount, whole)}  # fmt: skip


def _means(
    cells: Iterable[Cell], sizes: Mapping[Label, int], shown: Shown, descriptions: Mapping[str, str],
    rules: Disclosure,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Where few have another value than the others (a number, nought, none at all), the mean would tell of them."""
    for (dimension, segment_id), of in _by_label(cells, shown).items():
        sums: dict[str, tuple[int, int, Fraction]] = {}
        for c in of:
            n, active, amount = sums.get(c.part, (0, 0, Fraction(0)))
            sums[c.part] = n + c.customers, active + c.active, amount + c.amount
        for part, (n, active, amount) in sums.items():
            groups = (active, n - active, sizes.get((dimension, segment_id), n) - n)
            if n and all(size == 0 or size >= rules.min_customers for size in groups):
                yield {"dimension": dimension, "breakdown": "feature", "segment_id": segment_id, "part": part,
                       "part_name": descriptions.get(part), "value": significant(float(amount / n))}  # fmt: skip


def _by_label(cells: Iterable[Cell], shown: Shown) -> dict[Label, list[Cell]]:
    found: dict[Label, list[Cell]] = {}
    for c in cells:
        key = c.dimension, c.segment_id
        if key in shown:
            found.setdefault((c.dimension, shown[key]), []).append(c)
    return found


def drift_rows(report: Iterable[Record], profiles: Iterable[Record], rules: Disclosure) -> list[dict[str, Any]]:
    """The rows of `drift_cube`: those of `drift_report` about features and dimensions, in two decimals.

    What is said of a segment may tell of few who were in it at training: that is for analysts. A share is rounded to
    what `min_customers` are of all; without profiles, as in a month that was stopped, nobody knows, and none is shown.
    """
    everyone: dict[str, int] = {}
    for p in profiles:
        everyone[p["dimension"]] = everyone.get(p["dimension"], 0) + p["customers"]
    found = []
    for r in report:
        if r["check"] in OF_SEGMENTS or r["check"].startswith(PREFIX) or r["verdict"] == TOO_FEW:
            continue
        step = 0.01
        if r["check"].endswith("_share"):
            if not everyone.get(r["dimension"]):
                continue
            step = max(step, rules.min_customers / everyone[r["dimension"]])
        row = {name: r[name] for name in DRIFT_CUBE.names if name in r}
        found.append(row | {c: _to(r[c], step) for c in ("value", "threshold")})
    return found


def quality_rows(quality: Iterable[Record], rules: Disclosure) -> list[dict[str, Any]]:
    """The rows of `quality_cube`: those of `data_quality` that tell neither of amounts nor of single persons."""
    return [
        {name: r[name] for name in QUALITY_CUBE.names if name in r}
        for r in quality
        if r["check"] in OF_INPUTS
        or (
            r["check"] in OF_ROWS
            and r["source_table"] not in OF_PERSONS
            and (r["check"] != "month_lines" or r["value"] >= rules.min_customers)
        )
    ]


def significant(value: float) -> float:
    """To three digits: more of a mean would tell the number that it is one of.

    >>> significant(1234.5), significant(0.0012345), significant(0.0)
    (1230.0, 0.00123, 0.0)
    """
    return float(f"{value:.3g}")


def _to(value: float | None, step: float) -> float | None:
    return None if value is None else round(round(value / step) * step, 10)


def _money(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)
