"""Shops in the tests' own session do without a tracking server; `make demo`'s warehouse has a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_tracking() -> Iterator[None]:
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # nobody listens there: refused at once
    yield
    os.environ.pop("MLFLOW_TRACKING_URI")
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before
