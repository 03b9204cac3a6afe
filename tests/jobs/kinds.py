"""A shop of three kinds of customers with a champion of July 2024, for what comes after: a month, drift, a refit."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import yaml
from pyspark.sql import SparkSession

from segmentation.pipeline import Context, run_month
from tests.shop import configure, line, open_shop, write_sales

JULY, AUGUST = dt.date(2024, 7, 1), dt.date(2024, 8, 1)
KINDS = ((14, 8.0), (30, 60.0), (61, 25.0))
"""Days between orders, and what one costs."""
CUSTOMERS = 90
PINNED = {"transactional": 3, "behavioral": 3, "unified": 3}
ORDERS = {"description": "Orders a member", "sql": "orders_per_customer_365d", "falls": 0.001, "min_customers": 10,
          "owner": "CRM", "escalates_to": "Head"}  # fmt: skip


def sales() -> list[dict[str, str]]:
    """Three kinds of customers who go on as they are, each by chance, from June 2023 to August 2024."""
    lines = []
    for c in range(CUSTOMERS):
        rng, (every, price) = np.random.default_rng([3, c]), KINDS[c % 3]
        days = np.cumsum(rng.integers(every // 2, every * 3 // 2, 60))
        for i, day in enumerate(days[days < 458].tolist()):
            date = dt.date(2023, 6, 1) + dt.timedelta(days=day)
            amount, category = (
                f"{price * rng.lognormal(0, 0.2):.2f}",
                str(rng.choice(["bread", "milk", "tea", "fruit"])),
            )
            lines.append(line(f"r{c}-{i}", f"c{c}", str(date), amount, category=category))
    return lines


class Shop:
    """A folder with `conf` and `warehouse`."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.warehouse = spark, folder, folder / "warehouse"

    def copy(self, folder: Path) -> Shop:
        return Shop(self.spark, Path(shutil.copytree(self.folder, folder, dirs_exist_ok=True)))

    def context(self, **kwargs: bool) -> Context:
        return open_shop(self.spark, self.folder / "conf", self.warehouse, **kwargs)

    def set(self, file: str, **values: object) -> None:
        path = self.folder / "conf" / file
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))


def begin(spark: SparkSession, folder: Path) -> Shop:
    """July is scored by the champion that was fitted on it; what was sold in July is staged."""
    shop = Shop(spark, folder)
    configure(folder / "conf", pinned_k=PINNED)
    known = {"known_months": {"2024-08": "the guard at staging would refuse it"}}
    shop.set("sources/shop.yml", received_on=AUGUST, guards=known)
    shop.set("monitoring.yml", kpis={"orders": ORDERS})
    before = [r for r in sales() if r["sold_at"] < "2024-08-01"]
    run_month(shop.context(), JULY, str(write_sales(folder / "before", before)))
    return shop
