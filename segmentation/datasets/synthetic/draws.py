"""Random numbers without state: a draw is a hash of the seed, the draw's name and the row's ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Draws:
    """The same for a seed and ids wherever and however often it is computed; different names are independent.

    Ids are names of bigint columns: Spark hashes an int and a bigint of equal value differently.
    """

    seed: int

    def uniform(self, name: str, *ids: str) -> Column:
        """A double in [0, 1): the upper 53 bits of xxhash64."""
        digest = hashlib.blake2b(f"{self.seed} {name}".encode(), digest_size=8).digest()
        key = int.from_bytes(digest, "big") >> 1  # a bigint above zero
        # One text to parse: column by column, a retailer's plans take 30,000 calls into the JVM.
        return F.expr(f"shiftrightunsigned(xxhash64({key}L, {', '.join(f'`{i}`' for i in ids)}), 11) * {2.0**-53}D")

    def below(self, n: int | Column, name: str, *ids: str) -> Column:
        """A whole number 0..n−1."""
        return F.floor(self.uniform(name, *ids) * n).cast("int")

    def chance(self, share: float | Column, name: str, *ids: str) -> Column:
        """True for this share of the rows."""
        return self.uniform(name, *ids) < share

    def bell(self, name: str, *ids: str) -> Column:
        """Mean 0, standard deviation 1, within ±3.5: a sum of four uniforms.

        No logarithm or cosine, whose last digit may differ between machines.
        """
        total = sum((self.uniform(f"{name} {i}", *ids) for i in range(1, 4)), self.uniform(f"{name} 0", *ids))
        return (total - 2.0) * F.lit(3.0**0.5)

    def pick(self, weights: Sequence[int], name: str, *ids: str) -> Column:
        """A position 0..len(weights)−1, each as often as its weight says."""
        return F.get(numbers(slots(weights)), self.below(sum(weights), name, *ids))


def slots(weights: Sequence[int]) -> list[int]:
    """Each position as often as its weight.

    >>> slots([1, 0, 2])
    [0, 2, 2]
    """
    return [position for position, weight in enumerate(weights) for _ in range(weight)]


def numbers(values: Sequence[int | float]) -> Column:
    """A literal array."""
    return F.expr(f"array({', '.join(f'{v}D' if isinstance(v, float) else str(v) for v in values)})")


def texts(values: Sequence[str]) -> Column:
    """A literal array of texts; they have no quotes."""
    quoted = "', '".join(values)
    return F.expr(f"array('{quoted}')")


def cents(amount: Column) -> Column:
    """Rounded to two decimals, half up. `round` goes through BigDecimal, five times as slow."""
    return F.floor(amount * 100 + 0.5).cast("double") / 100
