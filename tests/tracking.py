"""What a warehouse's own MLflow holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow


def client(warehouse: Path) -> Any:
    address = f"sqlite:///{warehouse}/mlflow.db"
    return mlflow.MlflowClient(tracking_uri=address, registry_uri=address)
