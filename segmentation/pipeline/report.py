"""A published month as one HTML page beside the tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.core.config import load
from segmentation.core.schemas import (
    DATA_QUALITY,
    K_SELECTION,
    K_SWEEP,
    POPULATION,
    SEGMENT_CHANGES,
    SEGMENT_DIFFERENCES,
    SEGMENT_LINEAGE,
    SEGMENT_MIGRATION,
    SEGMENT_PROFILES,
    SEGMENTS,
    UNIFIED,
    Table,
)
from segmentation.io.files import exists, write_text
from segmentation.monitoring import NONE, title_of
from segmentation.pipeline.bundle import fit_of, load_bundle, models_of, names_of, published_models
from segmentation.pipeline.context import Context
from segmentation.pipeline.fit import DRIFT
from segmentation.pipeline.tell import challenger_of, judged_rows
from segmentation.reports import DriftData, ReportData, render_drift_report, render_report
from segmentation.segments import Model, revenue_steps
from segmentation.segments.rules import Rules

NAME, DRIFT_NAME = "cluster_analysis_report.html", "drift_report.html"
POINTS = 2000  # more dots than this hide each other
REVENUE = "net_revenue_365d"


def run_report(context: Context, run: Row) -> str:
    """Writes the report of a published scoring run, unless it is there, and returns its path."""
    path = _path(context, run, NAME)
    if not exists(context.warehouse.spark, path):
        with context.steps.step("report") as facts:
            html = render_report(report_data(context, run))
            write_text(context.warehouse.spark, path, html)
            facts.append(f"{len(html) / 1e6:.1f} MB")
    return path


def run_reports(context: Context, run: Row) -> list[str]:
    """Writes both pages of a published scoring run, unless they are there, and returns their paths.

    The month of a first fit, or of a refit by hand, has nothing to say of drift.
    """
    drift = run["inputs"].get(DRIFT)
    pages = [] if drift is None else [run_drift_report(context, context.runs.get(drift), run)]
    return [run_report(context, run), *pages]


def run_drift_report(context: Context, drift: Row, month: Row | None = None) -> str:
    """Writes the page of a run of monitor_drift, unless it is there, and returns its path.

    month: the scoring run that it belongs to, with its word on the month (by default the published one, if it does);
    there is none where it was stopped, or measured alone.
    """
    path = _path(context, drift, DRIFT_NAME)
    if not exists(context.warehouse.spark, path):
        published = context.runs.latest("monthly", drift["as_of"])
        if month is None and published is not None and published["inputs"].get(DRIFT) == drift["run_id"]:
            month = published
        write_text(context.warehouse.spark, path, render_drift_report(drift_data(context, drift, month)))
    return path


def _path(context: Context, run: Row, name: str) -> str:
    return f"{context.warehouse.root}/reports/{run['as_of']}/{run['run_id']}/{name}"


def drift_data(context: Context, drift: Row, month: Row | None) -> DriftData:
    """What the page shows, from the published tables of these runs."""
    bundle = drift["inputs"]["bundle"]
    changes, migration = (
        _rows(context, table, month) if month is not None else pd.DataFrame(columns=list(table.names))
        for table in (SEGMENT_CHANGES, SEGMENT_MIGRATION)
    )
    word = drift if month is None else month
    judged = judged_rows(context, drift["as_of"], drift["run_id"])
    rules = load(context.config / "rules.yml", Rules).rules
    return DriftData(
        as_of=drift["as_of"],
        run_id=word["run_id"],
        model_version=bundle,
        verdict=word["verdict"],
        title=title_of(
            word["verdict"],
            judged,
            NONE if month is None else challenger_of(context, month),
            month=month is not None or context.runs.latest("monthly", drift["as_of"]) is None,
        ),
        reason=word["reason"],
        report=judged,
        changes=changes,
        migration=migration,
        names=names_of(models_of(context, bundle)) | {r.segment_id: r.segment_name for r in rules},
        rule_segments=frozenset(r.segment_id for r in rules),
    )


def report_data(context: Context, run: Row) -> ReportData:
    """What the report shows, from the published tables of this run and of the runs it stands on."""
    features = context.runs.get(run["inputs"]["features"])
    ingest = context.runs.get(features["inputs"]["ingest"])
    bundle = run["inputs"]["bundle"]
    fit = fit_of(context, bundle)
    loaded = load_bundle(context, bundle)
    segments = context.warehouse.read_run(SEGMENTS, run["as_of"], run["run_id"]).where(F.col("dimension") == UNIFIED)
    built = context.warehouse.read_run(context.registry.table, run["as_of"], features["run_id"])
    scored = built.join(segments, on="customer_id", how="left_semi")
    points, explained, correlations = _principal_components(scored, segments, loaded[UNIFIED])
    source, profiles = context.source, _rows(context, SEGMENT_PROFILES, run)
    return ReportData(
        description=source.description,
        credit=source.credit,
        as_of=run["as_of"],
        run_id=run["run_id"],
        customers=int(profiles[profiles["dimension"] == UNIFIED]["customers"].sum()),
        notes=(*ingest["notes"], *features["notes"], *fit["notes"], *run["notes"]),
        profiles=profiles,
        sweep=_rows(context, K_SWEEP, fit),
        selection=_rows(context, K_SELECTION, fit),
        quality=_rows(context, DATA_QUALITY, ingest),
        points=points,
        explained=explained,
        currency=source.currency,
        population=_rows(context, POPULATION, run),
        differences=_rows(context, SEGMENT_DIFFERENCES, run),
        migration=_rows(context, SEGMENT_MIGRATION, run),
        changes=_rows(context, SEGMENT_CHANGES, run),
        lineage=_rows(context, SEGMENT_LINEAGE, fit),
        names=names_of(published_models(context)),
        steps=_steps(scored),
        left_out=pd.DataFrame(
            [(d, x.feature, x.reason) for d, m in loaded.items() for x in m.preprocessor.dropped],
            columns=["dimension", "feature", "reason"],
        ),
        correlations=correlations,
        origins=_origins((ingest, features, fit, run)),
        rule_segments=frozenset(r.segment_id for r in load(context.config / "rules.yml", Rules).rules),
        descriptions={f.name: f.block.description for f in context.registry.features},
    )


def _rows(context: Context, table: Table, run: Row) -> pd.DataFrame:
    """What a run wrote, collected; a few rows per segment, k or column, whatever the number of customers."""
    rows = context.warehouse.rows_of_run(table, run["as_of"], run["run_id"])
    return pd.DataFrame([r.asDict() for r in rows], columns=list(table.names))


def _steps(scored: DataFrame) -> pd.DataFrame:
    """The scored customers by revenue; empty where `conf/features` has no such feature."""
    if REVENUE not in scored.columns:
        return pd.DataFrame()
    steps = revenue_steps(scored, F.col(REVENUE))
    return pd.DataFrame([r.asDict() for r in steps.collect()], columns=steps.columns)


def _origins(runs: Sequence[Row]) -> pd.DataFrame:
    """The runs in words, in the order in which one stands on another; of files the names alone, wherever they lay."""
    rows = [
        (r["job"], r["as_of"], r["run_id"], r["code_version"], r["config_hash"],
         "; ".join(f"{name.rpartition('/')[2]}: {what}" for name, what in sorted(r["inputs"].items())))
        for r in runs
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["job", "as_of", "run_id", "code_version", "config_hash", "inputs"])


def _principal_components(
    scored: DataFrame, segments: DataFrame, model: Model
) -> tuple[pd.DataFrame, tuple[float, float], pd.DataFrame]:
    """Up to 2,000 customers, chosen by hash, on the first two components of the unified vectors; and correlations.

    Signs are fixed (the largest loading is positive), so that two runs draw the same picture. Correlations are
    Pearson's of each pair of slots over the same customers; a slot that is the same for all has none.
    """
    sample = scored.orderBy(F.xxhash64("customer_id", F.lit(0)), "customer_id").limit(POINTS)
    vector = F.array(*(F.expr(s.sql) for s in model.preprocessor.fitted))
    vectors = sample.select("customer_id", vector.alias("x"))
    joined = vectors.join(segments.select("customer_id", "segment_id", "segment_name"), on="customer_id", how="inner")
    found = joined.orderBy(F.xxhash64("customer_id", F.lit(0)), "customer_id").collect()
    x = np.array([r["x"] for r in found], dtype=np.float64)
    x = np.hstack([x, np.zeros((len(x), max(0, 2 - x.shape[1])))])
    centred = x - x.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    axes = np.vstack([axes, np.zeros((max(0, 2 - len(axes)), x.shape[1]))])[:2]
    axes *= np.where(axes[[0, 1], np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    share = singular**2 / max(float((singular**2).sum()), 1e-300)
    places = centred @ axes.T
    points = pd.DataFrame(
        {"x": places[:, 0], "y": places[:, 1], "segment_id": [r["segment_id"] for r in found],
         "segment_name": [r["segment_name"] for r in found]}
    )  # fmt: skip
    return points, (float(share[0]), float(share[1]) if len(share) > 1 else 0.0), _correlations(model, centred)


def _correlations(model: Model, centred: npt.NDArray[np.float64]) -> pd.DataFrame:
    names = [name.partition(".")[2] for name in model.preprocessor.names]  # without the dimension before it
    varies = np.flatnonzero(np.linalg.norm(centred[:, : len(names)], axis=0) > 1e-9)
    rho = np.atleast_2d(np.corrcoef(centred[:, varies], rowvar=False))
    pairs = [
        (names[i], names[j], round(float(rho[a, b]), 6))
        for a, i in enumerate(varies)
        for b, j in enumerate(varies)
        if a < b
    ]
    return pd.DataFrame(pairs, columns=["one", "other", "r"])
