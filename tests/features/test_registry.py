"""Feature definitions are refused before Spark starts, and switch off where the source cannot feed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmentation.core.errors import ConfigError
from segmentation.core.schemas import DIMENSIONS
from segmentation.features import Registry, load_registry
from segmentation.staging import load_source
from tests.features.data import EVERYTHING

CONF = Path(__file__).resolve().parents[2] / "conf"
SPENDING = "  spending: {description: Revenue, value: net_amount, windows: [90d], unit: money, fit: [90d]}\n"


def declare(
    folder: Path, text: str, dimension: str = "transactional", provides: frozenset[str] = EVERYTHING
) -> Registry:
    """A registry of one file; `text` is what stands under `features`."""
    (folder / "features").mkdir(exist_ok=True)
    (folder / "features" / f"{dimension}.yml").write_text(f"features:\n{text}")
    return load_registry(folder, provides)


def refusal(folder: Path, text: str, dimension: str = "transactional") -> str:
    """What is said of the file, without its path."""
    with pytest.raises(ConfigError) as refused:
        declare(folder, text, dimension)
    path = f"{folder}/features/{dimension}.yml: "
    assert str(refused.value).startswith(path)
    return str(refused.value).removeprefix(path)


def feature(value: str, unit: str = "ratio", **settings: str) -> str:
    """The feature `x`."""
    given = "".join(f", {key}: {text}" for key, text in settings.items())
    return f'  x: {{description: X, value: "{value}", unit: {unit}{given}}}\n'


def test_a_feature_has_one_column_a_window_and_a_bare_one_its_own_name(tmp_path: Path) -> None:
    text = "  spending: {description: D, value: net_amount, windows: [30d, lifetime], unit: money, fit: [30d]}\n"
    registry = declare(tmp_path, text + feature("days_since_last_order", "days", fit="true"))
    assert [(f.name, f.sql_type, f.in_fit) for f in registry.features] == [
        ("spending_30d", "decimal(18,2)", True),
        ("spending_lifetime", "decimal(18,2)", False),
        ("x", "double", True),
    ]
    assert [f.name for f in registry.fitted("transactional")] == ["spending_30d", "x"]
    assert registry.table.names == ("as_of", "run_id", "customer_id", "spending_30d", "spending_lifetime", "x")


def test_an_unknown_state_is_refused_with_the_nearest(tmp_path: Path) -> None:
    said = refusal(tmp_path, feature("net_amout / orders", windows="[90d]"))
    assert said.startswith('feature "x": "net_amout" is not a state. It has: ')
    assert said.endswith('Did you mean "net_amount"?')


def test_a_feature_without_windows_may_name_only_what_is_declared_above(tmp_path: Path) -> None:
    said = refusal(tmp_path, feature("spending_90 + 1") + SPENDING)
    assert said.startswith('feature "x": "spending_90" is not a state or a feature declared above. It has: ')
    above = declare(tmp_path, SPENDING + feature("spending_90d + 1")).features
    assert [f.name for f in above] == ["spending_90d", "x"]
    said = refusal(tmp_path, SPENDING + feature("spending_90 + 1"))
    assert said.endswith('Did you mean "spending_90d"?')


def test_a_feature_with_windows_is_made_of_states_alone(tmp_path: Path) -> None:
    said = refusal(tmp_path, SPENDING + feature("spending_90d", windows="[90d]"))
    assert said.startswith('feature "x": "spending_90d" is not a state. It has: ')


def test_an_attribute_has_no_windows(tmp_path: Path) -> None:
    said = refusal(tmp_path, feature("age_band_rank", windows="[90d]"))
    assert said == 'feature "x": "age_band_rank" is an attribute and has no windows; remove `windows`.'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (feature("orders", windows="['90']"), 'window "90" is not known. It has: 180d, 30d, 365d, 90d, lifetime. '
         'Did you mean "90d"?'),
        (feature("orders", windows="[30d]", fit="[90d]"), "`fit` names windows that `windows` has not: ['90d']"),
        (feature("orders", windows="[30d]", fit="true"), "`fit` must list the windows that take part in the fit"),
        (feature("orders", windows="[90d]", watch="[30d]"), "`watch` names windows that `windows` has not: ['30d']"),
        (feature("orders", fit="[30d]"), "`fit` names windows that `windows` has not: ['30d']"),
        ("  x: {description: X, unit: ratio}\n", "give either `value` or `quintile_of`"),
        (feature("orders", quintile_of="orders"), "give either `value` or `quintile_of`"),
    ],
)  # fmt: skip
def test_windows_that_do_not_fit_together_are_refused(tmp_path: Path, text: str, said: str) -> None:
    found = refusal(tmp_path, text)
    assert found.startswith('key "features.x')
    assert f"Value error, {said}" in found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"windws": "[90d]"}, 'key "features.x.windws" is not known. It has: '),
        ({"transform": "log"}, 'key "features.x.transform": Input should be '),
        ({"impute": "mean"}, 'key "features.x.impute'),
    ],
)
def test_an_unknown_setting_is_refused_by_its_key(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    assert refusal(tmp_path, feature("orders", **settings)).startswith(said)


def test_an_unknown_unit_is_refused_by_its_key(tmp_path: Path) -> None:
    assert refusal(tmp_path, feature("orders", "euros")).startswith('key "features.x.unit": Input should be ')


QUINTILE = "  score: {{description: S, quintile_of: {}, unit: level}}\n"


def test_the_quintile_of_an_unknown_feature_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert refusal(tmp_path, SPENDING + QUINTILE.format("spending_30d")) == (
        'feature "score": "spending_30d" is not declared above. It has: spending_90d. Did you mean "spending_90d"?'
    )


@pytest.mark.parametrize(
    ("before", "of"),
    [
        ("  home: {description: H, value: home_ownership, unit: text}\n", "home"),
        (SPENDING + "  first: {description: F, quintile_of: spending_90d, unit: level}\n", "first"),
        (SPENDING + "  first: {description: F, quintile_of: spending_90d, unit: level}\n" + feature("2 * first"), "x"),
    ],
    ids=["text", "a quintile", "made of a quintile"],
)
def test_a_quintile_needs_a_number_of_the_customers_own(tmp_path: Path, before: str, of: str) -> None:
    assert refusal(tmp_path, before + QUINTILE.format(of)) == (
        f'feature "score": "{of}" is text or made of quintiles; `quintile_of` needs a number.'
    )


@pytest.mark.parametrize("value", ["net_amount /", "SELECT 1", "net_amount; DROP TABLE runs"])
def test_a_value_that_is_no_expression_is_refused(tmp_path: Path, value: str) -> None:
    assert refusal(tmp_path, feature(value)).startswith('feature "x": ')


@pytest.mark.parametrize("name", ["run_id", "customer_id", "Net", "net revenue", "42"])
def test_a_name_that_cannot_be_a_column_is_refused(tmp_path: Path, name: str) -> None:
    said = refusal(tmp_path, f'  "{name}": {{description: X, value: orders, unit: count}}\n')
    assert (
        said
        == f'feature "{name}": not a name for a column. Expected lower-case words joined by _, such as net_revenue.'
    )


def test_a_state_lends_its_name_only_to_itself(tmp_path: Path) -> None:
    # A later feature that reads `orders` would not know which of the two is meant.
    itself = "  children: {description: C, value: children, unit: count}\n"
    assert [f.name for f in declare(tmp_path, itself).features] == ["children"]
    assert refusal(tmp_path, "  orders: {description: O, value: orders / 2, unit: ratio}\n") == (
        'feature "orders": this is the name of a state with another value. Choose another name.'
    )


def test_a_feature_is_declared_once_in_all_files(tmp_path: Path) -> None:
    declare(tmp_path, SPENDING)
    again = "  spending: {description: D, value: net_amount * 2, windows: [30d], unit: money}\n"
    assert refusal(tmp_path, again, "behavioral") == 'feature "spending" is already declared.'
    clash = "  spending_90d: {description: D, value: net_amount, unit: money}\n"
    assert refusal(tmp_path, clash, "behavioral") == 'feature "spending_90d" is already declared.'


def test_a_file_that_is_no_dimension_is_refused_with_the_nearest(tmp_path: Path) -> None:
    declare(tmp_path, SPENDING)
    assert refusal(tmp_path, SPENDING, "behavioural") == (
        f'not a dimension. It has: {", ".join(sorted(DIMENSIONS))}. Did you mean "behavioral"?'
    )


def test_with_everything_provided_every_feature_of_ours_is_on() -> None:
    registry = load_registry(CONF, EVERYTHING)
    assert registry.notes() == []
    assert [f.name for f in registry.features if f.off_because] == []
    assert all(registry.fitted(dimension) for dimension in DIMENSIONS)


def test_a_value_settles_once_the_longest_window_that_it_reads_is_covered() -> None:
    settles = load_registry(CONF, load_source(CONF, "synthetic").provides()).settles
    assert {name: settles[name] for name in (
        "net_revenue_90d", "revenue_trend_90d", "season_share_365d", "net_revenue_lifetime", "days_since_last_order",
        "new_product_share_90d", "customer_lifetime_months", "household_size",
    )} == {
        "net_revenue_90d": 90, "revenue_trend_90d": 180, "season_share_365d": 365, "net_revenue_lifetime": None,
        "days_since_last_order": 365, "new_product_share_90d": 365 + 90, "customer_lifetime_months": None,
        "household_size": 0,
    }  # fmt: skip


def test_features_switch_off_with_one_note_each(tmp_path: Path) -> None:
    text = (
        "  margin: {description: M, value: costed_amount - cost_amount, windows: [30d, 90d], unit: money, fit: [90d]}\n"
        "  best: {description: B, quintile_of: margin_90d, unit: level}\n"
        "  double_margin: {description: D, value: margin_90d * 2, unit: money}\n"
        "  visit_minutes: {description: V, value: visit_minutes, windows: [90d], unit: ratio, fit: [90d]}\n"
        "  answered: {description: A, value: campaigns_responded, windows: [90d], unit: count}\n" + SPENDING
    )
    lacking = {"transactions.cost_amount", "interactions.visit", "interactions.minutes", "interactions.click"}
    registry = declare(tmp_path, text, provides=EVERYTHING - lacking)
    assert registry.notes() == [
        "transactional.margin is off: the source has no transactions.cost_amount",
        "transactional.best is off: the source has no transactions.cost_amount",
        "transactional.double_margin is off: the source has no transactions.cost_amount",
        "transactional.visit_minutes is off: the source has no interactions.minutes, interactions.visit",
    ]
    # Redemptions are responses too, so a source without clicks still has them.
    assert [f.name for f in registry.fitted("transactional")] == ["spending_90d"]
    none = declare(tmp_path, text, provides=EVERYTHING - lacking - {"interactions.redemption"})
    assert (
        "transactional.answered is off: the source has no interactions.redemption or interactions.click" in none.notes()
    )


def test_what_a_source_without_shoppers_attributes_lacks_is_noted_for_our_own_features() -> None:
    provided = EVERYTHING - {need for need in EVERYTHING if need.startswith("customers.")}
    notes = load_registry(CONF, provided).notes()
    assert notes == [
        f"demographics.{name} is off: the source has no customers.{column}"
        for name, column in (
            ("age_band", "age_band_rank"), ("income_band", "income_band_rank"), ("household_size", "household_size"),
            ("children", "children"), ("home_ownership", "home_ownership"), ("marital_status", "marital_status"),
            ("loyalty_tier", "loyalty_tier_rank"), ("region", "region"), ("city", "city"),
        )
    ]  # fmt: skip


def test_a_window_is_watched_where_the_source_feeds_it_and_the_fit_does_not_have_it(tmp_path: Path) -> None:
    spending = "  spending: {description: D, value: %s, windows: [30d, 90d], unit: money, fit: [90d], watch: %s}\n"
    found = declare(tmp_path, spending % ("net_amount", "[30d, 90d]")).features
    assert [f.name for f in found if f.is_watched] == ["spending_30d"]
    registry = load_registry(CONF, load_source(CONF, "complete_journey").provides())
    assert [f.name for f in registry.features if f.is_watched] == ["average_order_value_30d"]
