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
from tests.shop import configure, line, two_kinds, write_sales

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


@pytest.mark.faults
def test_an_old_month_is_made_up_for_while_the_newest_runs(shop: Path, tmp_path: Path) -> None:
    """Each ends as if it had been alone; what is usual (drift_report) may count the old month or not."""
    warehouse, alone, may = tmp_path / "warehouse", tmp_path / "alone", dt.date(2024, 5, 1)
    shutil.copytree(shop / "june", warehouse)
    shutil.copytree(shop / "june", alone)
    jobs = [kills.start("monthly", *options(shop, warehouse), "--as-of", str(day)) for day in (JULY, may)]
    assert [job.wait() for job in jobs] == [0, 0]
    done = submit("monthly", *options(shop, alone), "--as-of", str(may), fast=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for day, other in ((JULY, shop / "undisturbed"), (may, alone)):
        for name in ("segments", "segment_profiles", "population", "customer_features"):
            one, two = (published(w, name, day) for w in (warehouse, other))
            assert len(one) > 0
            assert row_hash(one) == row_hash(two), f"{name} of {day}"


@pytest.mark.faults
def test_late_lines_leave_a_published_month_as_it_is_until_it_is_restated(shop: Path, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(shop / "undisturbed", tmp_path / "warehouse"))
    before = {name: row_hash(published(warehouse, name, JULY)) for name in TABLES}
    late = write_sales(tmp_path / "late", [line("late", "c1", "2024-03-03", "500.00")])
    month = ["monthly", *options(shop, warehouse), "--as-of", str(JULY)]
    done = submit(*month, "--input", str(late), fast=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed since: input; --restate publishes it anew" in done.stdout + done.stderr
    assert {name: row_hash(published(warehouse, name, JULY)) for name in TABLES} == before
    money = "revenue_lifetime"
    then = published(warehouse, "segment_profiles", JULY).groupby("dimension")[money].sum()
    again = submit(*month, "--restate", fast=True)
    assert again.returncode == 0, again.stdout + again.stderr
    now = published(warehouse, "segment_profiles", JULY).groupby("dimension")[money].sum()
    assert set(now - then) == {500}


@pytest.mark.faults
def test_a_month_twice_as_large_is_published_and_said_to_have_moved(shop: Path, tmp_path: Path) -> None:
    """More of everything makes sense: no guard refuses it. What has changed is in the report."""
    warehouse = Path(shutil.copytree(shop / "june", tmp_path / "warehouse"))
    of_june = [row for row in two_kinds() if row["sold_at"] >= "2024-06-01"]
    twice = write_sales(tmp_path / "twice", [row | {"receipt": f"{row['receipt']}-again"} for row in of_june])
    done = submit("monthly", *options(shop, warehouse), "--as-of", str(JULY), "--input", str(twice), fast=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(published(warehouse, "segments", JULY)) == len(published(shop / "undisturbed", "segments", JULY))
    runs = table(warehouse, "runs")
    [month] = runs[(runs["job"] == "monthly") & (runs["as_of"] == JULY)].itertuples()
    assert month.verdict in ("rescored", "refit")
    report = published(warehouse, "drift_report", JULY)
    assert "moved" in set(report["verdict"])


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
