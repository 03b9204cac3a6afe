"""A corner shop that knows where its customers live: its files, and two months of it for what people read of them."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import yaml
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from segmentation.pipeline import refresh_aggregates, run_months
from tests.published import published
from tests.shop import SOURCE, open_shop, two_kinds, write_sales

MAY, JUNE = dt.date(2024, 5, 1), dt.date(2024, 6, 1)
WITH_HOMES = (
    SOURCE.replace("      category: category\n", "      category: category\n      department: category\n")
    + """
levels:
  loyalty_tier: [blue, gold]
customers:
  - files: customers.csv
    format: csv
    options: {header: "true"}
    columns:
      customer_id: customer
      city: town
      loyalty_tier: tier
"""
)


def home(customer: str) -> tuple[str, str]:
    n = int(customer[1:])
    return ("Rome", "Oslo")[n // 2 % 2], ("blue", "gold")[n // 4 % 2]


def write_files(folder: Path, lines: Sequence[Mapping[str, str]], **moved: tuple[str, str]) -> Path:
    """A folder with these sales, and with where the shop's first customers live, some elsewhere than before."""
    write_sales(folder, lines)
    with (folder / "customers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer", "town", "tier"])
        writer.writerows([c, *moved.get(c, home(c))] for c in sorted({row["customer"] for row in two_kinds()}))
    return folder


class Shop:
    """June behind May, which lies published beside `conf` in `began`; `refresh` makes the aggregates."""

    def __init__(self, spark: SparkSession, folder: Path, began: Path) -> None:
        self.spark, self.folder, self.warehouse = spark, folder, folder / "warehouse"
        shutil.copytree(began, folder, dirs_exist_ok=True)
        self.disclose(min_customers=2, round_to=1)
        self.lines = two_kinds()
        list(run_months(open_shop(spark, folder / "conf", self.warehouse), [MAY, JUNE]))

    def disclose(self, **rules: int) -> None:
        (self.folder / "conf" / "disclosure.yml").write_text(yaml.safe_dump(rules))

    def refresh(self) -> dict[str, int]:
        return refresh_aggregates(open_shop(self.spark, self.folder / "conf", self.warehouse))

    def all_cubes(self) -> pd.DataFrame:
        return DeltaTable(self.warehouse / "aggregates" / "segment_cube").to_pandas()

    def cube(self, breakdown: str) -> pd.DataFrame:
        rows = self.all_cubes()
        return rows[(rows["breakdown"] == breakdown) & (rows["dimension"] == "unified")]

    def spent(self, as_of: dt.date) -> pd.DataFrame:
        """One row per line of the year before, with the buyer's unified segment and home."""
        lines = pd.DataFrame(self.lines)
        lines = lines[lines["sold_at"].str[:10] < str(as_of)]  # all are of the last 365 days
        lines["amount"] = (lines["amount"].astype(float) * 100).round().astype(int)
        members = published(self.warehouse, "segments", as_of)
        members = members[members["dimension"] == "unified"].set_index("customer_id")["segment_id"]
        lines["segment_id"] = lines["customer"].map(members)
        return lines.assign(
            city=lines["customer"].map(lambda c: home(c)[0]), tier=lines["customer"].map(lambda c: home(c)[1])
        )
