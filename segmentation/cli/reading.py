"""Questions about what is published, answered without Spark."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from segmentation.cli.shown import growth, print_json, print_table, print_text
from segmentation.core.errors import ConfigError, nearest
from segmentation.core.schemas import (
    AGGREGATES,
    ALL_DIMENSIONS,
    EXCLUDED_CUSTOMERS,
    NO_DATA,
    POPULATION,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    TABLES,
    UNIFIED,
    Table,
)
from segmentation.core.segment_lines import HEADINGS, cells, in_order
from segmentation.core.text import number
from segmentation.features import Registry
from segmentation.io.reader import Reader, Rows
from segmentation.tiles import TILES

PROFILE = ("dimension", "segment_id", "segment_name", "customers", "customer_share", "revenue_share", "revenue_365d",
           "average_order_value", "orders_per_customer_365d", "median_days_since_last_order")  # fmt: skip
OWN = ("as_of", "dimension", "segment_id", "segment_name", "score", "distance", "margin", "coverage", "rule_applied",
       "top_features")  # fmt: skip
LARGEST = 10
"""Moves between segments that are listed."""


def segments(options: argparse.Namespace) -> None:
    """The segments of a month in one dimension."""
    reader = Reader(options.warehouse)
    as_of = _date(reader, SEGMENT_PROFILES, options.as_of)
    rows = _profiles(reader, as_of, options.dimension)
    if options.json:
        print_json([{"as_of": as_of} | r for r in rows])
        return
    print(f"{options.dimension} segments as of {as_of}")
    print_table(HEADINGS, [cells(r) for r in rows])


def why(options: argparse.Namespace) -> None:
    """A customer's segments, what places the customer there, and the months before."""
    reader = Reader(options.warehouse)
    as_of = _date(reader, SEGMENTS, options.as_of)
    found = reader.rows(SEGMENTS, OWN, customer_id=options.customer_id)
    dates = sorted({r["as_of"] for r in found})
    if options.as_of is not None:
        dates = [d for d in dates if d <= as_of]
        if as_of not in dates:
            raise ConfigError(_not_scored(reader, options.customer_id, as_of))
    if not dates:
        raise ConfigError(_not_scored(reader, options.customer_id, None))
    order = {d: i for i, d in enumerate(ALL_DIMENSIONS)}
    now = sorted((r for r in found if r["as_of"] == dates[-1]), key=lambda r: order[r["dimension"]], reverse=True)
    history = sorted((r for r in found if r["dimension"] == UNIFIED and r["as_of"] in dates), key=lambda r: r["as_of"])
    if options.json:
        print_json({"customer_id": options.customer_id, "segments": now, "history": history})
        return
    print(f"Customer {options.customer_id} as of {dates[-1]}")
    for r in now:
        print(f"\n  {r['dimension']}: {r['segment_name']}")
        for sentence in _reasons(r):
            print_text(sentence, "    ")
    print("\nUnified, month by month")
    print_table(
        ("as of", "segment", "score"),
        [[str(r["as_of"]), r["segment_name"], number(r["score"], ".0f")] for r in history],
    )


def _reasons(r: dict[str, Any]) -> list[str]:
    if r["rule_applied"] is not None:
        return [f"set by the rule {r['rule_applied']} of conf/rules.yml, whatever the model says"]
    if r["segment_id"] == NO_DATA:
        return ["nothing is known of the customer here"]
    said = [f"{f['feature']} {f['z']:+.1f}" for f in r["top_features"] or ()]
    reasons = [f"because of {', '.join(said)} (in deviations from what is usual)"] if said else []
    if r["margin"] is None:
        return [*reasons, "there is no other segment"]
    return [
        *reasons,
        f"distance {r['distance']:.2f}; the next segment is {r['margin']:.2f} farther: score {r['score']:.0f}",
    ]


def _not_scored(reader: Reader, customer: str, as_of: dt.date | None) -> str:
    when = f"as of {as_of}" if as_of else "in any published month"
    excluded = reader.rows(EXCLUDED_CUSTOMERS, ("as_of", "exclusion"), as_of, customer_id=customer)
    if not excluded:
        return f"customer {customer!r} is not known {when}. Expected a customer_id of the files, letter by letter."
    last = max(excluded, key=lambda r: r["as_of"])
    rows = reader.rows(POPULATION, ("exclusion", "reason"), last["as_of"], exclusion=last["exclusion"])
    reason = rows[0]["reason"] if rows else "see population"
    return (
        f"customer {customer!r} is in no segment {when}: {last['exclusion']} as of {last['as_of']} ({reason}). "
        "conf/population.yml says who is scored."
    )


def compare(options: argparse.Namespace) -> None:
    """Two months side by side, and between neighbours who moved."""
    reader = Reader(options.warehouse)
    before, after = (_date(reader, SEGMENT_PROFILES, text, "MONTH") for text in (options.before, options.after))
    if not before < after:
        raise ConfigError(f"{before} is not before {after}. Give the earlier month first.")
    then, now = ({r["segment_id"]: r for r in _profiles(reader, d, options.dimension)} for d in (before, after))
    rows = [
        {"segment_id": s, "segment_name": (now.get(s) or then[s])["segment_name"],
         **{f"{name}_{when}": of[s][name] if s in of else None
            for name in ("customers", "revenue_365d") for when, of in (("before", then), ("after", now))}}
        for s in dict.fromkeys([*now, *then])
    ]  # fmt: skip
    moves = reader.rows(
        SEGMENT_MIGRATION, ("previous_as_of", "from_segment_id", "from_segment_name", "to_segment_id",
                            "to_segment_name", "customers", "share"), after, dimension=options.dimension,
    )  # fmt: skip
    moved = sorted(
        (m for m in moves if m["previous_as_of"] == before and m["from_segment_id"] != m["to_segment_id"]),
        key=lambda m: (-m["customers"], m["from_segment_id"], m["to_segment_id"]),
    )
    if options.json:
        print_json({"before": before, "after": after, "segments": rows, "moved": moved})
        return
    print(f"{options.dimension} segments as of {before} and {after}")
    print_table(
        ("segment", "customers", "then", "change", "revenue 365 days", "then", "change"),
        [[r["segment_name"], number(r["customers_after"]), number(r["customers_before"]),
          growth(r["customers_after"], r["customers_before"]), number(r["revenue_365d_after"], ",.0f"),
          number(r["revenue_365d_before"], ",.0f"), growth(r["revenue_365d_after"], r["revenue_365d_before"])]
         for r in rows],
    )  # fmt: skip
    if moved:
        print("\nWho moved")
        print_table(
            ("from", "to", "customers", "of its customers"),
            [[m["from_segment_name"], m["to_segment_name"], number(m["customers"]), number(m["share"], ".1%")]
             for m in moved[:LARGEST]],
        )  # fmt: skip
    elif moves:
        print(f"\nWho moved is known from {moves[0]['previous_as_of']} to {after} alone.")


def tables(options: argparse.Namespace) -> None:
    """Every table with its size, and the newest month of it."""
    reader = Reader(options.warehouse)
    rows: Rows = []
    for table in (*TABLES, *TILES, Registry(()).table, *AGGREGATES):
        stored = reader.stored(table)
        if stored is not None:
            newest = max(reader.shown(table), default=None) if table.kind == "published" else None
            rows.append(vars(stored) | {"grain": table.grain, "newest_as_of": newest})
    if options.json:
        print_json(rows)
        return
    print_table(
        ("table", "rows", "files", "MB", "newest", "a row is"),
        [[r["name"], number(r["rows"]), number(r["files"]), number(r["size"] / 1e6, ",.1f"),
          str(r["newest_as_of"] or ""), r["grain"].removeprefix("one row per ")] for r in rows],
    )  # fmt: skip
    print(f"\nRows count attempts that were replaced too. By name in SQL: make sql WAREHOUSE={options.warehouse}")


def _date(reader: Reader, table: Table, text: str | None, option: str = "--as-of") -> dt.date:
    shown = reader.shown(table)
    if not shown:
        raise ConfigError(f"--warehouse {reader.root}: no month is published yet. Run jobs/monthly.py first.")
    try:
        as_of = max(shown) if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f'{option} "{text}" is not a date. Expected one like {max(shown)}.') from None
    if as_of not in shown:
        raise ConfigError(f"nothing is published as of {as_of}. {nearest(str(as_of), map(str, shown))}")
    return as_of


def _profiles(reader: Reader, as_of: dt.date, dimension: str) -> Rows:
    if dimension not in ALL_DIMENSIONS:
        raise ConfigError(f'dimension "{dimension}" is not known. {nearest(dimension, ALL_DIMENSIONS)}')
    rows = reader.rows(SEGMENT_PROFILES, PROFILE, as_of, dimension=dimension)
    return in_order(rows)
