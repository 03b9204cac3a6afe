"""A month that two start at once, and one that fills the disk."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import submit
from tests.jobs import kills
from tests.published import published, row_hash, table
from tests.shop import configure, two_kinds, write_sales

JUNE, JULY = dt.date(2024, 6, 1), dt.date(2024, 7, 1)
TABLES = ("segments", "segment_profiles", "segment_migration", "population", "drift_report")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """June is published, and July by a job that nothing happens to, in `undisturbed`."""
    folder = tmp_path_factory.mktemp("month")
    configure(folder / "conf")
    raw = write_sales(folder / "raw", two_kinds())
    done = submit("monthly", *options(folder, folder / "june"), "--input", str(raw), "--as-of", str(JUNE), fast=True)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(folder / "june", folder / "undisturbed")
    done = submit("monthly", *options(folder, folder / "undisturbed"), "--as-of", str(JULY), fast=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def options(folder: Path, warehouse: Path) -> list[str]:
    return ["--config", str(folder / "conf"), "--source", "shop", "--warehouse", str(warehouse)]


def same(shop: Path, warehouse: Path) -> None:
    for name in TABLES:
        one, other = (published(w, name, JULY) for w in (shop / "undisturbed", warehouse))
        assert len(one) > 0
        assert row_hash(one) == row_hash(other), name


@pytest.mark.faults
def test_of_a_month_that_is_started_twice_at_once_one_stands_and_both_end_well(shop: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    shutil.copytree(shop / "june", warehouse)
    jobs = [kills.start("monthly", *options(shop, warehouse), "--as-of", str(JULY)) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    runs = table(warehouse, "runs")
    assert len(runs[(runs["job"] == "monthly") & (runs["as_of"] == JULY)]) == 1
    same(shop, warehouse)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.faults
def test_a_full_disk_publishes_nothing_says_so_and_a_new_start_goes_on(shop: Path, disk: Path) -> None:
    warehouse = disk / "warehouse"
    shutil.copytree(shop / "june", warehouse)
    filler = disk / "filler"
    room = os.statvfs(disk)
    filler.write_bytes(b"0" * (room.f_bavail * room.f_frsize - 2**16))  # 64 kB are left
    full = submit("monthly", *options(shop, warehouse), "--as-of", str(JULY), fast=True)
    said = full.stdout + full.stderr
    assert full.returncode == 1, said
    [sentence] = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "No space left on device. Nothing that this step wrote is shown" in sentence
    runs = table(warehouse, "runs")
    assert runs[(runs["job"] == "monthly") & (runs["as_of"] == JULY)].empty
    filler.unlink()
    again = submit("monthly", *options(shop, warehouse), "--as-of", str(JULY), fast=True)
    assert again.returncode == 0, again.stdout + again.stderr
    same(shop, warehouse)
