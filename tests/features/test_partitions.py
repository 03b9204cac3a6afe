"""The same features to the last bit, however Spark divides the work and whatever time zone its session has."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from segmentation.features import Registry, build_features
from tests.features.data import AS_OF, inputs

SEED = 20180101
SETTINGS = ("spark.sql.adaptive.enabled", "spark.sql.shuffle.partitions", "spark.sql.session.timeZone")


@pytest.fixture
def divided(spark: SparkSession) -> Iterator[None]:
    """Shuffles keep the number of partitions that a test asks for."""
    old = {name: spark.conf.get(name) for name in SETTINGS}
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it would put small partitions together again
    yield
    for name, value in old.items():
        spark.conf.set(name, value)


@pytest.mark.usefixtures("divided")
def test_features_are_the_same_with_one_and_seven_partitions_and_across_the_date_line(
    spark: SparkSession, everything: Registry
) -> None:
    chance = random.Random(SEED)
    day = lambda: AS_OF - dt.timedelta(days=chance.randint(1, 400))  # noqa: E731
    who = lambda: f"c{chance.randint(0, 9)}"  # noqa: E731
    cents = lambda: Decimal(chance.randint(1, 9_999)) / 100  # noqa: E731
    lines = [
        {"customer_id": who(), "event_date": day(), "order_id": f"o{chance.randint(0, 3)}", "net_amount": cents(),
         "quantity": Decimal(chance.randint(1, 7_000)) / 1000, "discount_amount": cents(), "cost_amount": cents(),
         "local_hour": chance.randint(0, 23), "channel": chance.choice(["online", "store"]),
         "product_id": f"p{chance.randint(0, 20)}", "category": chance.choice(["milk", "bread", "tea"]),
         "department": chance.choice(["fresh", "grocery"]), "store_id": chance.choice(["s1", "s2", "s3"])}
        for _ in range(400)
    ]  # fmt: skip
    contacts = [
        {"customer_id": who(), "event_date": day(), "interaction_type": chance.choice(["exposure", "click", "visit"]),
         "campaign_id": f"k{chance.randint(0, 5)}", "minutes": cents()}
        for _ in range(200)
    ]  # fmt: skip
    answers = [
        {"customer_id": who(), "event_date": day(), "feedback_type": "nps", "score": chance.randint(0, 10)}
        for _ in range(60)
    ]

    def built(partitions: int, zone: str) -> list[tuple[object, ...]]:
        spark.conf.set("spark.sql.session.timeZone", zone)
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        rows = build_features(everything, inputs(spark, lines, contacts, answers, (), partitions), [AS_OF]).collect()
        spark.catalog.clearCache()
        return sorted(tuple(row) for row in rows)

    one = built(1, "UTC")
    assert len(one) == 10, f"seed {SEED}"
    assert built(7, "Pacific/Auckland") == one, f"seed {SEED}"
