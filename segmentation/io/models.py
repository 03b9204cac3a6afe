"""The model store: PipelineModels of plain Spark ML stages under `<warehouse>/models`, every file hashed."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from segmentation.core.errors import GuardError
from segmentation.io.delta import Warehouse
from segmentation.io.failures import SPARK_FAILED, reason


def save_model(warehouse: Warehouse, model: PipelineModel, dimension: str, version: str) -> tuple[str, dict[str, str]]:
    """Saves a model and returns its path relative to the warehouse and the SHA-256 of each file."""
    path = f"models/{dimension}/{version}"
    model.write().overwrite().save(f"{warehouse.root}/{path}")
    return path, _hashes(warehouse, path)


def load_model(warehouse: Warehouse, path: str, files_sha256: Mapping[str, str]) -> PipelineModel:
    """Loads a model without MLflow. Raises GuardError where a file is not the one that was published."""
    where = f"{warehouse.root}/{path}"
    advice = "Restore the folder from a backup, or fit and promote a new bundle."
    try:
        found = _hashes(warehouse, path)
    except SPARK_FAILED as error:
        # A local file carries Hadoop's own checksum, which refuses altered bytes before they can be hashed.
        raise GuardError(f"{where} is not what was published: {reason(error)}. {advice}") from None
    wrong = sorted(name for name in found.keys() | files_sha256.keys() if found.get(name) != files_sha256.get(name))
    if wrong:
        raise GuardError(f"{where}: {', '.join(wrong[:3])} is not what was published. {advice}")
    return PipelineModel.load(where)


def _hashes(warehouse: Warehouse, path: str) -> dict[str, str]:
    # Read through Spark, so that object stores work like local disks.
    files = (
        warehouse.spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(f"{warehouse.root}/{path}")
    )
    rows = files.select("path", F.sha2("content", 256).alias("sha")).collect()
    return {row["path"].split(f"/{path}/", 1)[1]: row["sha"] for row in rows}
