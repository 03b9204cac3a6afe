"""`make bench-validity`: how much of what customers spend in the next period do their segments explain?

For each source a whole month is run as of a day in mid-history, and the log of each scored customer's spend in the
period after it is predicted by the mean of his segment. Explained variance is out of fold (ten folds), so that many
small groups gain nothing by being many. Beside the segments stand k-means on recency, frequency and monetary value with
the same k, the grid of their quintiles, and gradient boosting on all features as what could be known. Intervals: 95 %,
bootstrap over customers, of a ratio with both sides resampled together.

Whatever is tuned is tuned on the synthetic supermarket, CDNOW and earlier as-of dates; The Complete Journey as of
2017-10-01 is for looking at once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict

from segmentation.core.schemas import UNIFIED
from segmentation.datasets import Retailer, write_cdnow, write_complete_journey, write_synthetic
from segmentation.io import open_session
from segmentation.pipeline import run_month
from segmentation.pipeline.context import open_context
from tests.benchmarks.data import BENCH, ROOT
from tests.published import published, table

FOLDS = 10
RESAMPLES = 2000
RFM = {"recency": "days_since_last_order", "frequency": "orders_365d", "monetary": "net_revenue_365d"}


@dataclass(frozen=True)
class Study:
    """A source, the day of its segments, and how long the next period is."""

    source: str
    raw: Callable[[Path], Path]
    as_of: dt.date
    days: int


def supermarket(folder: Path) -> Path:
    """The synthetic supermarket's raw files, made once."""
    if not (folder / "truth" / "planted_faults").exists():
        shutil.rmtree(folder, ignore_errors=True)
        write_synthetic(open_session("validity"), Retailer(4000, 300_000, seed=3), str(folder))
    return folder / "raw"


STUDIES = {
    "synthetic": Study("synthetic", supermarket, dt.date(2023, 10, 1), 92),
    "cdnow": Study("cdnow", write_cdnow, dt.date(1997, 10, 1), 92),
    "complete_journey_2017-07": Study("complete_journey", write_complete_journey, dt.date(2017, 7, 1), 92),
    "complete_journey": Study("complete_journey", write_complete_journey, dt.date(2017, 10, 1), 92),
}


@dataclass(frozen=True)
class Row:
    """Explained variance of next-period log spend, out of fold, with its interval."""

    study: str
    predictor: str
    groups: int | None
    explained: float
    low: float
    high: float
    ratio: float | None = None
    """To k-means on RFM with the same k, with its interval."""
    ratio_low: float | None = None
    ratio_high: float | None = None


def group_means(groups: Any, y: Any, folds: KFold) -> Any:
    """Each one's prediction: the mean of his group among the others, or everyone's where none of it is among them."""
    found = np.empty(len(y))
    for train, test in folds.split(y):
        means = pd.Series(y[train]).groupby(groups[train]).mean()
        found[test] = pd.Series(groups[test]).map(means).fillna(y[train].mean())
    return found


def explained(y: Any, predicted: Any) -> float:
    """1 − residual over total sum of squares."""
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def interval(statistic: Callable[[Any], float], n: int) -> tuple[float, float]:
    """95 % of the statistic over resampled customers."""
    rng = np.random.default_rng(11)
    low, high = np.percentile([statistic(rng.integers(0, n, n)) for _ in range(RESAMPLES)], [2.5, 97.5])
    return float(low), float(high)


def as_numbers(features: pd.DataFrame) -> pd.DataFrame:
    """Decimals as floats, texts as codes; without what is the same for everybody."""
    found = {}
    for name, column in features.items():
        known = column.dropna()
        is_text = len(known) > 0 and isinstance(known.iloc[0], str)
        found[name] = column.astype("category").cat.codes if is_text else column.astype(float)
    numbers = pd.DataFrame(found, index=features.index)
    return numbers.loc[:, numbers.nunique() > 1]


def compare(study: str, features: pd.DataFrame, segments: Mapping[str, pd.Series], y: Any) -> list[Row]:
    """features: one row a customer; segments: by dimension, in the same order; y: (n,) log spend of the next period."""
    folds = KFold(FOLDS, shuffle=True, random_state=5)
    numeric = as_numbers(features)
    rfm = numeric[list(RFM.values())].fillna(numeric[list(RFM.values())].max())
    logs = np.log1p(rfm.clip(lower=0))
    scaled = ((logs - logs.mean()) / logs.std()).to_numpy()
    quintiles = rfm.apply(lambda c: pd.qcut(c.rank(method="first"), 5, labels=False)).astype(str).agg("".join, axis=1)
    predicted: dict[str, tuple[int | None, Any, str | None]] = {}
    for dimension, found in segments.items():
        k = found.nunique()
        rival = f"k-means on RFM, k = {k}"
        if rival not in predicted:
            labels = KMeans(k, n_init=10, random_state=3).fit_predict(scaled)
            predicted[rival] = k, group_means(labels, y, folds), None
        predicted[f"{dimension} segments"] = k, group_means(found.to_numpy(), y, folds), rival
    predicted["RFM grid, quintiles"] = quintiles.nunique(), group_means(quintiles.to_numpy(), y, folds), None
    boosting = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.05, random_state=7)
    predicted["gradient boosting on all features"] = None, cross_val_predict(boosting, numeric, y, cv=folds), None
    rows = []
    for name, (groups, p, rival) in predicted.items():
        low, high = interval(lambda i, p=p: explained(y[i], p[i]), len(y))  # type: ignore[misc]
        row = Row(study, name, groups, explained(y, p), low, high)
        if rival is not None:
            q = predicted[rival][1]
            ends = interval(lambda i, p=p, q=q: explained(y[i], p[i]) / explained(y[i], q[i]), len(y))  # type: ignore[misc]
            row = Row(**{**asdict(row), "ratio": explained(y, p) / explained(y, q), "ratio_low": ends[0],
                         "ratio_high": ends[1]})  # fmt: skip
        rows.append(row)
    return rows


def run(name: str, study: Study) -> list[Row]:
    """One month of a source, and what its segments say of the next period."""
    folder = BENCH / "validity" / name
    shutil.rmtree(folder / "warehouse", ignore_errors=True)
    context = open_context("validity", str(ROOT / "conf"), study.source, str(folder / "warehouse"))
    run_month(context, study.as_of, str(study.raw(folder / "raw")))
    return judge(name, study, folder / "warehouse")


def judge(name: str, study: Study, warehouse: Path) -> list[Row]:
    """The same of a month that is there."""
    scored = published(warehouse, "segments", study.as_of)
    features = published(warehouse, "customer_features", study.as_of).set_index("customer_id")
    wide = scored.pivot(index="customer_id", columns="dimension", values="raw_segment_id").sort_index()
    lines = table(warehouse, "stg_transactions")
    after = lines[(lines["event_date"] >= study.as_of) & (lines["event_date"] < study.as_of + dt.timedelta(study.days))]
    spent = after.groupby("customer_id")["net_amount"].sum().astype(float).reindex(wide.index).fillna(0)
    y = np.log1p(spent.clip(lower=0)).to_numpy()
    segments = {d: wide[d] for d in ("transactional", UNIFIED) if wide[d].nunique() > 1}
    return compare(name, features.reindex(wide.index).drop(columns=["as_of", "run_id"]), segments, y)


def print_rows(rows: list[Row]) -> None:
    """As a Markdown table."""
    print("| study | predictor | groups | explained | 95 % | of RFM k-means | 95 % |\n|---|---|---|---|---|---|---|")
    for r in rows:
        ratio = "| |" if r.ratio is None else f"{r.ratio:.2f} | {r.ratio_low:.2f}–{r.ratio_high:.2f} |"
        print(
            f"| {r.study} | {r.predictor} | {r.groups or ''} | {r.explained:.3f} | {r.low:.3f}–{r.high:.3f} | {ratio}"
        )


def main() -> None:
    """Run the studies, print the table, write `build/bench/validity.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="+", choices=sorted(STUDIES), default=list(STUDIES))
    rows = [row for name in parser.parse_args().studies for row in run(name, STUDIES[name])]
    (BENCH / "validity.json").write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    print_rows(rows)


if __name__ == "__main__":
    main()
