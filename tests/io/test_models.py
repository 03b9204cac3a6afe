"""A model is loaded only if every file is the one that was published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from segmentation.core.errors import GuardError
from segmentation.io import Warehouse
from segmentation.io.models import load_model, save_model
from segmentation.matrix import Preprocessor, Slot

Saved = tuple[Warehouse, str, dict[str, str]]
ADVICE = "Restore the folder from a backup, or fit and promote a new bundle."


def doubling() -> PipelineModel:
    return Preprocessor("transactional", "true", (Slot("x", "x", "x * 2.0D"),), (), 1.0, 3).stages()


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    warehouse = Warehouse(spark, str(tmp_path_factory.mktemp("models") / 'Anna\'s "big" shop'))
    return warehouse, *save_model(warehouse, doubling(), "transactional", "b-1")


@pytest.fixture
def saved(published: Saved) -> Iterator[Saved]:
    """The published model, put back as it was when the test is over."""
    folder = Path(published[0].root, published[1])
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    yield published
    for p in folder.rglob("*"):
        if p.is_file() and p not in before:
            p.unlink()
    for p, content in before.items():
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(content)


def file_of(saved: Saved, start: str) -> Path:
    """The published file whose path in the model's folder starts so."""
    warehouse, path, files = saved
    (name,) = (f for f in files if f.startswith(start))
    return Path(warehouse.root, path, name)


def test_a_saved_model_is_loaded_and_says_the_same(saved: Saved, spark: SparkSession) -> None:
    warehouse, path, files = saved
    assert path == "models/transactional/b-1"
    on_disk = [p for p in Path(warehouse.root, path).rglob("part-*") if p.is_file()]
    assert sorted(files) == sorted(p.relative_to(Path(warehouse.root, path)).as_posix() for p in on_disk)
    assert len(files) == 3  # the pipeline's metadata, and that of each of its two stages
    rows = spark.createDataFrame([(1.5,), (-4.0,)], "x double")
    loaded = load_model(warehouse, path, files)
    assert [r["features"].tolist() for r in loaded.transform(rows).collect()] == [[3.0], [-8.0]]


@pytest.mark.parametrize("start", ["metadata/", "stages/0_SQLTransformer", "stages/1_VectorAssembler"])
@pytest.mark.parametrize("hadoop_checksum", [True, False], ids=["with Hadoop's checksum", "without"])
def test_a_file_altered_by_a_byte_is_refused(saved: Saved, start: str, hadoop_checksum: bool) -> None:
    file = file_of(saved, start)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    if not hadoop_checksum:
        (file.parent / f".{file.name}.crc").unlink()
    with pytest.raises(GuardError) as refusal:
        load_model(*saved)
    assert "is not what was published" in str(refusal.value)
    assert file.name in str(refusal.value)
    assert str(refusal.value).endswith(ADVICE)
    assert refusal.value.exit_code == 3


def test_a_missing_file_is_refused(saved: Saved) -> None:
    file = file_of(saved, "stages/0_SQLTransformer")
    file.unlink()
    with pytest.raises(GuardError, match=rf"stages/0_SQLTransformer.*{file.name} is not what was published"):
        load_model(*saved)


def test_a_file_too_many_is_refused(saved: Saved) -> None:
    file = file_of(saved, "metadata/")
    (file.parent / "part-00001-more.txt").write_text("{}")
    with pytest.raises(GuardError, match=r"metadata/part-00001-more\.txt is not what was published"):
        load_model(*saved)


def test_a_folder_that_is_gone_is_refused(published: Saved) -> None:
    warehouse, _, files = published
    with pytest.raises(
        GuardError, match=r"models/transactional/b-2 is not what was published: .*PATH_NOT_FOUND"
    ) as gone:
        load_model(warehouse, "models/transactional/b-2", files)
    assert str(gone.value).endswith(ADVICE)
