"""The customers whose figures fix the constants: the same ones on every machine."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def hash_sample(customers: DataFrame, size: int, seed: int) -> pd.DataFrame:
    """The `size` customers whose id has the smallest hash, in that order; all of them where there are fewer.

    A uniform sample without replacement that depends on the ids alone, never on partitions or cores
    (bottom-k sketch: Cohen & Kaplan (2007), doi:10.1145/1281100.1281133). Decimals come as float.
    """
    rows = customers.orderBy(F.xxhash64("customer_id", F.lit(seed)), "customer_id").limit(size)
    decimals = [f.name for f in rows.schema if f.dataType.typeName() == "decimal"]
    return rows.withColumns({c: F.col(c).cast("double") for c in decimals}).toPandas()
