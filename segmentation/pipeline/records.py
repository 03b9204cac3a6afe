"""What a fit leaves behind: the rows of its tables, and what MLflow is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame

from segmentation.clustering import Candidate, Choice, Weighed, merges
from segmentation.core.config import sql_columns
from segmentation.io.runs import Run
from segmentation.io.tracking import Tracker
from segmentation.monitoring import Reference
from segmentation.pipeline.bundle import Fitted
from segmentation.pipeline.identity import Identified
from segmentation.reports import view
from segmentation.reports.figures import Index, curve
from segmentation.reports.style import to_png
from segmentation.segments import Model


def track(tracker: Tracker, f: Fitted, model: Model, as_of: dt.date, run: Run, features: DataFrame) -> str | None:
    """Logs one dimension's fit: its MLflow run id, or None where tracking is out of reach."""
    params = {"dimension": model.dimension, "model_version": model.version, "as_of": as_of.isoformat(),
              "k": len(model.centroids), "structure": f.choice.structure, "reason": f.choice.reason[:500],
              "run_id": run.run_id, "features": len(model.preprocessor.names), "customers": f.customers}  # fmt: skip
    by_k = [
        {"k": w.k, **_figures(w.candidate), **({"stability": w.evidence.stability} if w.evidence and
         w.evidence.stability is not None else {})} for w in f.choice.weighed
    ]  # fmt: skip
    metrics = _figures(f.choice.candidate) if f.choice.candidate else {}
    types = {field.name: field.dataType.typeName() for field in features.schema}
    reads = {c for s in model.preprocessor.fitted for c in sql_columns(s.sql, s.name) if c in types}
    pipeline = model.pipeline(features.sparkSession)
    return tracker.log_fit(
        f"{model.dimension} {as_of}", pipeline, params, metrics, by_k, {c: types[c] for c in sorted(reads)}
    )


def bundle_run(tracker: Tracker, fitted: Mapping[str, Fitted], candidates: Sequence[Mapping[str, Any]]) -> None:
    """Completes the parent run: the sweep (rows of `k_sweep`) as a table, and pictures of each choice of k."""
    kept = [{name: str(v) if name == "as_of" else v for name, v in row.items()} for row in candidates]
    tracker.end_bundle(kept, (named for d, f in fitted.items() for named in _pictures(d, f)))


def _pictures(dimension: str, f: Fitted) -> Iterator[tuple[str, bytes]]:
    """Silhouette and stability over k."""
    c = f.choice
    weighed = {(w.k, w.candidate.seed): w for w in c.weighed}
    fits = [view.Candidate(x.k, x.seed, x.indices.sse, x.indices.silhouette, x.indices.davies_bouldin,
                           x.indices.calinski_harabasz, x.indices.min_share) for x in f.candidates]  # fmt: skip
    best = [replace(x, stability=w.evidence.stability if w.evidence else None)
            for x in fits if (w := weighed.get((x.k, x.seed)))]  # fmt: skip
    k = c.candidate.k if c.candidate else None
    shown = view.Choice(k, c.chosen_by == "user", c.structure, c.reason, fits, best)
    titles: dict[Index, str] = {"silhouette": "Mean silhouette", "stability": "Adjusted Rand index"}
    for index, title in titles.items():
        spec = curve(shown, index, title)
        if spec:
            yield f"{dimension}-{index}", to_png(spec)


def lineage_rows(as_of: dt.date, run: Run, dimension: str, serving: str | None, i: Identified) -> list[dict[str, Any]]:
    """Of `segment_lineage`, for one dimension of a refit."""
    return [
        {"as_of": as_of, "run_id": run.run_id, "dimension": dimension, "from_version": serving,
         "to_version": i.model.version, "from_segment_id": k.from_id, "to_segment_id": k.to_id, "relation": k.relation,
         "overlap": k.overlap, "distance": k.distance}
        for k in i.kin
    ]  # fmt: skip


def _figures(c: Candidate) -> dict[str, float]:
    i = c.indices
    found = {"sse": i.sse, "silhouette": i.silhouette, "davies_bouldin": i.davies_bouldin,
             "calinski_harabasz": i.calinski_harabasz, "min_share": i.min_share}  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def sweep_row(as_of: dt.date, run: Run, dimension: str, c: Candidate) -> dict[str, Any]:
    """Of `k_sweep`."""
    i = c.indices
    return {"as_of": as_of, "run_id": run.run_id, "dimension": dimension, "k": c.k, "seed": c.seed, "sse": i.sse,
            "silhouette": i.silhouette, "davies_bouldin": i.davies_bouldin, "calinski_harabasz": i.calinski_harabasz,
            "iterations": c.iterations, "min_share": i.min_share, "engine": c.engine}  # fmt: skip


def selection_row(as_of: dt.date, run: Run, choice: Choice, model: Model) -> dict[str, Any]:
    """Of `k_selection`."""
    chosen, ids = choice.candidate, model.segment_ids
    joins = merges(chosen.centroids, chosen.indices.sizes) if chosen else []
    return {"as_of": as_of, "run_id": run.run_id, "dimension": model.dimension, "k": chosen.k if chosen else None,
            "seed": chosen.seed if chosen else None, "chosen_by": choice.chosen_by,
            "structure": choice.structure, "reason": choice.reason,
            "candidates": [_weighed(w) for w in choice.weighed],
            "merges": [(len(ids) - i, [ids[c] for c in m.one], [ids[c] for c in m.other], m.kept)
                       for i, m in enumerate(joins, 1)]}  # fmt: skip


def _weighed(w: Weighed) -> tuple[Any, ...]:
    i, e = w.candidate.indices, w.evidence
    argued = (
        (e.seed_agreement, e.stability, min(e.returns, default=None), e.excess, e.error, e.gap, e.separation, e.valleys,
         e.useful.share if e.useful else None)
        if e else (None,) * 9
    )  # fmt: skip
    return (w.candidate.k, w.candidate.seed, i.silhouette, i.davies_bouldin, i.calinski_harabasz, i.min_share, *argued,
            list(w.against))  # fmt: skip


def model_row(
    as_of: dt.date, run: Run, f: Fitted, m: Model, reference: Reference, path: str, files: dict[str, str],
    mlflow_run: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Of `segment_models`."""
    return {"as_of": as_of, "run_id": run.run_id, "dimension": m.dimension, "model_version": m.version,
            "k": len(m.centroids), "centroids": m.centroids.tolist(), "segment_ids": list(m.segment_ids),
            "segment_names": list(m.segment_names), "preprocessor": m.preprocessor.to_json(),
            "feature_names": list(m.preprocessor.names), "reference": reference.to_json(),
            "metrics": _figures(f.choice.candidate) if f.choice.candidate else {}, "trained_as_of": as_of,
            "training_customers": f.customers, "mlflow_run_id": mlflow_run, "model_path": path,
            "files_sha256": files}  # fmt: skip
