"""What goes wrong, or only changes, in the retailer's world: the cases that drift checks must tell apart.

Each scenario changes what it names and no other value, so that a file with and without it differ there alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.core.errors import ConfigError, nearest
from segmentation.datasets.synthetic.draws import Draws, cents
from segmentation.datasets.synthetic.profiles import NAMES, PROFILES, VISIT_SPREAD

MONEY = ("list_price", "net_amount", "coupon_value", "unit_cost")


@dataclass(frozen=True)
class Scenario:
    """Nothing happens. The others override one of its methods; frames have the day as a date in `day_date`."""

    def behaves(self, draws: Draws) -> Column:
        """The position of the profile after which a customer behaves, from customer, segment and day_date."""
        return F.col("segment")

    def sold(self, lines: DataFrame) -> DataFrame:
        """The receipt lines, returns among them, as the retailer's system recorded them."""
        return lines

    def visited(self, events: DataFrame) -> DataFrame:
        """The web and e-mail events as recorded."""
        return events


@dataclass(frozen=True)
class MeanShift(Scenario):
    """From `since` on, the mean of one feature, minutes per visit, lies `sigmas` standard deviations higher.

    A standard deviation is that of all customers' own means.
    """

    sigmas: float = 1.0
    since: dt.date = dt.date(2023, 7, 1)

    @property
    def minutes(self) -> float:
        """What is added to every visit.

        >>> round(MeanShift(sigmas=2).minutes / MeanShift(sigmas=1).minutes, 6)
        2.0
        """
        shares = {p: p.customers / 100 for p in PROFILES}
        mean = sum(share * p.minutes for p, share in shares.items())
        variance = sum(share * (VISIT_SPREAD**2 + (p.minutes - mean) ** 2) for p, share in shares.items())
        return float(self.sigmas * variance**0.5)

    def visited(self, events: DataFrame) -> DataFrame:
        """Longer visits; null minutes, those of mails, stay null."""
        longer = F.when(F.col("day_date") >= self.since, cents(F.col("minutes") + self.minutes))
        return events.withColumn("minutes", F.coalesce(longer, "minutes"))


@dataclass(frozen=True)
class NewSegment(Scenario):
    """From `since` on, a `share` of the customers, out of all segments, behave as no segment did before."""

    share: float = 0.05
    since: dt.date = dt.date(2023, 1, 2)
    like: str = "gift_buyers"

    def behaves(self, draws: Draws) -> Column:
        """The new profile for the chosen customers; they buy as often as before, in the same baskets."""
        turned = draws.chance(self.share, "new segment", "customer") & (F.col("day_date") >= self.since)
        return F.when(turned, NAMES.index(self.like)).otherwise(F.col("segment"))


@dataclass(frozen=True)
class VanishedSegment(Scenario):
    """From `since` on, all customers of one segment behave like another."""

    segment: str = "disappointed"
    like: str = "deal_hunters"
    since: dt.date = dt.date(2023, 1, 2)

    def behaves(self, draws: Draws) -> Column:
        """The other profile for the segment's customers; they buy as often as before, in the same baskets."""
        turned = (F.col("segment") == NAMES.index(self.segment)) & (F.col("day_date") >= self.since)
        return F.when(turned, NAMES.index(self.like)).otherwise(F.col("segment"))


@dataclass(frozen=True)
class Christmas(Scenario):
    """An outstanding season: from 1 to 24 December people take `lift` times the quantity. No segment changes."""

    lift: int = 2

    def sold(self, lines: DataFrame) -> DataFrame:
        """More units, and money, on lines of these days; prices stay."""
        season = F.expr("month(day_date) = 12 AND day(day_date) <= 24")
        return _multiply(lines, season, F.lit(float(self.lift)), ("quantity", "net_amount", "coupon_value"))


@dataclass(frozen=True)
class HalfDayMissing(Scenario):
    """The tills' afternoon of one day never arrived: no receipt from 12:00 on."""

    day: dt.date = dt.date(2023, 12, 16)

    def sold(self, lines: DataFrame) -> DataFrame:
        """All but that afternoon's lines."""
        return lines.where((F.col("day_date") != self.day) | (F.hour("sold_at") < 12))


@dataclass(frozen=True)
class CurrencyError(Scenario):
    """From `since` on cents were taken for euros: all money is `factor` times too much."""

    factor: int = 100
    since: dt.date = dt.date(2023, 12, 1)

    def sold(self, lines: DataFrame) -> DataFrame:
        """Money multiplied, quantities as they are."""
        return _multiply(lines, F.col("day_date") >= self.since, F.lit(float(self.factor)), MONEY)


@dataclass(frozen=True)
class SlowCreep(Scenario):
    """Prices rise day by day through `days`, from nothing to `growth` at the end: no month shows it alone."""

    growth: float = 0.3
    since: dt.date = dt.date(2023, 1, 1)
    days: int = 365

    def sold(self, lines: DataFrame) -> DataFrame:
        """All money multiplied by a factor that grows by the same amount every day."""
        elapsed = F.least(F.datediff("day_date", F.lit(self.since)) / self.days, F.lit(1.0))
        return _multiply(lines, F.col("day_date") >= self.since, 1 + self.growth * elapsed, MONEY)


SCENARIOS: dict[str, Scenario] = {
    "none": Scenario(),
    "mean_shift": MeanShift(),
    "new_segment": NewSegment(),
    "vanished_segment": VanishedSegment(),
    "christmas": Christmas(),
    "half_day_missing": HalfDayMissing(),
    "currency_error": CurrencyError(),
    "slow_creep": SlowCreep(),
}


def find_scenario(name: str) -> Scenario:
    """The scenario of that name with its ordinary strength. Raises ConfigError naming the nearest one.

    >>> find_scenario("new_segment").share
    0.05
    """
    if name not in SCENARIOS:
        raise ConfigError(f'scenario "{name}" is not known. {nearest(name, SCENARIOS)}')
    return SCENARIOS[name]


def _multiply(lines: DataFrame, when: Column, factor: Column, columns: tuple[str, ...]) -> DataFrame:
    return lines.withColumns({c: F.when(when, cents(F.col(c) * factor)).otherwise(F.col(c)) for c in columns})
