"""Which columns tell something, and something new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def redundant(names: Sequence[str], columns: npt.NDArray[np.float64], limit: float) -> dict[str, str]:
    """Columns that say what an earlier one says: name → reason. Earlier columns have priority.

    columns: (n, d) without constant columns. Pearson's ρ on the transformed values, |ρ| > limit.

    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> redundant(["a", "b", "c"], np.column_stack([x, -2 * x, x % 2]), 0.9)
    {'b': 'says what a says: correlation -1.00'}
    """
    if len(names) < 2:
        return {}
    rho = np.asarray(np.corrcoef(columns, rowvar=False))
    dropped: dict[str, str] = {}
    kept: list[int] = []
    for j, name in enumerate(names):
        worst = max(kept, key=lambda i: abs(rho[i, j]), default=None)
        if worst is not None and abs(rho[worst, j]) > limit:
            dropped[name] = f"says what {names[worst]} says: correlation {rho[worst, j]:.2f}"
        else:
            kept.append(j)
    return dropped
