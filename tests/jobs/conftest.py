"""Shops in the tests' own session do without a tracking server; `make demo`'s warehouse has a real one."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import DATA_QUALITY, QUARANTINE, RUNS, STAGED
from segmentation.pipeline import Context, ingest, run_month
from tests.jobs import kinds
from tests.jobs import retailer as whole
from tests.jobs.homes import WITH_HOMES, Shop, write_files
from tests.shop import configure, open_shop, two_kinds


@pytest.fixture(scope="session", autouse=True)
def no_tracking() -> Iterator[None]:
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # nobody listens there: refused at once
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture
def staging_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of staged tables: an ingest without tiles and without the tables of later rooms takes half the time."""
    monkeypatch.setattr(ingest, "refresh_tiles", lambda *_: {})
    monkeypatch.setattr(Context, "tables", [*STAGED, QUARANTINE, DATA_QUALITY, RUNS])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shop's files in raw/ and its configuration in conf/."""
    folder = tmp_path_factory.mktemp("shop")
    configure(folder / "conf", WITH_HOMES)
    write_files(folder / "raw", two_kinds())
    return folder


@pytest.fixture(scope="session")
def undisturbed(spark: SparkSession, shop: Path, no_tracking: None) -> Path:
    """The shop's warehouse as of 2024-05-01, made without any trouble."""
    run_month(open_shop(spark, shop / "conf", shop / "warehouse"), dt.date(2024, 5, 1), str(shop / "raw"))
    return shop / "warehouse"


@pytest.fixture
def warehouse(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of what is undisturbed, to write to."""
    return Path(shutil.copytree(undisturbed, tmp_path / "warehouse"))


@pytest.fixture(scope="session")
def three_kinds(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, no_tracking: None) -> kinds.Shop:
    """To be copied: a champion of July 2024 that has scored July."""
    return kinds.begin(spark, tmp_path_factory.mktemp("kinds"))


@pytest.fixture(scope="session")
def two_months(spark: SparkSession, undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop as of May and June 2024, with its aggregate tables."""
    made = Shop(spark, tmp_path_factory.mktemp("homes"), undisturbed.parent)
    assert made.refresh() == {"segment_cube": 2, "drift_cube": 1, "quality_cube": 1}
    return made


@pytest.fixture(scope="session")
def retailer(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, no_tracking: None) -> Path:
    """The made-up retailer of 1,200 customers, its configuration, and the warehouse of January 2024."""
    return whole.one_month(spark, tmp_path_factory.mktemp("retailer"))


@pytest.fixture(scope="session")
def retailer_of_two_months(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, no_tracking: None) -> Path:
    """The same of December 2023 and January 2024, with reports and aggregates."""
    return whole.two_months(spark, tmp_path_factory.mktemp("retailer"))
