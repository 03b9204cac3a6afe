"""What a fit leaves behind: the rows of its tables."""

from __future__ import annotations

import datetime as dt
from typing import Any

from segmentation.clustering import Candidate, Choice, Weighed, merges
from segmentation.io.runs import Run
from segmentation.monitoring import Reference
from segmentation.pipeline.bundle import Fitted
from segmentation.pipeline.identity import Identified
from segmentation.segments import Model


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
            "merges": [{"segments": len(ids) - i, "one": [ids[c] for c in m.one], "other": [ids[c] for c in m.other],
                        "kept": m.kept} for i, m in enumerate(joins, 1)]}  # fmt: skip


def _weighed(w: Weighed) -> dict[str, Any]:
    i, e = w.candidate.indices, w.evidence
    argued = {"seed_agreement": e.seed_agreement, "stability": e.stability, "returns": min(e.returns, default=None),
              "excess": e.excess, "error": e.error, "gap": e.gap, "separation": e.separation, "valleys": e.valleys,
              "usefulness": e.useful.share if e.useful else None} if e else {}  # fmt: skip
    return {"k": w.candidate.k, "seed": w.candidate.seed, "silhouette": i.silhouette,
            "davies_bouldin": i.davies_bouldin, "calinski_harabasz": i.calinski_harabasz, "min_share": i.min_share,
            **argued, "flaws": list(w.against)}  # fmt: skip


def model_row(
    as_of: dt.date, run: Run, f: Fitted, m: Model, reference: Reference, path: str, files: dict[str, str]
) -> dict[str, Any]:
    """Of `segment_models`; mlflow_run_id is null as yet."""
    return {"as_of": as_of, "run_id": run.run_id, "dimension": m.dimension, "model_version": m.version,
            "k": len(m.centroids), "centroids": m.centroids.tolist(), "segment_ids": list(m.segment_ids),
            "segment_names": list(m.segment_names), "preprocessor": m.preprocessor.to_json(),
            "feature_names": list(m.preprocessor.names), "reference": reference.to_json(),
            "metrics": _figures(f.choice.candidate) if f.choice.candidate else {}, "trained_as_of": as_of,
            "training_customers": f.customers, "mlflow_run_id": None, "model_path": path,
            "files_sha256": files}  # fmt: skip
