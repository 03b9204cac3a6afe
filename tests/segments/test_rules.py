"""The file of business rules; what they do to segments is tested with these."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmentation.core.errors import ConfigError
from segmentation.features import load_registry
from segmentation.segments import Rules, load_rules
from segmentation.segments.rules import Rule
from tests.conftest import CONF

RULES = Rules(
    rules=[
        Rule(name="never_bought", segment_name="Never bought", when="orders = 0", reason="-"),
        Rule(name="lapsed", segment_name="Lapsed", when="days_since > 180", reason="-"),
        Rule(name="new", segment_name="New", when="orders <= 3 AND days_since IS NOT NULL", reason="-"),
    ]
)


def test_a_rule_that_reads_a_switched_off_feature_is_off_and_says_so() -> None:
    kept, notes = RULES.without({"days_since", "nps"})
    assert [r.name for r in kept.rules] == ["never_bought"]
    assert notes == ["rule lapsed is off: days_since is off", "rule new is off: days_since is off"]
    assert RULES.without(set()) == (RULES, [])


FEATURES = [f.name for f in load_registry(CONF, frozenset()).features]


def test_the_projects_own_rules_read_features_that_exist() -> None:
    assert [r.name for r in load_rules(CONF, FEATURES).rules] == ["lapsed", "new_customers"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{name: vip, segment_name: V, when: order_lifetime > 3, reason: R}",
         r'rule "vip": "order_lifetime" is not a feature\. It has: .*Did you mean "orders_lifetime"\?'),
        ("{name: vip, segment_name: V, when: orders_lifetime >, reason: R}", r'rule "vip"'),
        ("{name: vip, segment_name: V, when: (SELECT 1), reason: R}", r'rule "vip": expected one expression'),
        ("{name: No Good, segment_name: V, when: orders_lifetime > 3, reason: R}", r"No Good"),
        ("{name: vip, segment_name: V, when: orders_lifetime > 3}", r'key "rules.0.reason"'),
        ("{name: vip, segment_name: V, when: orders_lifetime > 3, reason: R}\n"
         "  - {name: vip, segment_name: W, when: orders_lifetime > 9, reason: R}", r'rule "vip" stands twice'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_names_the_rule(tmp_path: Path, rule: str, message: str) -> None:
    (tmp_path / "rules.yml").write_text(f"rules:\n  - {rule}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_rules(tmp_path, FEATURES)
