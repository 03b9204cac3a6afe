"""A source mapping is checked before Spark starts, and knows what the source has and lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from segmentation.core.errors import ConfigError
from segmentation.staging import load_source
from tests.staging.data import COLUMNS, part, shop

MAPPING: dict[str, Any] = {
    "description": "a shop",
    "time_zone": "America/New_York",
    "currency": "USD",
    "transactions": [{"files": "lines.csv", "format": "csv", "columns": COLUMNS}],
}


def refusal(folder: Path, **changes: Any) -> str:
    """What is said of MAPPING with these changes, without the path before it."""
    path = folder / "sources" / "shop.yml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({**MAPPING, **changes}))
    with pytest.raises(ConfigError) as refused:
        load_source(folder, "shop")
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def lines(**changes: Any) -> list[dict[str, Any]]:
    return [{"files": "lines.csv", "format": "csv", "columns": COLUMNS, **changes}]


def test_the_mapping_that_all_refusals_start_from_is_right(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.yml").write_text(yaml.safe_dump(MAPPING))
    assert load_source(tmp_path, "shop") == shop(earliest_date="1990-01-01")


def test_an_unknown_column_of_ours_is_refused_with_the_nearest(tmp_path: Path) -> None:
    said = refusal(tmp_path, transactions=lines(columns=COLUMNS | {"net_amout": "net"}))
    assert said.startswith('transactions (lines.csv): "net_amout" is not a column of stg_transactions. It has: ')
    assert said.endswith('Did you mean "net_amount"?')


@pytest.mark.parametrize("left_out", ["transaction_id", "customer_id", "transaction_ts", "net_amount"])
def test_a_required_column_that_nothing_gives_is_refused(tmp_path: Path, left_out: str) -> None:
    columns = {ours: theirs for ours, theirs in COLUMNS.items() if ours != left_out}
    said = refusal(tmp_path, transactions=lines(columns=columns))
    assert said.startswith(f'transactions (lines.csv): "{left_out}" is required (')
    assert said.endswith("); add it to `columns`.")


def test_a_rank_is_computed_and_not_mapped(tmp_path: Path) -> None:
    columns = {"customer_id": "who", "age_band": "age", "age_band_rank": "1"}
    assert refusal(tmp_path, customers=lines(columns=columns)) == (
        'customers (lines.csv): "age_band_rank" is computed: list the order under `levels`.'
    )


def test_levels_of_a_column_without_an_order_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, levels={"age_bond": ["young", "old"]}) == (
        'levels of "age_bond": not an ordered column. It has: age_band, income_band, loyalty_tier. '
        'Did you mean "age_band"?'
    )


def test_a_level_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, levels={"age_band": ["old", "old"]}) == 'levels of "age_band": one stands twice.'


def test_a_rule_speaks_of_our_columns(tmp_path: Path) -> None:
    rule = {"rule": "bulk", "when": "quantitty > 100", "reason": "too many"}
    said = refusal(tmp_path, transactions=lines(rules=[rule]))
    assert said.startswith(
        'transactions (lines.csv): rule bulk: "quantitty" is not a column of stg_transactions. It has: '
    )
    assert said.endswith('Did you mean "quantity"?')


def test_an_expression_that_is_no_sql_is_refused_with_its_column(tmp_path: Path) -> None:
    said = refusal(tmp_path, transactions=lines(columns=COLUMNS | {"net_amount": "net -"}))
    assert said.startswith("transactions (lines.csv): net_amount: not a SQL expression: 'net -' (")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "New York"}, 'key "time_zone": Value error, not an IANA time zone such as America/New_York'),
        ({"currency": "dollars"}, 'key "currency": String should match pattern'),
        ({"transactions": lines(format="xls")}, 'key "transactions.0.format": Input should be '),
        ({"transactions": lines(lookup=[])}, 'key "transactions.0.lookup" is not known. It has: columns, files, '),
        ({"transaction": []}, 'key "transaction" is not known. It has: absent, '),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_key(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert refusal(tmp_path, **changes).startswith(said)


def test_an_unknown_source_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.yml").touch()
    with pytest.raises(ConfigError) as refused:
        load_source(tmp_path, "shopp")
    path = tmp_path / "sources" / "shopp.yml"
    assert str(refused.value) == f'{path}: there is no such file. It has: shop. Did you mean "shop"?'


def test_a_source_provides_what_it_maps_and_what_follows_and_no_mere_defaults() -> None:
    columns = {"transaction_id": "t", "customer_id": "c", "transaction_ts": "at", "net_amount": "net"}
    assert shop(transactions=[part(columns)]).provides() == {
        "transactions.transaction_id", "transactions.customer_id", "transactions.transaction_ts",
        "transactions.net_amount",  # mapped
        "transactions.order_id", "transactions.event_date", "transactions.local_hour",  # derived
    }  # fmt: skip


def test_a_null_takes_back_what_would_follow() -> None:
    less = shop().provides() - shop(transactions=[part(COLUMNS | {"local_hour": "NULL"})]).provides()
    assert less == {"transactions.local_hour"}


def test_what_the_products_know_the_lines_know_too() -> None:
    products = [part({"product_id": "id", "category": "group"}, files="products.csv")]
    lines = [part(COLUMNS | {"product_id": "item"})]
    more = shop(products=products, transactions=lines).provides() - shop(transactions=lines).provides()
    assert more == {"products.product_id", "products.category", "transactions.category"}
    # Lines that do not say which product they are learn nothing from the products.
    assert shop(products=products).provides() - shop().provides() == {"products.product_id", "products.category"}


CONTACT = {"interaction_id": "id", "customer_id": "who", "event_date": "day"}
ALL_KINDS = {"exposure", "redemption", "open", "click", "visit", "service_contact", "complaint"}


@pytest.mark.parametrize(
    ("expression", "kinds"),
    [
        ("'visit'", {"visit"}),
        ("CASE WHEN code = 'O' THEN 'open' WHEN code = 'C' THEN 'click' END", {"open", "click"}),
        ("if(code = 'visit', 'open', 'click')", {"open", "click"}),
        ("code", ALL_KINDS),
        ("replace(lower(code), '-', '_')", ALL_KINDS),
        ("coalesce(code, 'visit')", ALL_KINDS),
        ("CASE WHEN code = 'O' THEN 'open' ELSE code END", ALL_KINDS),
    ],
)
def test_a_source_has_the_kinds_of_contact_that_its_expression_can_give(expression: str, kinds: set[str]) -> None:
    source = shop(interactions=[part(CONTACT | {"interaction_type": expression})])
    assert {k for k in ALL_KINDS if f"interactions.{k}" in source.provides()} == kinds


def test_kinds_of_several_files_add_up() -> None:
    parts = [part(CONTACT | {"interaction_type": f"'{kind}'"}) for kind in ("open", "visit")]
    source = shop(interactions=parts)
    assert {k for k in ALL_KINDS if f"interactions.{k}" in source.provides()} == {"open", "visit"}


def test_what_a_source_lacks_is_said_once_each_with_its_reason() -> None:
    source = shop(
        customers=[part({"customer_id": "who", "city": "city"})],
        interactions=[part(CONTACT | {"interaction_type": "if(opened, 'open', 'click')"})],
        absent={"feedback": "nobody asks", "customers.region": "one region"},
    )
    said = source.absences()
    assert len(said) == len(set(said))
    assert {line for line in said if "transactions" not in line} == {
        "no products", "no campaigns", "no consent", "no feedback: nobody asks",
        *(f"no customers.{c}" for c in (
            "age_band", "income_band", "home_ownership", "marital_status", "household_size", "children",
            "loyalty_tier", "account_status",
        )),
        "no customers.region: one region",
        *(f"no interactions.{c}" for c in (
            "interaction_ts", "campaign_id", "channel", "minutes", "exposure", "redemption", "visit",
            "service_contact", "complaint",
        )),
        "customers are a single snapshot: their attributes are not point in time",
    }  # fmt: skip
