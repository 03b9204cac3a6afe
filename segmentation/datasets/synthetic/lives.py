"""When customers come, move and leave: at any time those who are there have been there as long as at any other.

Four neighbours have three places. Two of them are there all the time; the third leaves some day, and the fourth comes
that day in its place. Stays take from once to five times the retailer's years. By places long ones are as much more
frequent as they are longer; by customers who come, all lengths are as likely.
"""

from __future__ import annotations

from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import numbers
from segmentation.datasets.synthetic.retailer import Retailer

LEAVER, HEIR = 2, 3
"""The third and the fourth of four."""
LONGEST = 5
"""In units of the retailer's years."""


def with_life(r: Retailer, rows: DataFrame) -> DataFrame:
    """Adds joined, stay, left and moved_on from customer.

    Days since the first one, and stay in days. left, the last day as a customer, is null for who stays on; moved_on is
    null for who does not move, or only behind the last day.
    """
    d, nth, stay = r.draws, F.col("nth"), F.col("stay")
    u = d.uniform("stay", "customer")
    # Who is there on both ends has a longer stay than others, and is as likely to be met in any part of what is left.
    length = F.when(nth < LEAVER, F.sqrt(u)).otherwise(u)
    since = F.floor(d.uniform("since", "customer") * (stay - r.days)).cast("int")
    rows = rows.withColumn("nth", _nth(r))
    rows = rows.withColumns(
        {
            "place": F.when(nth == HEIR, F.col("customer") - 1).otherwise(F.col("customer")),
            "stay": (r.days * (1 + (LONGEST - 1) * length)).cast("int"),
        }
    )
    rows = rows.withColumn("turn", _turn(r, "place"))
    joined = F.when(nth == HEIR, F.col("turn")).when(nth == LEAVER, F.col("turn") - stay).otherwise(-since)
    rows = rows.withColumns({"joined": joined, "left": F.when(nth == LEAVER, F.col("turn") - 1)})
    moves = d.chance(0.15, "moves", "customer")
    moved_on = in_stay(r, "moved")
    return rows.withColumn("moved_on", F.when(moves & (moved_on < r.days), moved_on)).drop("nth", "place", "turn")


def in_stay(r: Retailer, name: str, by: str = "customer") -> Column:
    """A day in the stay of somebody with_life, drawn anew for each `by`: maybe before the first one, or never come."""
    u = r.draws.uniform(name, by)
    return (F.col("joined") + 1 + F.floor(u * F.col("stay"))).cast("int")


def is_customer(day: str = "day") -> Column:
    """Whether somebody with_life is a customer on that day."""
    return (F.col(day) >= F.col("joined")) & (F.col("left").isNull() | (F.col(day) <= F.col("left")))


def with_holder(r: Retailer, rows: DataFrame, u: str) -> DataFrame:
    """Adds customer: who, on `day`, holds the place up to which the share `u` of its segment's places is."""
    ends = [_places(start) for start in r.starts]
    first, size = (F.get(numbers(n), F.col("segment")) for n in (ends[:-1], [b - a for a, b in pairwise(ends)]))
    rows = rows.withColumn("held", (first + F.floor(F.col(u) * size)).cast("bigint"))
    rows = rows.withColumn("customer", F.expr(f"held div {HEIR} * 4 + held % {HEIR}"))
    is_left = (_nth(r) == LEAVER) & (F.col("day") >= _turn(r, "customer"))
    return rows.withColumn("customer", F.col("customer") + is_left.cast("bigint")).drop("held")


def _turn(r: Retailer, place: str) -> Column:
    """The day on which a place changes hands, named after who has it first."""
    return 1 + r.draws.below(r.days - 1, "turn", place)


def _nth(r: Retailer) -> Column:
    """Which of four a customer is. A leaver and an heir parted by a segment's edge stay, the heir without place."""
    parted = [str(c) for edge in r.starts if edge % 4 == HEIR for c in (edge - 1, edge)]
    return F.expr(f"IF(customer IN ({', '.join(parted)}), 0, customer % 4)" if parted else "customer % 4")


def _places(customers: int) -> int:
    """Of the first so many customers.

    >>> [_places(n) for n in range(9)]
    [0, 1, 2, 3, 3, 4, 5, 6, 6]
    """
    return customers // 4 * HEIR + min(customers % 4, HEIR)
