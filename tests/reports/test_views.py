"""What the figures and tables say, by hand: order, colours, the best of each k, words."""

from __future__ import annotations

import doctest
from types import ModuleType

import pandas as pd
import pytest

from segmentation.core.schemas import DATA_QUALITY, K_SELECTION, K_SWEEP, UNIFIED
from segmentation.reports import concentration, palette, portrait, words
from segmentation.reports import data as cells
from segmentation.reports.correlations import MOST_SLOTS, correlation_map, pairs, strongest
from segmentation.reports.figures import (
    MOST_FEATURES,
    MOST_POINTS,
    curve,
    customer_map,
    heat_map,
    size_and_revenue,
)
from segmentation.reports.palette import COLOURS, GREYS, NO_DATA_GREY, SHAPES, marks
from segmentation.reports.quality import Distribution, InputRows, quality
from segmentation.reports.style import Spec
from segmentation.reports.view import choice, segments
from tests.reports.data import (
    AS_OF,
    RUN,
    points_frame,
    profile_row,
    profiles_frame,
    report_data,
    selection_row,
)


def test_of_many_slots_those_are_shown_that_go_together_most_in_their_order() -> None:
    names = [f"f{i}" for i in range(MOST_SLOTS + 5)]
    close = {("f2", "f7"): 0.9, ("f1", "f34"): -0.8}
    rows = [
        (a, b, close.get((a, b), 0.01 if "f33" in (a, b) else 0.1)) for i, a in enumerate(names) for b in names[i + 1 :]
    ]
    found = pairs(pd.DataFrame([*rows, ("f0", "nobody_knows", None)], columns=["one", "other", "r"]))
    assert strongest(found)[:2] == [("f2", "f7", 0.9), ("f1", "f34", -0.8)]
    drawn = correlation_map(found)
    assert drawn is not None
    spec, shown, of = drawn
    assert (shown, of) == (MOST_SLOTS, len(names))
    order = list(dict.fromkeys(r["one"].split()[1] for r in spec["data"]["values"]))
    assert {"f1", "f2", "f7", "f34"} <= set(order)
    assert "f33" not in order
    assert order == sorted(order, key=names.index)
    cells = {(r["one"].split()[1], r["column"]): r["r"] for r in spec["data"]["values"]}
    assert cells["f7", order.index("f2") + 1] == cells["f2", order.index("f7") + 1] == 0.9
    assert cells["f34", order.index("f1") + 1] == -0.8


@pytest.mark.parametrize("module", [cells, words, palette, portrait, concentration])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert (failed, attempted > 0) == (0, True)


def test_segments_come_by_revenue_then_rules_then_no_data() -> None:
    profiles = profiles_frame(
        profile_row(UNIFIED, "no_data", "No data", customers=900, revenue_share=0.5),
        profile_row(UNIFIED, "rule_new", "New", customers=500, revenue_share=0.3),
        profile_row(UNIFIED, "s1", "Small", customers=10, revenue_share=0.05),
        profile_row(UNIFIED, "s2", "Big", customers=5, revenue_share=0.15),
    )
    found = segments(report_data(profiles=profiles, rule_segments=frozenset({"rule_new"})), UNIFIED)
    assert [(s.name, s.is_modelled) for s in found] == [
        ("Big", True), ("Small", True), ("New", False), ("No data", False),
    ]  # fmt: skip
    assert [s.mark.colour for s in found] == [COLOURS[1], COLOURS[0], GREYS[0], NO_DATA_GREY]


def test_a_rule_s_segment_is_one_in_the_unified_dimension_only() -> None:
    profiles = profiles_frame(profile_row("transactional", "lapsed", "Lapsed"))
    (found,) = segments(report_data(profiles=profiles, rule_segments=frozenset({"lapsed"})), "transactional")
    assert found.is_modelled
    assert found.mark.colour == COLOURS[0]


def test_a_segment_keeps_its_colour_whatever_its_size() -> None:
    def colour_of(customers: int) -> str:
        profiles = profiles_frame(
            profile_row(UNIFIED, "s1", "One", customers=customers),
            profile_row(UNIFIED, "s2", "Two", customers=50),
        )
        return next(s.mark.colour for s in segments(report_data(profiles=profiles), UNIFIED) if s.id == "s1")

    assert colour_of(1) == colour_of(100)


def test_no_two_of_45_segments_look_alike() -> None:
    looks = marks([f"s{n}" for n in range(45)])
    assert len(set(looks.values())) == 45 == len(COLOURS) * len(SHAPES)


def test_two_segments_of_one_name_are_told_apart_by_their_id() -> None:
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "Savers"),
        profile_row(UNIFIED, "s2", "Savers"),
        profile_row(UNIFIED, "s3", ""),
    )
    assert [s.label for s in segments(report_data(profiles=profiles), UNIFIED)] == [
        "Savers (s1)",
        "Savers (s2)",
        "s3",
    ]


def _sweep(*fits: tuple[int, int, float, float | None]) -> pd.DataFrame:
    """(k, seed, sse, silhouette)"""
    rows = [
        {"dimension": UNIFIED, "k": k, "seed": seed, "sse": sse, "silhouette": s, "min_share": 0.1}
        for k, seed, sse, s in fits
    ]
    return pd.DataFrame(rows, columns=list(K_SWEEP.names))


def test_the_best_of_a_k_is_what_the_selection_weighed_or_else_the_lowest_sse() -> None:
    candidate = {"k": 2, "seed": 8, "silhouette": 0.25, "davies_bouldin": 1.0, "calinski_harabasz": 9.0,
                 "min_share": 0.2, "stability": 0.9, "flaws": ["a segment of 1.0%"]}  # fmt: skip
    selection = pd.DataFrame([selection_row(UNIFIED, 2, candidates=[candidate])], columns=list(K_SELECTION.names))
    sweep = _sweep((2, 7, 10.0, 0.3), (2, 8, 11.0, 0.25), (3, 7, 6.0, 0.2), (3, 8, 5.0, 0.1))
    found = choice(sweep, selection, UNIFIED)
    assert found
    assert [(c.k, c.seed, c.sse, c.silhouette, c.stability, c.against) for c in found.best] == [
        (2, 8, 11.0, 0.25, 0.9, ("a segment of 1.0%",)),
        (3, 8, 5.0, 0.1, None, None),
    ]


def test_seeds_of_64_bits_stay_apart() -> None:
    seed = 2**60
    sweep = _sweep((2, seed, 10.0, 0.3), (2, seed + 1, 11.0, 0.2))
    found = choice(sweep, pd.DataFrame(), UNIFIED)
    assert found
    assert [c.seed for c in found.fits] == [seed, seed + 1]
    assert found.k is None


def test_a_curve_marks_the_chosen_k_and_leaves_out_what_is_null() -> None:
    sweep = _sweep((1, 0, 20.0, None), (2, 0, 10.0, 0.3), (3, 0, 5.0, 0.2))
    selection = pd.DataFrame([selection_row(UNIFIED, 2, candidates=None)], columns=list(K_SELECTION.names))
    found = choice(sweep, selection, UNIFIED)
    assert found
    silhouette = curve(found, "silhouette", "Silhouette")
    assert silhouette
    assert _values(silhouette) == [(2, 0.3, "seed"), (3, 0.2, "seed"), (2, 0.3, "best"), (3, 0.2, "best")]
    filters = [(layer["mark"]["type"], layer["transform"][-1]["filter"]) for layer in silhouette["layer"]]
    marked = [(mark, where.removeprefix("datum.of == 'best' && ")) for mark, where in filters if "datum.k" in where]
    assert marked == [("rule", "datum.k == 2"), ("text", "datum.k == 2"), ("point", "datum.k == 2")]
    assert silhouette["layer"][1]["encoding"]["y"]["scale"] == {"zero": True}
    assert curve(found, "stability", "Stability") is None
    data = report_data()
    weighed = choice(data.sweep, data.selection, UNIFIED)
    assert weighed
    stability = curve(weighed, "stability", "Stability")
    assert stability
    assert [(k, value) for k, value, of in _values(stability) if of == "best"][:2] == [(2, 0.9), (3, 0.85)]


def _values(spec: Spec) -> list[tuple[int, float, str]]:
    return [(v["k"], v["value"], v["of"]) for v in spec["data"]["values"]]


def _cells(spec: Spec) -> list[dict[str, object]]:
    """Without the marks over the columns."""
    return [v for v in spec["data"]["values"] if v["row"] >= 0]


def test_the_heat_map_is_symmetric_about_0_and_groups_features_by_segment() -> None:
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "One", revenue_share=0.6, feature_z={"a": 0.1, "b": -2.0, "c": 0.5}),
        profile_row(UNIFIED, "s2", "Two", revenue_share=0.4, feature_z={"a": 1.5, "b": 0.2, "c": -0.4}),
        profile_row(UNIFIED, "no_data", "No data", feature_z={"a": 9.0}),
    )
    found = heat_map(segments(report_data(profiles=profiles), UNIFIED), {})
    assert found
    spec, shown, of = found
    assert (shown, of) == (3, 3)
    assert spec["layer"][1]["encoding"]["color"]["scale"]["domain"] == [-2.0, -1.0, 0, 1.0, 2.0]
    found_cells = [(v["row"], v["feature"], v["column"], v["segment"], v["shown"]) for v in _cells(spec)]
    assert found_cells == [  # One stands out in b and c, Two in a
        (0, "b", 0, "One", "−2.0"), (0, "b", 1, "Two", "+0.2"),
        (1, "c", 0, "One", "+0.5"), (1, "c", 1, "Two", "−0.4"),
        (2, "a", 0, "One", "+0.1"), (2, "a", 1, "Two", "+1.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(("z", "end"), [(0.2, 1.0), (2.5, 2.5), (7.0, 3.0)])
def test_the_heat_map_s_scale_ends_between_1_and_3(z: float, end: float) -> None:
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "One", feature_z={"a": -z}),
        profile_row(UNIFIED, "s2", "Two", feature_z={"a": 0.0}),
    )
    found = heat_map(segments(report_data(profiles=profiles), UNIFIED), {})
    assert found
    domain = found[0]["layer"][1]["encoding"]["color"]["scale"]["domain"]
    assert (domain[0], domain[-1]) == (-end, end)


def test_a_column_keeps_its_mark_where_a_feature_has_no_figure() -> None:
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "One", revenue_share=0.6, feature_z={"a": 2.0, "b": 0.5}),
        profile_row(UNIFIED, "s2", "Two", revenue_share=0.4, feature_z={"b": -0.5}),
    )
    found = heat_map(segments(report_data(profiles=profiles), UNIFIED), {})
    assert found
    marked = [(v["column"], v["segment"]) for v in found[0]["data"]["values"] if v["row"] < 0]
    assert marked == [(0, "One"), (1, "Two")]
    assert [(v["feature"], v["segment"]) for v in _cells(found[0])] == [("a", "One"), ("b", "One"), ("b", "Two")]


def test_a_long_name_breaks_into_lines_beside_its_row() -> None:
    profiles = profiles_frame(profile_row(UNIFIED, "s1", "Active responders, high campaign response rate"))
    spec = size_and_revenue(segments(report_data(profiles=profiles), UNIFIED))
    assert spec["data"]["values"][0]["lines"] == "Active responders, high\ncampaign response rate"


@pytest.mark.parametrize(
    ("customers", "revenue", "words"),
    [(0.2, 0.5, "2.5×"), (0.2, 0.001, "<0.1×"), (0.2, 0.0, "0.0×"), (0.2, None, ""), (0.0, 0.0, "")],
)
def test_the_ratio_of_revenue_to_head_count(customers: float, revenue: float | None, words: str) -> None:
    profiles = profiles_frame(profile_row(UNIFIED, "s1", "One", customer_share=customers, revenue_share=revenue))
    spec = size_and_revenue(segments(report_data(profiles=profiles), UNIFIED))
    assert spec["data"]["values"][0]["ratio"] == words


def test_the_heat_map_keeps_the_features_that_differ_most() -> None:
    z = {f"feature_{n}": float(n) for n in range(MOST_FEATURES + 5)}
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "One", feature_z=z), profile_row(UNIFIED, "s2", "Two", feature_z=z)
    )
    found = heat_map(segments(report_data(profiles=profiles), UNIFIED), {"feature_24": "The 24th"})
    assert found
    spec, shown, of = found
    assert (shown, of) == (20, 25)
    assert {v["feature"] for v in _cells(spec)} == {f"feature {n}" for n in range(5, 25)}
    assert {v["meaning"] for v in _cells(spec)} == {"", "The 24th"}


def test_features_that_would_read_alike_keep_their_names() -> None:
    z = {"orders": 1.0, "orders_365d": 0.5, "items_365d": 0.2}
    profiles = profiles_frame(
        profile_row(UNIFIED, "s1", "One", feature_z=z), profile_row(UNIFIED, "s2", "Two", feature_z=z)
    )
    found = heat_map(segments(report_data(profiles=profiles), UNIFIED), {})
    assert found
    assert [v["feature"] for v in _cells(found[0])][::2] == ["orders", "orders_365d", "items"]


def test_of_many_customers_every_nth_is_drawn_and_a_stranger_is_grey() -> None:
    points = points_frame(2 * MOST_POINTS + 1)
    found = customer_map(points, marks(["UN-1"]), {"UN-1": "One"}, (0.5, 0.2))
    assert found
    spec, drawn = found
    assert drawn == (2 * MOST_POINTS + 1 + 2) // 3
    assert [v["x"] for v in spec["data"]["values"][:2]] == [
        round(points["x"][0], 3),
        round(points["x"][3], 3),
    ]
    scale = spec["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        "UN-1": COLOURS[0],
        **dict.fromkeys(["UN-2", "UN-3", "UN-4", "UN-5", "rule_new_customers"], NO_DATA_GREY),
    }


def test_quality_counts_rules_and_leaves_out_what_is_not_missing() -> None:
    facts = [
        ("customers", "rows_read", "", 10.0),
        ("transactions", "rows_read", "", 100.0),
        ("transactions", "rows_accepted", "", 97.0),
        ("transactions", "rows_quarantined", "", 3.0),
        ("transactions", "quarantined_by_rule", "wrong_type", 1.0),
        ("transactions", "quarantined_by_rule", "future_date", 2.0),
        ("transactions", "null_share", "order_id", 0.0),  # nothing is missing
        ("transactions", "null_share", "cost_amount", 1.0),  # said to be absent
        ("transactions", "absent", "cost_amount", 1.0),
        ("transactions", "days_since_newest", "event_date", 2.0),
        ("transactions", "median", "net_amount", 3.0),
        ("transactions", "mean", "net_amount", 4.0),
        ("customers", "null_share", "age_band", 0.25),
        ("customers", "null_share", "age_band_rank", 0.25),  # repeats the band
        ("customers", "null_share", "valid_to", 1.0),  # null is "still", not "unknown"
        ("feedback", "absent", "", 1.0),
    ]
    frame = pd.DataFrame([(AS_OF, RUN, *f) for f in facts], columns=list(DATA_QUALITY.names))
    found = quality(report_data(quality=frame))
    assert found.inputs == [InputRows("transactions", 100, 97, 3, 2), InputRows("customers", 10, 0, 0)]
    assert found.inputs[0].quarantined_share == 0.03
    assert found.broken == [("transactions", "future_date", 2), ("transactions", "wrong_type", 1)]
    assert [(m.name, m.column, m.share, m.meaning) for m in found.missing] == [
        ("customers", "age_band", 0.25, "Age band as the source words it; missing where unknown")
    ]
    nothing = [None] * 3
    assert found.distributions == [
        Distribution("transactions", "net_amount", [*nothing, 3.0, *nothing, 4.0]),
    ]
    assert found.absent == ["feedback", "transactions.cost_amount"]
