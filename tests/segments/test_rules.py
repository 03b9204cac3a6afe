"""Business rules over the unified segment."""

from __future__ import annotations

from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation.core.errors import ConfigError
from segmentation.features import load_registry
from segmentation.segments import Rules, apply_rules, load_rules
from segmentation.segments.rules import Rule
from tests.conftest import CONF

COLUMNS = (
    "dimension string, customer_id string, segment_id string, segment_name string, raw_segment_id string, "
    "rule_applied string, rules_met array<string>"
)
RULES = Rules(
    rules=[
        Rule(name="never_bought", segment_name="Never bought", when="orders = 0", reason="-"),
        Rule(name="lapsed", segment_name="Lapsed", when="days_since > 180", reason="-"),
        Rule(name="new", segment_name="New", when="orders <= 3 AND days_since IS NOT NULL", reason="-"),
    ]
)


def segments(spark: SparkSession, dimension: str = "unified") -> DataFrame:
    rows = [(dimension, c, "u-1", "High spenders", "u-1", None, None) for c in "abcdef"]
    return spark.createDataFrame(rows, COLUMNS)


def features(spark: SparkSession) -> DataFrame:
    rows = [("a", 0, None), ("b", 2, 200), ("c", 9, 181), ("d", 9, 180), ("e", 3, 180), ("f", None, None)]
    return spark.createDataFrame(rows, "customer_id string, orders int, days_since int")


def test_the_first_match_wins_and_the_models_word_is_kept(spark: SparkSession) -> None:
    """b is lapsed and new; d is neither, by one day; of f nothing is known, and null matches nothing."""
    expected = spark.createDataFrame(
        [
            ("unified", "a", "rule-never_bought", "Never bought", "u-1", "never_bought", ["never_bought"]),
            ("unified", "b", "rule-lapsed", "Lapsed", "u-1", "lapsed", ["lapsed", "new"]),
            ("unified", "c", "rule-lapsed", "Lapsed", "u-1", "lapsed", ["lapsed"]),
            ("unified", "d", "u-1", "High spenders", "u-1", None, None),
            ("unified", "e", "rule-new", "New", "u-1", "new", ["new"]),
            ("unified", "f", "u-1", "High spenders", "u-1", None, None),
        ],
        COLUMNS,
    )
    found = apply_rules(RULES, segments(spark), features(spark))
    assert_df_equality(found, expected, ignore_nullable=True, ignore_row_order=True)


def test_other_dimensions_are_left_alone(spark: SparkSession) -> None:
    rows = segments(spark, "transactional")
    found = apply_rules(RULES, rows, features(spark))
    assert_df_equality(found, rows, ignore_nullable=True, ignore_row_order=True)


def test_without_rules_nothing_changes(spark: SparkSession) -> None:
    rows = segments(spark)
    assert apply_rules(Rules(rules=[]), rows, features(spark)) is rows


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
