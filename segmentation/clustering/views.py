"""What models see of customers: columns of some of them, as they are, drawn again, or made up in their likeness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Floating = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Block:
    """Some customers, in a fixed order."""

    number: int
    x: Floats32
    """(d, n), a row a column of the vector."""
    members: npt.NDArray[np.bool_]
    """(conditions, n)."""
    weights: Array | None = None
    """(n,) how many customers each stands for; None: one each."""


@dataclass(frozen=True)
class View:
    """What some models see of every block: some columns, scaled, of the customers that meet a condition.

    A dimension is a view, and so is the unified layer: all columns, each with its dimension's factor. Either can be
    seen again as a bootstrap resample or as noise. What is random depends on the view's name and the block's number.
    """

    name: str
    columns: tuple[int, ...]
    member: int | None = None
    """Which condition; None: everybody."""
    scale: tuple[float, ...] | None = None
    blocks: int | None = None
    """Only blocks of a smaller number: a sample, as blocks go by hash; None: all."""
    resample: int | None = None
    """Each customer counts as often as a Poisson number of mean 1 says, drawn from this seed: the bootstrap, by row.

    Source: Hanley & MacGibbon (2006), doi:10.1016/j.cmpb.2006.04.006.
    """
    noise: tuple[tuple[float, ...], ...] | None = None
    """(d, d) times a vector of independent standard normal numbers stands in each customer's place."""
    noise_seed: int = 0
    customers: float = 0
    """Their number, or what they weigh together."""
    reach: tuple[float, ...] = ()
    """The greatest absolute value in each column: what sums are bounded by."""

    def within(self, block: Block) -> bool:
        """Whether the block has a part in it."""
        return self.blocks is None or block.number < self.blocks

    def of(self, block: Block) -> Floats32:
        """(d, n) of the block's customers that take part."""
        if self.noise is not None:
            drawn = self.random(block, self.noise_seed).standard_normal(
                (len(self.columns), self._count(block)), dtype=np.float32
            )
            return np.array(self.noise, dtype=np.float32) @ drawn
        x = block.x[list(self.columns)]
        chosen = self._chosen(block)
        x = x if chosen is None else x[:, chosen]
        return x if self.scale is None else x * np.array(self.scale, dtype=np.float32)[:, None]

    def weights(self, block: Block) -> Array | None:
        """(n,) of the same customers; None: one each."""
        chosen = self._chosen(block)
        given = block.weights if block.weights is None or chosen is None else block.weights[chosen]
        if self.resample is None:
            return given
        times = self.random(block, self.resample).poisson(1.0, self._count(block)).astype(np.float64)
        return times if given is None else times * given

    def random(self, block: Block, *seed: int) -> np.random.Generator:
        """Numbers that are this view's and block's own."""
        return np.random.default_rng([*seed, crc32(self.name.encode()), block.number])

    def _chosen(self, block: Block) -> npt.NDArray[np.bool_] | None:
        chosen: npt.NDArray[np.bool_] | None = None if self.member is None else block.members[self.member]
        return None if chosen is None or chosen.all() else chosen

    def _count(self, block: Block) -> int:
        return block.x.shape[1] if self.member is None else int(np.count_nonzero(block.members[self.member]))
