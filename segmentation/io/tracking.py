"""MLflow: every fit is logged and registered there. Delta holds the truth; tracking may be down."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel

EXPERIMENT = "segmentation"


class Tracker:
    """Logs to MLFLOW_TRACKING_URI, or to an SQLite file beside a local warehouse.

    `warning` says why tracking is out of reach, once; from then on every call returns None.
    """

    def __init__(self, warehouse_root: str) -> None:
        # A server that is down keeps the default client retrying for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        import mlflow

        self._mlflow = mlflow
        self.warning: str | None = None
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._scratch = tempfile.TemporaryDirectory(prefix="mlflow-") if "://" not in warehouse_root else None
        try:
            artifacts = None
            chosen = os.environ.get("MLFLOW_TRACKING_URI")
            if chosen:
                mlflow.set_tracking_uri(chosen)
            else:
                folder = warehouse_root if self._scratch else os.getcwd()
                Path(folder).mkdir(parents=True, exist_ok=True)
                mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
                # mlflow leaves the address in the environment: the next warehouse would take it for a user's choice.
                os.environ.pop("MLFLOW_TRACKING_URI", None)
                artifacts = f"file://{folder}/mlflow-artifacts"
            if mlflow.get_experiment_by_name(EXPERIMENT) is None:
                mlflow.create_experiment(EXPERIMENT, artifact_location=artifacts)
            mlflow.set_experiment(EXPERIMENT)
        except Exception as error:
            self._give_up(error)

    def log_fit(
        self,
        name: str,
        model: PipelineModel,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        curve: Sequence[Mapping[str, float]],
    ) -> str | None:
        """Logs one dimension's fit with its sweep curve (one step per k) and registers the model.

        Returns the MLflow run id, or None where tracking is out of reach.
        """
        if self.warning:
            return None
        try:
            import pyspark

            # The registry prints a line per model; the job's own line says as much.
            with redirect_stderr(StringIO()), self._mlflow.start_run(run_name=name) as run:
                self._mlflow.log_params(dict(params))
                self._mlflow.log_metrics(dict(metrics))
                for point in curve:
                    step = int(point["k"])
                    self._mlflow.log_metrics({f"sweep_{m}": v for m, v in point.items() if m != "k"}, step=step)
                self._mlflow.spark.log_model(
                    model,
                    artifact_path="model",
                    registered_model_name=f"segmentation-{params['dimension']}",
                    pip_requirements=[f"pyspark=={pyspark.__version__}"],
                    dfs_tmpdir=self._scratch.name if self._scratch else None,
                )
                return str(run.info.run_id)
        except Exception as error:
            self._give_up(error)
            return None

    def set_alias(self, dimension: str, mlflow_run_id: str | None, alias: str) -> None:
        """Mirrors what `promotions` says as the registry's alias `champion` or `challenger`."""
        if self.warning or mlflow_run_id is None:
            return
        try:
            client = self._mlflow.MlflowClient()
            versions = client.search_model_versions(f"name = 'segmentation-{dimension}' and run_id = '{mlflow_run_id}'")
            if versions:
                client.set_registered_model_alias(f"segmentation-{dimension}", alias, versions[0].version)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        # The bundle in Delta is complete without MLflow; the run's notes say that tracking missed it.
        self.warning = f"MLflow is out of reach ({str(error).splitlines()[0][:160]}): this fit is in Delta only"
