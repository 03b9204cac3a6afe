"""What happens on or after the as-of date changes nothing, and what happened before it is what a slow twin finds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession

from segmentation.core.schemas import STG_CUSTOMERS
from segmentation.features import Registry, build_features, load_registry
from tests.features.data import AS_OF, CUSTOMERS, EVERYTHING, FEEDBACK, INTERACTIONS, LINES, inputs
from tests.oracles.history import LENGTHS, expected_features
from tests.tiles.data import LINE

# A build costs seconds whatever its size. Shrinking would take minutes; a difference names customer and column anyway.
FEW_AND_LARGE = settings(
    max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)  # fmt: skip
KINDS = ("exposure", "redemption", "open", "click", "visit", "service_contact", "complaint")
CENTS = st.integers(-99_999, 99_999).map(lambda cents: Decimal(cents) / 100)
FUTURE = st.one_of(st.just(AS_OF), st.dates(AS_OF, AS_OF + dt.timedelta(days=500)))
WHO = st.sampled_from(["anna", "bob", "edge", "eve", "fred", "rita", "dora", "today", "tomorrow"])


def lines_on(days: st.SearchStrategy[dt.date], who: st.SearchStrategy[str], most: int) -> Any:
    """Receipt lines of a few orders, products, categories and stores."""
    fields = {
        "customer_id": who, "event_date": days, "net_amount": CENTS,
        "order_id": st.sampled_from(["1", "2", "3", "4"]),
        "product_id": st.sampled_from(["p1", "p2", "p3", None]),
        "category": st.sampled_from(["milk", "bread", "vitamins", None]),
        "department": st.sampled_from(["fresh", None]), "store_id": st.sampled_from(["s1", "s2", None]),
        "quantity": st.integers(1, 9).map(Decimal), "cost_amount": CENTS,
        "is_return": st.sampled_from([False, False, False, True]),
    }  # fmt: skip
    return st.lists(st.fixed_dictionaries(fields), min_size=most // 2, max_size=most)


def contacts_on(days: st.SearchStrategy[dt.date], who: st.SearchStrategy[str], most: int) -> Any:
    """Interactions of every kind, in a few campaigns."""
    fields = {
        "customer_id": who, "event_date": days, "interaction_type": st.sampled_from(KINDS),
        "campaign_id": st.sampled_from(["k1", "k2", "k3", None]),
        "minutes": st.one_of(st.none(), st.integers(0, 100_000).map(lambda thousandths: Decimal(thousandths) / 1000)),
    }  # fmt: skip
    return st.lists(st.fixed_dictionaries(fields), min_size=most // 2, max_size=most)


ANSWERS = st.lists(
    st.fixed_dictionaries(
        {"customer_id": WHO, "event_date": FUTURE, "feedback_type": st.sampled_from(["nps", "satisfaction"]),
         "score": st.integers(0, 10)}
    ),
    max_size=10,
)  # fmt: skip
ATTRIBUTES = st.lists(
    st.fixed_dictionaries(
        {"customer_id": WHO, "valid_from": FUTURE, "region": st.sampled_from(["East", "Mars"]),
         "loyalty_tier_rank": st.integers(1, 9), "children": st.integers(0, 9)}
    ),
    max_size=10,
)  # fmt: skip


def before(rows: tuple[Any, ...], day: str = "event_date") -> list[Any]:
    return [row for row in rows if row[day] < AS_OF]


@FEW_AND_LARGE
@given(
    lines_on(FUTURE, WHO, 40), contacts_on(FUTURE, WHO, 30), ANSWERS, ATTRIBUTES, st.one_of(st.none(), FUTURE)
)  # fmt: skip
def test_nothing_on_or_after_the_as_of_date_changes_anything(
    spark: SparkSession,
    everything: Registry,
    history: dict[str, Row],
    lines: list[dict[str, Any]],
    contacts: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    attributes: list[dict[str, Any]],
    end: dt.date | None,
) -> None:
    # The history's own future gives way to another; so does the day, not before the as-of date, on which a status ends.
    past = [row | {"valid_to": end} if row["valid_to"] == AS_OF else row for row in before(CUSTOMERS, "valid_from")]
    given = inputs(
        spark,
        [*lines, *before(LINES)],
        [*contacts, *before(INTERACTIONS)],
        [*answers, *before(FEEDBACK)],
        [*attributes, *past],
    )
    found = build_features(everything, given, [AS_OF]).collect()
    spark.catalog.clearCache()
    assert {row["customer_id"]: row for row in found} == history
    assert len(found) == len(history)


WINDOWS = ", ".join(LENGTHS)
FEW = f"""
features:
  net: {{description: Revenue, value: net_amount, windows: [{WINDOWS}], unit: money}}
  orders: {{description: Orders, value: orders, windows: [{WINDOWS}], unit: count}}
  net_per_order: {{description: Mean, value: net_amount / orders, windows: [{WINDOWS}], unit: ratio}}
  gap: {{description: Median gap, value: median_gap_days, windows: [{WINDOWS}], unit: days}}
  last: {{description: Recency, value: days_since_last_order, windows: [{WINDOWS}], unit: days}}
  new_products: {{description: New, value: new_products, windows: [{WINDOWS}], unit: count}}
  products: {{description: Products, value: products, windows: [{WINDOWS}], unit: count}}
  sent: {{description: Campaigns, value: campaigns_received, windows: [{WINDOWS}], unit: count}}
  answered: {{description: Answered, value: campaigns_responded, windows: [{WINDOWS}], unit: count}}
  minutes: {{description: Minutes, value: visit_minutes, windows: [{WINDOWS}], unit: units}}
"""


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Features of several families, each in every window."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "features").mkdir()
    (folder / "features" / "transactional.yml").write_text(FEW)
    return load_registry(Path(folder), EVERYTHING)


# As many days at the edges of the windows as between them.
EDGES = st.sampled_from([AS_OF - dt.timedelta(days=d) for n in (0, 30, 90, 180, 365) for d in (n - 1, n, n + 1)])
DAYS = st.one_of(EDGES, st.dates(AS_OF - dt.timedelta(days=800), AS_OF + dt.timedelta(days=30)))
NAMES = st.sampled_from([f"c{i}" for i in range(12)])


@FEW_AND_LARGE
@given(lines_on(DAYS, NAMES, 150), contacts_on(DAYS, NAMES, 100))
def test_windows_hold_what_a_slow_twin_finds(
    spark: SparkSession, few: Registry, lines: list[dict[str, Any]], contacts: list[dict[str, Any]]
) -> None:
    found = build_features(few, inputs(spark, lines, contacts), [AS_OF]).collect()
    expected = expected_features([{**LINE, **line} for line in lines], contacts, AS_OF)
    assert {row["customer_id"]: {n: row[n] for n in row.__fields__[2:]} for row in found} == expected


def test_the_customers_table_has_no_other_dates_than_those_that_are_cut_off() -> None:
    # Should it get one, Inputs.before must cut it off and the property above must vary it.
    assert [c.name for c in STG_CUSTOMERS.columns if c.type in ("date", "timestamp")] == ["valid_from", "valid_to"]
