"""The model store: PipelineModels of plain Spark ML stages under `<warehouse>/models`, every file hashed."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from segmentation.core.errors import GuardError
from segmentation.io.delta import Warehouse
from segmentation.io.failures import SPARK_FAILED, is_gone, reason


def save_model(warehouse: Warehouse, model: PipelineModel, dimension: str, version: str) -> tuple[str, dict[str, str]]:
    """Saves a model and returns its path relative to the warehouse and the SHA-256 of each file."""
    path = f"models/{dimension}/{version}"
    model.write().overwrite().save(f"{warehouse.root}/{path}")
    return path, {name.removeprefix(f"{path}/"): sha for name, sha in _hashes(warehouse, path).items()}


def load_model(warehouse: Warehouse, path: str, files_sha256: Mapping[str, str]) -> PipelineModel:
    """Loads a model without MLflow. Raises GuardError where a file is not the one that was published."""
    check_models(warehouse, {path: files_sha256})
    return PipelineModel.load(f"{warehouse.root}/{path}")


def check_models(warehouse: Warehouse, published: Mapping[str, Mapping[str, str]]) -> None:
    """Looks at every file of models (by path the SHA-256 of each), in one Spark job.

    Raises GuardError where one is not what was published.
    """
    advice = "Restore the folder from a backup, or fit and promote a new bundle."
    try:
        found = _hashes(warehouse, *published)
    except SPARK_FAILED as error:
        if not is_gone(error) and "ChecksumException" not in str(error):
            raise
        # A local file carries Hadoop's own checksum, which refuses altered bytes before they can be hashed.
        where = f"{warehouse.root}/{', '.join(published)}"
        raise GuardError(f"{where} is not what was published: {reason(error)}. {advice}") from None
    expected = {f"{path}/{name}": sha for path, files in published.items() for name, sha in files.items()}
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        raise GuardError(f"{warehouse.root}: {', '.join(wrong[:3])} is not what was published. {advice}")


def _hashes(warehouse: Warehouse, *paths: str) -> dict[str, str]:
    """SHA-256 by file, relative to the warehouse."""
    # Read through Spark, so that object stores work like local disks.
    files = warehouse.spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    rows = files.load([f"{warehouse.root}/{p}" for p in paths]).select("path", F.sha2("content", 256).alias("sha"))
    by_file = [(row["path"], row["sha"]) for row in rows.collect()]
    return {f"{p}/{file.split(f'/{p}/', 1)[1]}": sha for file, sha in by_file for p in paths if f"/{p}/" in file}
