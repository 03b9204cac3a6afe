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

LAST_DAY = dt.date(2023, 12, 31)  # a Sunday
WEEKS = 52
"""A year of them has whole weeks and whole campaigns."""
MOST_YEARS = 3
"""conf/sources/synthetic.yml takes no day before 2021."""


@dataclass(frozen=True)
class Retailer:
    """A supermarket chain of `customers` with `lines` receipt lines bought, before returns and planted faults.

    It stands still: seasons come again every year, and as many customers come as leave: a third of the places change
    hands in its `years`, so that three quarters of all `customers` are there at any time. What changes is what
    `scenario` says. `whale_share`: the part of the lines (0..0.9) that the first customer of the first segment
    buys; 0 for none. `years` of 52 weeks end with LAST_DAY. `rows_per_task` cuts the work, never the data. Raises
    ConfigError for sizes that make no retailer.
    """

    customers: int
    lines: int
    seed: int
    scenario: Scenario = field(default_factory=Scenario)
    whale_share: float = 0.0
    years: int = 2
    rows_per_task: int = 1_000_000

    def __post_init__(self) -> None:
        least = 100 // math.gcd(*(p.customers for p in PROFILES), 100)
        if self.customers < least:
            raise ConfigError(f"{self.customers} customers are too few for the planted segments. Give {least} or more.")
        if self.lines < 1:
            raise ConfigError(f"{self.lines} lines are no data. Give 1 or more.")
        if not 0 <= self.whale_share <= 0.9:
            raise ConfigError(f"whale share {self.whale_share} is out of range. Expected 0 (no whale) to 0.9.")
        if not 1 <= self.years <= MOST_YEARS:
            raise ConfigError(f"{self.years} years are out of range. Expected 1 to {MOST_YEARS}.")

    @property
    def draws(self) -> Draws:
        """The source of all that is random."""
        return Draws(self.seed)

    @property
    def days(self) -> int:
        """Of all years."""
        return self.years * WEEKS * 7

    @property
    def first_day(self) -> dt.date:
        """A Monday.

        >>> [str(Retailer(customers=20, lines=1, seed=1, years=n).first_day) for n in (1, 2, 3)]
        ['2023-01-02', '2022-01-03', '2021-01-04']
        """
        return LAST_DAY - dt.timedelta(days=self.days - 1)

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

    def number(self, customer: str = "customer") -> Column:
        """The customer's number as the retailer writes it. Scrambled: the order of numbers tells no segment."""
        step = max(1, int(self.customers * 0.618))
        while math.gcd(step, self.customers) != 1:
            step += 1
        scrambled = (F.col(customer) * F.lit(step).cast("bigint") + 7) % self.customers
        return F.concat(F.lit("K"), F.lpad(scrambled.cast("string"), 9, "0"))

    def date_of(self, day: str | Column) -> Column:
        """The calendar day of a number of days since the first one."""
        return F.date_add(F.lit(self.first_day), F.col(day) if isinstance(day, str) else day)

    def clock(self, day: str, second: Column) -> Column:
        """What a clock on the wall shows (a timestamp without a zone) so many seconds after the day's midnight."""
        return F.timestamp_add("SECOND", second, self.date_of(day).cast("timestamp_ntz"))
