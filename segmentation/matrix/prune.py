"""Which columns tell something, and something new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def redundant(
    names: Sequence[str], features: Sequence[str], columns: npt.NDArray[np.float64], limit: float
) -> dict[str, str]:
    """Columns that say what earlier ones say, alone or together: name → reason. Earlier columns have priority.

    features: (d,) the feature of each column; those of one (the values of a nominal one) are not held against each
    other. columns: (n, d) without constant columns. The measure is the multiple correlation R with the earlier columns
    that stay, on the transformed values, adjusted for their number and that of the rows: R > limit. Of two columns it
    is Pearson's |ρ|; of three it sees that the log of an average is the difference of two logs. What is said twice
    would count twice in every distance. Source: Ezekiel (1930), Methods of Correlation Analysis (the adjustment).

    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> redundant(list("abcd"), list("abcd"), np.column_stack([x, -2 * x, x % 2, x + x % 2]), 0.97)
    {'b': 'says what a says: correlation -1.00', 'd': 'says what a and c say together: multiple correlation 1.00'}
    """
    if len(names) < 2:
        return {}
    rho = np.asarray(np.corrcoef(columns, rowvar=False))
    dropped: dict[str, str] = {}
    stays: list[int] = []
    for j, name in enumerate(names):
        kept = [i for i in stays if features[i] != features[j]]
        worst = max(kept, key=lambda i: abs(rho[i, j]), default=None)
        if worst is not None and abs(rho[worst, j]) > limit:
            dropped[name] = f"says what {names[worst]} says: correlation {rho[worst, j]:.2f}"
        elif len(kept) > 1 and _multiple(rho, kept, j, len(columns)) > limit:
            those = _enough(rho, kept, j, limit, len(columns))
            listed = f"{', '.join(names[i] for i in those[:-1])} and {names[those[-1]]}"
            r = _multiple(rho, those, j, len(columns))
            dropped[name] = f"says what {listed} say together: multiple correlation {r:.2f}"
        else:
            stays.append(j)
    return dropped


def _multiple(rho: npt.NDArray[np.float64], of: Sequence[int], j: int, rows: int) -> float:
    """The multiple correlation of column j with the columns `of`, adjusted (Ezekiel), 0..1; 0 with too few rows."""
    free = rows - len(of) - 1
    if free <= 0:
        return 0.0
    weights = np.linalg.lstsq(rho[np.ix_(of, of)], rho[of, j], rcond=None)[0]
    squared = float(np.clip(rho[of, j] @ weights, 0.0, 1.0))
    return float(np.sqrt(max(0.0, 1 - (1 - squared) * (rows - 1) / free)))


def _enough(rho: npt.NDArray[np.float64], kept: Sequence[int], j: int, limit: float, rows: int) -> list[int]:
    """Of the columns `kept` as few as forward selection needs to go beyond the limit, in their order."""
    found: list[int] = []
    while len(found) < len(kept) and (not found or _multiple(rho, found, j, rows) <= limit):
        rest = [i for i in kept if i not in found]
        found.append(max(rest, key=lambda i: _multiple(rho, [*found, i], j, rows)))
    return sorted(found)
