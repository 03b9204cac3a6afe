"""The files of conf/spark: what they set is no contradiction of what the library needs, and of one Delta."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segmentation.io.session import QUICK, REQUIRED
from tests.conftest import CONF

FILES = sorted((CONF / "spark").glob("*.conf"))


def settings(path: Path) -> dict[str, str]:
    """As spark-submit reads them: key, blanks, value."""
    lines = [line.split(None, 1) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert all(len(line) == 2 for line in lines), path
    found = {key: value.strip() for key, value in lines}
    assert len(found) == len(lines), f"{path}: a key stands twice"
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_leaves_what_correctness_needs_to_the_library(path: Path) -> None:
    found = settings(path)
    assert all(key.startswith("spark.") for key in found)
    for key, value in (REQUIRED | QUICK).items():
        assert found.get(key, value) == value, key


def test_every_way_to_run_is_there_and_takes_the_same_delta() -> None:
    assert [p.stem for p in FILES] == ["databricks", "kubernetes", "local", "standalone", "yarn"]
    ivy = (CONF / "spark" / "ivy.xml").read_text()
    [version] = set(re.findall(r'name="delta-spark[^"]*"[^>]*rev="([^"]+)"', ivy))
    for name in ("kubernetes", "standalone", "yarn"):
        packages = settings(CONF / "spark" / f"{name}.conf")["spark.jars.packages"]
        assert packages == f"io.delta:delta-spark_4.2_2.13:{version}"
