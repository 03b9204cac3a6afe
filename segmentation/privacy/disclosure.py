"""Small cells: which are joined with others and which hidden, so that no figure and no difference tells of few."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import Field, model_validator

from segmentation.core.config import Strict

OTHER = "(other)"
"""The label of what is joined."""

Path = tuple[str, ...]
"""A cell by its labels, from the whole to the part: segment, city, tier."""
Cell = tuple[str, str]
"""Row and column."""


class Disclosure(Strict):
    """The file `conf/disclosure.yml`."""

    min_customers: int = Field(ge=2)
    round_to: int = Field(ge=1)

    @model_validator(mode="after")
    def _shows_what_is_there(self) -> Disclosure:
        if self.round_to > self.min_customers:
            raise ValueError("`round_to` must not exceed `min_customers`: a cell that is shown would round to nothing")
        return self


def coarsen(sizes: Mapping[Path, int], minimum: int) -> dict[Path, Path]:
    """Under which labels each cell is shown, so that each that is shown counts at least `minimum` customers.

    sizes: customers by path, all of one length; each customer counts in one cell. From the parts up, parts of the same
    whole that are too small are joined into `(other)`, with the smallest other part where they are too few together.
    All that is shown of any depth is then a sum of the same cells, and so is every difference of two of them: none
    tells of fewer than `minimum` customers. Cells of a total below `minimum` are left out. Source: recoding to
    k-anonymity, Sweeney (2002), doi:10.1142/S021848850200165X.

    >>> coarsen({("a", "x"): 20, ("a", "y"): 3, ("a", "z"): 12, ("b", "x"): 30}, 10)[("a", "y")]
    ('a', '(other)')
    >>> coarsen({("a", "x"): 20, ("a", "y"): 3, ("a", "z"): 12, ("b", "x"): 30}, 10)[("a", "z")]
    ('a', '(other)')
    """
    shown = {path: path for path, n in sizes.items() if n > 0}
    depth = max(map(len, shown), default=0)
    for level in reversed(range(depth)):
        parts: dict[Path, dict[Path, int]] = {}
        for path, label in shown.items():
            of = parts.setdefault(label[:level], {})
            of[label[: level + 1]] = of.get(label[: level + 1], 0) + sizes[path]
        joined = {part for of in parts.values() for part in _joined(of, minimum)}
        for path, label in shown.items():
            if label[: level + 1] in joined:
                shown[path] = label[:level] + (OTHER,) * (depth - level)
    if sum(sizes[path] for path in shown) < minimum:
        return {}
    return shown


def _joined(of: Mapping[Path, int], minimum: int) -> set[Path]:
    small = {part for part, n in of.items() if n < minimum}
    if small and sum(of[part] for part in small) < minimum:
        others = sorted((n, part) for part, n in of.items() if part not in small)
        small |= {part for _, part in others[:1]}
    return small


def overlapping(sizes: Mapping[str, int], minimum: int) -> dict[str, str]:
    """Under which label each part is shown, where a customer may be in several and each in one at least.

    Parts too small are joined into `(other)`; how many different customers they have together is not known, but no
    fewer than the largest of them, so that one which is large enough by itself goes with them. Without such a one none
    is shown. Differences of sums over all parts and over those that are shown then tell of at least `minimum`.

    >>> overlapping({"a": 40, "b": 12, "c": 3, "d": 9}, 10)
    {'a': 'a', 'b': '(other)', 'c': '(other)', 'd': '(other)'}
    >>> overlapping({"c": 3, "d": 9}, 10)
    {}
    """
    there = {part: n for part, n in sizes.items() if n > 0}
    large = sorted((n, part) for part, n in there.items() if n >= minimum)
    if not large:
        return {}
    small = {part for part, n in there.items() if n < minimum}
    joined = small | {large[0][1]} if small else small
    return {part: OTHER if part in joined else part for part in there}


def hidden(sizes: Mapping[Cell, int], minimum: int) -> set[Cell]:
    """Cells (row, column) that must not be shown of a table whose sums of rows and of columns are.

    Those below `minimum`, and further ones, as few and as small as it goes one by one, until what is hidden of each row
    and column counts at least `minimum` customers and no small cell follows from the sums: it does not where it lies on
    a cycle of hidden cells. What several rows together leave of several columns is not looked at. Source: Gusfield
    (1988), A graph theoretic approach to statistical data security, doi:10.1137/0217034.

    >>> sorted(hidden({("a", "a"): 50, ("a", "b"): 4, ("b", "a"): 30, ("b", "b"): 40}, 10))
    [('a', 'a'), ('a', 'b'), ('b', 'a'), ('b', 'b')]
    """
    there = {cell: n for cell, n in sizes.items() if n > 0}
    gone = {cell for cell, n in there.items() if n < minimum}
    lines: dict[tuple[int, str], list[Cell]] = {}
    for cell in sorted(there):
        for axis, label in enumerate(cell):
            lines.setdefault((axis, label), []).append(cell)

    def unsafe() -> Iterator[list[Cell]]:
        for cells in lines.values():
            away = [c for c in cells if c in gone]
            if away and (len(away) == 1 or sum(there[c] for c in away) < minimum):
                yield cells
        for row, column in sorted(c for c in gone if there[c] < minimum):
            if not _on_a_cycle((row, column), gone):
                yield [*lines[0, row], *lines[1, column]]

    def cost(cell: Cell) -> tuple[int, int, Cell]:
        """Fewest cells first: one in a row and a column with hidden ones makes neither of them unsafe."""
        alone = sum(not any(c in gone for c in lines[axis, label]) for axis, label in enumerate(cell))
        return alone, there[cell], cell

    while more := next((left for cells in unsafe() if (left := [c for c in cells if c not in gone])), None):
        gone.add(min(more, key=cost))
    return gone


def _on_a_cycle(cell: Cell, cells: Collection[Cell]) -> bool:
    """Whether its row and column are joined by others of the cells, each a step between its row and its column."""
    rows, columns, todo = {cell[0]}, set[str](), [cell[0]]
    while todo:
        row = todo.pop()
        for column in {c for r, c in cells if r == row and (r, c) != cell} - columns:
            columns.add(column)
            found = {r for r, c in cells if c == column and (r, c) != cell} - rows
            rows |= found
            todo += found
    return cell[1] in columns


def rounded(customers: int, step: int) -> int:
    """To the nearest multiple of `step`, a half upwards.

    >>> [rounded(n, 5) for n in (10, 12, 13)]
    [10, 10, 15]
    """
    return (2 * customers + step) // (2 * step) * step
