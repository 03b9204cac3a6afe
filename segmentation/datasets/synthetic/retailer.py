"""What is asked for, and what every table agrees on: the calendar, the segments' sizes and the names of ids."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import ConfigError
from segmentation.datasets.synthetic.draws import Draws
from segmentation.datasets.synthetic.profiles import PROFILES
from segmentation.datasets.synthetic.scenarios import Scenario

FIRST_DAY = dt.date(2022, 1, 3)  # a Monday
WEEKS = 104
DAYS = 7 * WEEKS
YEAR = 52 * 7
"""A shift by 52 weeks keeps weekday and season."""
LAST_DAY = FIRST_DAY + dt.timedelta(days=DAYS - 1)  # 31 December 2023


@dataclass(frozen=True)
class Retailer:
    """A supermarket chain of `customers` with `lines` receipt lines bought, before returns and planted faults.

    `whale_share`: the part of the lines (0..0.9) that the first customer of the first segment buys; 0 for none.
    `rows_per_task` cuts the work, never the data. Raises ConfigError for sizes that make no retailer.
    """

    customers: int
    lines: int
    seed: int
    scenario: Scenario = field(default_factory=Scenario)
    whale_share: float = 0.0
    rows_per_task: int = 1_000_000

    def __post_init__(self) -> None:
        least = 100 // math.gcd(*(p.customers for p in PROFILES), 100)
        if self.customers < least:
            raise ConfigError(f"{self.customers} customers are too few for the planted segments. Give {least} or more.")
        if self.lines < 1:
            raise ConfigError(f"{self.lines} lines are no data. Give 1 or more.")
        if not 0 <= self.whale_share <= 0.9:
            raise ConfigError(f"whale share {self.whale_share} is out of range. Expected 0 (no whale) to 0.9.")

    @property
    def draws(self) -> Draws:
        """The source of all that is random."""
        return Draws(self.seed)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first customer of each profile, and the number of customers at the end.

        >>> Retailer(customers=20, lines=1, seed=1).starts
        (0, 3, 8, 13, 18, 20, 20)
        """
        shares = [0]
        for p in PROFILES:
            shares.append(shares[-1] + p.customers)
        return tuple(self.customers * share // 100 for share in shares)

    def ids(self, spark: SparkSession, rows: int, name: str) -> DataFrame:
        """One row per number 0..rows−1 in the bigint column `name`."""
        return spark.range(0, rows, 1, self.tasks(rows)).withColumnRenamed("id", name)

    def tasks(self, rows: int) -> int:
        """Into how many tasks the making of so many rows is cut.

        >>> Retailer(customers=20, lines=1, seed=1).tasks(2_500_000)
        3
        """
        return max(1, math.ceil(rows / self.rows_per_task))

    def segment(self, customer: str = "customer") -> Column:
        """The planted segment of a customer, as the position of its profile."""
        ends = enumerate(self.starts[1:])
        return F.expr(f"CASE {' '.join(f'WHEN {customer} < {end} THEN {i}' for i, end in ends)} END")

    def behaves(self) -> Column:
        """How a customer behaves on a day: like its segment, unless the scenario says otherwise.

        Reads the columns customer, segment and day.
        """
        return self.scenario.behaves(self.draws)

    def joined(self) -> Column:
        """The day on which a customer registered, counted from FIRST_DAY; three of four did before it."""
        u = self.draws.uniform("joined", "customer")
        return F.floor(u * 4 * YEAR).cast("int") - 3 * YEAR

    def number(self, customer: str = "customer") -> Column:
        """The customer's number as the retailer writes it. Scrambled: the order of numbers tells no segment."""
        step = max(1, int(self.customers * 0.618))
        while math.gcd(step, self.customers) != 1:
            step += 1
        scrambled = (F.col(customer) * F.lit(step).cast("bigint") + 7) % self.customers
        return F.concat(F.lit("K"), F.lpad(scrambled.cast("string"), 9, "0"))


def date_of(day: str | Column) -> Column:
    """The calendar day of a number of days since FIRST_DAY."""
    return F.date_add(F.lit(FIRST_DAY), F.col(day) if isinstance(day, str) else day)


def clock(day: str, second: Column) -> Column:
    """What a clock on the wall shows (a timestamp without a zone) so many seconds after the day's midnight."""
    return F.timestamp_add("SECOND", second, date_of(day).cast("timestamp_ntz"))
