"""MLflow: every fit is logged and registered there. Delta holds the truth; tracking may be down."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel

from segmentation.core.errors import first_line

EXPERIMENT = "segmentation"
OUT_OF_REACH = "MLflow is out of reach"
"""What a warning begins with."""


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

    def has_bundle(self, version: str) -> bool:
        """Whether the run of a bundle was logged to its end; False where tracking is out of reach."""
        ended = f"attributes.run_name = '{_bundle(version)}' AND attributes.status = 'FINISHED'"
        return self._newest(ended) is not None

    def run_of(self, dimension: str, version: str) -> str | None:
        """The run of one dimension's fit; None where there is none, or tracking is out of reach."""
        return self._newest(f"params.dimension = '{dimension}' AND params.model_version = '{version}'")

    def _newest(self, where: str) -> str | None:
        if self.warning:
            return None
        try:
            runs = self._mlflow.search_runs(
                experiment_names=[EXPERIMENT], filter_string=where, max_results=1, output_format="list"
            )
            return str(runs[0].info.run_id) if runs else None
        except Exception as error:
            self._give_up(error)
            return None

    def begin_bundle(self, version: str, params: Mapping[str, Any]) -> None:
        """Starts the run that those of a bundle's dimensions are children of."""
        if self.warning:
            return
        try:
            if self._mlflow.active_run():  # of a fit in this process that was refused half-way
                self._mlflow.end_run("FAILED")
            self._mlflow.start_run(run_name=_bundle(version))
            self._mlflow.log_params(dict(params))
        except Exception as error:
            self._give_up(error)

    def end_bundle(self, sweep: Sequence[Mapping[str, Any]], pictures: Iterable[tuple[str, bytes]]) -> None:
        """Ends it with the sweep as a table, one row a candidate, and PNG pictures with their names."""
        if self.warning:
            return
        try:
            self._mlflow.log_table({c: [row[c] for row in sweep] for c in sweep[0]} if sweep else {}, "sweep.json")
            with tempfile.TemporaryDirectory(prefix="mlflow-") as folder:
                for name, png in pictures:  # made only now
                    (Path(folder) / f"{name}.png").write_bytes(png)
                self._mlflow.log_artifacts(folder, "pictures")
            self._mlflow.end_run()
        except Exception as error:
            self._give_up(error)

    def log_fit(
        self,
        name: str,
        model: PipelineModel,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        curve: Sequence[Mapping[str, float]],
        inputs: Mapping[str, str],
    ) -> str | None:
        """Logs one dimension's fit with its sweep curve (one step per k) and registers the model with its signature.

        inputs: the columns that the model reads, with their Spark types. Within a bundle the run is its child. Returns
        the MLflow run id, or None where tracking is out of reach.
        """
        if self.warning:
            return None
        try:
            import pyspark

            # The registry prints a line per model; the job's own line says as much.
            with redirect_stderr(StringIO()), self._mlflow.start_run(run_name=name, nested=True) as run:
                self._mlflow.log_params(dict(params))
                self._mlflow.log_metrics(dict(metrics))
                for point in curve:
                    step = int(point["k"])
                    self._mlflow.log_metrics({f"sweep_{m}": v for m, v in point.items() if m != "k"}, step=step)
                self._mlflow.spark.log_model(
                    model,
                    artifact_path="model",
                    registered_model_name=_registered(params["dimension"]),
                    signature=_signature(inputs),
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
            name = _registered(dimension)
            versions = client.search_model_versions(f"name = '{name}' and run_id = '{mlflow_run_id}'")
            if versions:
                found = client.get_registered_model(name).aliases.get("challenger")
                if alias == "champion" and found is not None and str(found) == str(versions[0].version):
                    client.delete_registered_model_alias(name, "challenger")
                client.set_registered_model_alias(name, alias, versions[0].version)
        except Exception as error:
            self._give_up(error)

    def clear_alias(self, dimension: str, alias: str) -> None:
        """Takes the alias from the dimension's model, where one has it."""
        if self.warning:
            return
        try:
            client, name = self._mlflow.MlflowClient(), _registered(dimension)
            for model in client.search_registered_models(f"name = '{name}'"):
                if alias in model.aliases:
                    client.delete_registered_model_alias(name, alias)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        # The bundle in Delta is complete without MLflow; the run's notes say that tracking missed it.
        self.warning = f"{OUT_OF_REACH} ({first_line(error)[:160]}): a fit is in Delta only until a month reaches it"
        # Left open, mlflow ends runs as FINISHED when the process does: half a bundle would pass for logged.
        with suppress(Exception):
            while self._mlflow.active_run():
                self._mlflow.end_run("FAILED")


def _bundle(version: str) -> str:
    """The name of a bundle's run."""
    return f"bundle {version}"


def _registered(dimension: str) -> str:
    """The model's name in the registry."""
    return f"{EXPERIMENT}-{dimension}"


def _signature(inputs: Mapping[str, str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    known = {"string": "string", "integer": "integer", "long": "long", "float": "float", "boolean": "boolean"}
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(known.get(of, "double"), name, required=False) for name, of in inputs.items()
    ]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("integer", "cluster_id")]))
