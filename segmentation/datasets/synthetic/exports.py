"""The retailer's files: which system wrote what, in which format."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from segmentation.datasets.synthetic import contacts, people, sales
from segmentation.datasets.synthetic.faults import FAULTS, PLANTED, plant
from segmentation.datasets.synthetic.retailer import Retailer


@dataclass(frozen=True)
class Export:
    """One file, or folder of files, `<name>.<format>`.

    `rows` has the file's columns and `planted`; `input` is the part of the mapping that reads it.
    """

    name: str
    format: str
    input: str
    rows: DataFrame
    streams: tuple[str, ...]
    """The lists of faults planted in it."""

    @property
    def raw(self) -> DataFrame:
        """The rows as the file has them."""
        return self.rows.drop(PLANTED)

    def inputs(self, rule: str) -> tuple[str, ...]:
        """The inputs that must refuse a row planted to break `rule`: mostly one."""
        also = {f.also for s in self.streams for f in FAULTS.get(s, ()) if f.rule == rule and f.also is not None}
        return (self.input, *sorted(also))


def exports(spark: SparkSession, r: Retailer) -> tuple[Export, ...]:
    """All files of the retailer. Nothing is computed yet."""
    bought, returned = sales.sales(spark, r)
    lines = plant(r.draws, "lines", bought).unionByName(plant(r.draws, "returns", returned))

    def one(name: str, format_: str, input_: str, rows: DataFrame) -> Export:
        return Export(name, format_, input_, plant(r.draws, name, rows), (name,))

    return (
        Export("transactions", "parquet", "transactions", lines, ("lines", "returns")),
        one("products", "csv", "products", sales.products(spark, r)),
        one("customers", "csv", "customers", people.customers(spark, r)),
        one("consents", "json", "consent", people.consents(spark, r)),
        one("campaigns", "csv", "campaigns", contacts.campaigns(spark, r)),
        one("mailings", "parquet", "interactions", contacts.mailings(spark, r)),
        one("events", "parquet", "interactions", contacts.events(spark, r)),
        one("redemptions", "csv", "interactions", contacts.redemptions(spark, r)),
        one("tickets", "json", "interactions", contacts.tickets(spark, r)),
        one("answers", "csv", "feedback", contacts.answers(spark, r)),
    )
