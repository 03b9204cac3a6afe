"""A corner shop in CSV files: the smallest retailer that has everything, for end-to-end tests."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import SparkSession

from segmentation.io import Warehouse
from segmentation.pipeline import Context, Steps
from tests.conftest import CONF

SOURCE = """
description: A corner shop
time_zone: Europe/Berlin
currency: EUR
received_on: 2024-07-01
transactions:
  - files: sales*.csv
    format: csv
    options: {header: "true"}
    columns:
      transaction_id: receipt
      line_no: line
      customer_id: customer
      transaction_ts: sold_at
      product_id: product
      category: category
      quantity: quantity
      discount_amount: discount
      net_amount: amount
      channel: channel
      is_return: try_cast(is_return AS BOOLEAN)
"""
COLUMNS = ("receipt", "line", "customer", "sold_at", "product", "category", "quantity", "discount", "amount", "channel",
           "is_return")  # fmt: skip
TWO = ("transactional", "behavioral")
FEW = ("net_revenue", "orders", "average_order_value", "days_since_last_order", "customer_lifetime_months",
       "category_breadth", "category_concentration", "median_days_between_orders")  # fmt: skip
WINDOWS = ("90d", "365d", "lifetime")
SWEEP = {"k_min": 2, "k_max": 4, "seeds": [11], "max_iterations": 20, "min_share": 0.03, "holdout_days": 0}


def line(receipt: str, customer: str, day: str, amount: str, **others: str) -> dict[str, str]:
    """One sales line; what is not given is ordinary."""
    ordinary = {"line": "1", "product": "p1", "category": "bread", "quantity": "1", "discount": "0", "channel": "store",
                "is_return": "false"}  # fmt: skip
    return {
        "receipt": receipt,
        "customer": customer,
        "sold_at": f"{day} 12:00:00",
        "amount": amount,
        **ordinary,
        **others,
    }


def write_sales(folder: Path, lines: Sequence[Mapping[str, str]], name: str = "sales.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    return folder


def configure(
    folder: Path, source: str = SOURCE, dimensions: Sequence[str] = TWO, few: bool = True, **sweep: object
) -> Path:
    """A copy of conf/ with the shop's mapping, a small sweep, and few features, or all, of few dimensions.

    What a month costs on small data is the planning of each column: few features take two thirds of the time.
    """
    shutil.copytree(CONF, folder)
    (folder / "sources" / "shop.yml").write_text(source)
    (folder / "sweep.yml").write_text(yaml.safe_dump({**SWEEP, **sweep}))
    for file in (folder / "features").iterdir():
        if file.stem not in dimensions:
            file.unlink()
        elif few:
            features = yaml.safe_load(file.read_text())["features"]
            kept = {name: _in_windows(features[name]) for name in features if name in FEW}
            file.write_text(yaml.safe_dump({"features": kept}, sort_keys=False))
    blocks = yaml.safe_load((folder / "dimensions.yml").read_text())
    nobody = {name: block | {"has_data": "false"} for name, block in blocks.items() if name not in dimensions}
    (folder / "dimensions.yml").write_text(yaml.safe_dump(blocks | nobody))
    personas = yaml.safe_load((folder / "personas.yml").read_text())
    of = {name: personas["personas"][name] for name in dimensions}
    if few:
        of = {name: [p for p in each if all(f.startswith(FEW) for f in p["when"])] for name, each in of.items()}
    personas["personas"] = of
    (folder / "personas.yml").write_text(yaml.safe_dump(personas))
    return folder


def _in_windows(feature: dict[str, Any]) -> dict[str, Any]:
    return feature | {key: [w for w in feature[key] if w in WINDOWS] for key in ("windows", "watch") if key in feature}


def open_shop(spark: SparkSession, config: Path, warehouse: Path, restate: bool = False) -> Context:
    return Context(Warehouse(spark, str(warehouse)), config, "shop", Steps(), restate)


def two_kinds(customers: int = 40) -> list[dict[str, str]]:
    """Half buy often and much, half seldom and little, each a little different."""
    lines = []
    for c in range(customers):
        often = c % 2 == 0
        for i in range(12 if often else 3):
            day = f"2024-{1 + i % 6:02d}-{1 + (c * 7 + i * 5) % 27:02d}"
            amount = f"{(40 if often else 5) + c % 5 + i / 10:.2f}"
            lines.append(
                line(f"r{c}-{i}", f"c{c}", day, amount, category="bread" if i % 3 else "milk", product=f"p{i % 4}")
            )
    return lines
