"""The planted segments: how each kind of customer shops, what it answers and who it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import numbers


@dataclass(frozen=True)
class Category:
    """A group of 20 products, from cheap to dear. `price` is the middle shelf price of one unit, in EUR."""

    name: str
    section: str
    price: float


CATEGORIES = (
    Category("Fruit & Vegetables", "FRESH", 2.5),
    Category("Meat & Fish", "FRESH", 8.0),
    Category("Bakery & Counter", "COUNTER", 3.5),
    Category("Sausages & Cold Cuts", "PACKED MEAT", 3.0),
    Category("Dry Food", "FOOD", 2.0),
    Category("Frozen Food", "FOOD", 4.0),
    Category("Drinks", "FOOD", 1.5),
    Category("Organic & Health", "HEALTH", 5.0),
    Category("Baby & Care", "DRUGSTORE", 7.0),
    Category("Household & Cosmetics", "DRUGSTORE", 6.0),
    Category("Wine & Spirits", "ALCOHOL", 9.0),
    Category("Toys & Gifts", "NON-FOOD", 15.0),
    Category("Fuel", "STATION", 1.7),
)
FUEL = len(CATEGORIES) - 1
PRODUCTS_PER_CATEGORY = 20
OWN_BRANDS = 6
"""The cheapest products of a category are the retailer's own."""

# How twelve successive lines fall into orders, three ways for each size of basket.
BASKETS = {
    "small": ((1, 2, 1, 2, 3, 3), (2, 2, 2, 2, 2, 2), (1, 1, 1, 3, 4, 2)),
    "medium": ((3, 4, 5), (4, 4, 4), (6, 3, 3)),
    "large": ((12,), (5, 7), (8, 4)),
}
BLOCK = 12


@dataclass(frozen=True)
class Profile:
    """A kind of customer. Shares are 0..1; weights are whole numbers."""

    name: str
    customers: int
    """Per cent of all customers; 0 for a kind that only a scenario brings."""
    activity: int
    """Lines per customer, against the other kinds."""
    basket: str
    categories: tuple[int, ...]
    """Weights, summing to 100, in the order of CATEGORIES."""
    dearness: float
    """The product is chosen by u ** dearness: below 1 the dearer ones, above 1 the cheaper."""
    discounted: float
    coupons: float
    online: float
    evening: float
    card: float
    returned: float
    born: tuple[int, int]
    income: tuple[int, int]
    """Lowest and highest band, 0..4."""
    children: int
    """At most."""
    tiers: tuple[int, int, int]
    """Weights of bronze, silver, gold."""
    opt_in: float
    opened: float
    clicked: float
    redeemed: float
    """Of 28-day campaigns received; clicks are among the opened."""
    visited: float
    """Of 48 occasions in two years."""
    minutes: float
    """Mean length of a visit; see VISIT_SPREAD."""
    contacted: float
    """Of 8 occasions in two years on which to call the service."""
    complaints: float
    """Of these calls."""
    answered: float
    """Of 6 surveys of each sort in two years."""
    nps: tuple[int, int]
    satisfaction: tuple[int, int]


VISIT_SPREAD = 1.0
"""Standard deviation, in minutes, of customers of one kind around their kind's mean visit."""

PROFILES = (
    Profile(
        "premium_loyalists", 15, 30, "medium", (20, 18, 8, 4, 6, 2, 5, 22, 3, 4, 6, 0, 2), 0.45, 0.06, 0.02,
        online=0.08, evening=0.15, card=0.95, returned=0.01, born=(1945, 1972), income=(3, 4), children=0,
        tiers=(5, 25, 70), opt_in=0.9, opened=0.7, clicked=0.4, redeemed=0.05, visited=0.35, minutes=6.0,
        contacted=0.1, complaints=0.1, answered=0.6, nps=(8, 10), satisfaction=(4, 5),
    ),
    Profile(
        "deal_hunters", 25, 18, "medium", (8, 8, 4, 14, 26, 14, 14, 0, 3, 5, 2, 0, 2), 2.2, 0.7, 0.3,
        online=0.15, evening=0.25, card=0.4, returned=0.02, born=(1955, 1995), income=(0, 1), children=2,
        tiers=(60, 35, 5), opt_in=0.95, opened=0.6, clicked=0.3, redeemed=0.55, visited=0.3, minutes=9.0,
        contacted=0.15, complaints=0.2, answered=0.3, nps=(5, 8), satisfaction=(3, 4),
    ),
    Profile(
        "online_families", 25, 26, "large", (12, 8, 2, 6, 16, 12, 12, 3, 18, 8, 1, 2, 0), 1.0, 0.25, 0.08,
        online=0.85, evening=0.7, card=0.9, returned=0.04, born=(1978, 1996), income=(2, 3), children=3,
        tiers=(20, 60, 20), opt_in=0.85, opened=0.5, clicked=0.6, redeemed=0.15, visited=0.8, minutes=15.0,
        contacted=0.25, complaints=0.2, answered=0.4, nps=(7, 9), satisfaction=(3, 5),
    ),
    Profile(
        "errand_runners", 25, 7, "small", (6, 4, 34, 4, 8, 2, 22, 0, 1, 2, 5, 2, 10), 1.1, 0.15, 0.01,
        online=0.02, evening=0.5, card=0.35, returned=0.01, born=(1960, 2003), income=(1, 2), children=1,
        tiers=(95, 5, 0), opt_in=0.3, opened=0.2, clicked=0.15, redeemed=0.03, visited=0.06, minutes=5.0,
        contacted=0.04, complaints=0.3, answered=0.1, nps=(5, 8), satisfaction=(3, 4),
    ),
    Profile(
        "disappointed", 10, 10, "small", (5, 6, 3, 5, 10, 6, 8, 4, 14, 22, 5, 12, 0), 0.9, 0.3, 0.05,
        online=0.6, evening=0.35, card=0.75, returned=0.3, born=(1965, 1998), income=(1, 3), children=2,
        tiers=(55, 40, 5), opt_in=0.6, opened=0.25, clicked=0.1, redeemed=0.05, visited=0.45, minutes=7.0,
        contacted=0.75, complaints=0.75, answered=0.6, nps=(0, 4), satisfaction=(1, 2),
    ),
    Profile(
        "gift_buyers", 0, 1, "medium", (0, 0, 2, 0, 2, 0, 4, 2, 4, 18, 28, 40, 0), 0.6, 0.1, 0.01,
        online=0.5, evening=0.85, card=0.98, returned=0.08, born=(1970, 2000), income=(2, 4), children=0,
        tiers=(70, 25, 5), opt_in=0.7, opened=0.35, clicked=0.3, redeemed=0.02, visited=0.9, minutes=22.0,
        contacted=0.15, complaints=0.2, answered=0.3, nps=(7, 10), satisfaction=(4, 5),
    ),
)  # fmt: skip
NAMES = tuple(p.name for p in PROFILES)
ORDERED_BASKETS = tuple(BASKETS)


def of_profile(kind: str, value: Callable[[Profile], int | float]) -> Column:
    """The value of the profile whose position is in the column `kind`."""
    return F.get(numbers([value(p) for p in PROFILES]), F.col(kind))


def weighted(kind: str, weights: Callable[[Profile], Sequence[int]], slot: Column) -> Column:
    """A position by the weights (summing to 100) of the profile in the column `kind`; `slot` is 0..99."""
    table = [i for p in PROFILES for i, weight in enumerate(weights(p)) for _ in range(weight)]
    return F.get(numbers(table), F.col(kind) * 100 + slot)


def between(kind: str, ends: Callable[[Profile], tuple[int, int]], u: Column) -> Column:
    """A whole number from the lower to the higher end of the profile, both included; `u` is uniform in [0, 1)."""
    low, high = (of_profile(kind, lambda p, i=i: ends(p)[i]) for i in (0, 1))  # type: ignore[misc]
    return (low + F.floor(u * (high - low + 1))).cast("int")
