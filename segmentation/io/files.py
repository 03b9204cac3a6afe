"""Files by path: a user's raw ones found and fingerprinted, with errors that say what is there instead; our own."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

from segmentation.core.errors import BadInputError, SegmentationError, nearest


@dataclass(frozen=True)
class RawFile:
    """What identifies a file without reading it."""

    name: str
    path: str
    length: int
    modified: dt.datetime
    state: Mapping[str, Any] = field(default_factory=dict)
    """What tells a table's content as length and time do a file's."""

    @property
    def identity(self) -> str:
        """Changes when the content does."""
        said = ", ".join(f"{key} {value}" for key, value in self.state.items())
        return said or f"{self.length} bytes, {self.modified.isoformat()}"


def list_files(spark: SparkSession, folder: str, pattern: str, whole: bool = False) -> list[RawFile]:
    """The files under `folder` that match the glob, by name; a matched folder stands for the files in it.

    With `whole` it stands for itself.

    Raises BadInputError naming what the folder holds where nothing matches.
    """
    fs, path = file_system(spark, f"{literal(folder.rstrip('/'))}/{pattern}")
    found = []
    for status in fs.globStatus(path) or []:
        found += list(fs.listStatus(status.getPath())) if status.isDirectory() and not whole else [status]
    files = sorted(
        (
            RawFile(
                s.getPath().getName(), s.getPath().toString(), s.getLen(),
                dt.datetime.fromtimestamp(s.getModificationTime() / 1000, dt.UTC),
            )
            for s in found if (whole or s.isFile()) and not s.getPath().getName().startswith(("_", "."))
        ),
        key=lambda f: f.path,
    )  # fmt: skip
    if not files:
        _, parent = file_system(spark, folder)
        if not fs.exists(parent):
            raise BadInputError(f"{folder}: there is no such folder. Name the folder of the raw files with --input.")
        have = [s.getPath().getName() for s in fs.listStatus(parent)]
        raise BadInputError(f"{folder}: no file matches {pattern}. {nearest(pattern, have)}")
    return files


def literal(path: str) -> str:
    r"""A path in which Hadoop's glob sees no pattern.

    >>> literal("raw [2024]")
    'raw \\[2024\\]'
    """
    return re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", path)


def file_system(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system that a path lies in, and the path as Hadoop has it."""
    # By its whole name at once: each part of a.b.c that is no class is looked for in every JAR.
    hadoop_path = getattr(spark._jvm, "org.apache.hadoop.fs.Path")(path)
    return hadoop_path.getFileSystem(spark._jsc.hadoopConfiguration()), hadoop_path


def exists(spark: SparkSession, path: str) -> bool:
    """Whether a file or folder is there."""
    fs, hadoop_path = file_system(spark, path)
    return bool(fs.exists(hadoop_path))


def write_text(spark: SparkSession, path: str, text: str) -> None:
    """Writes a whole text file, beside and then renamed: nobody opens half of it."""
    # Under a name of its own: another process may write the same file.
    (fs, target), (_, scratch) = (file_system(spark, p) for p in (path, f"{path}.{uuid.uuid4().hex[:8]}.writing"))
    stream = fs.create(scratch, True)
    stream.write(text.encode("utf-8"))
    stream.close()
    fs.delete(target, False)
    if not fs.rename(scratch, target) and not fs.exists(target):
        raise SegmentationError(f"{path}: could not be put in its place, the text is in {scratch.getName()} beside it.")
    fs.delete(scratch, False)  # where the other one was quicker
