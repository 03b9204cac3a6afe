"""The unified vector: each dimension weighs what it is told to, however many columns it has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.core.schemas import UNIFIED
from segmentation.matrix import NOTHING, Preprocessor, unify
from tests.matrix.data import feature, fit, vectors

TOWNS = ["Ulm", "Rom", "Ulm", "Bonn", "Rom", "Ulm", "Ulm", "Bonn"]
A, B = [0.0, 1.0, 5.0, 2.0, 8.0, 3.0, 2.0, 9.0], [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0]


def two_numbers() -> Preprocessor:
    return replace(fit([feature("a"), feature("b")], a=A, b=B), has_data="a IS NOT NULL")


def one_town() -> Preprocessor:
    p = fit([feature("town", unit="text")], town=TOWNS)
    return replace(p, dimension="demographics", has_data="town IS NOT NULL")


def constant() -> Preprocessor:
    return replace(fit([feature("same")], same=[1.0] * 8), dimension="psychographic")


def test_each_blocks_variance_is_its_weight(spark: SparkSession) -> None:
    p = unify(UNIFIED, [one_town(), two_numbers()], {"demographics": 0.5, "transactional": 1.5, "behavioral": 9})
    assert p.names == (
        "demographics.town=Bonn",
        "demographics.town=Rom",
        "demographics.town=Ulm",
        "transactional.a",
        "transactional.b",
    )
    found = vectors(spark, p, "a double, b double, town string", list(zip(A, B, TOWNS, strict=True)))
    assert found[:, :3].var(axis=0).sum() == pytest.approx(0.5, abs=1e-12)
    assert found[:, 3:].var(axis=0).sum() == pytest.approx(1.5, abs=1e-12)
    assert (p.variance, p.has_data, p.sample_size) == (2.0, "true", 8)


def test_a_block_is_its_dimensions_vector_times_a_factor(spark: SparkSession) -> None:
    """Two numbers have variance 2; to weigh 1.5 they are multiplied by √(1.5/2)."""
    alone = vectors(spark, two_numbers(), "a double, b double", list(zip(A, B, strict=True)))
    p = unify(UNIFIED, [two_numbers()], {"transactional": 1.5})
    found = vectors(spark, p, "a double, b double", list(zip(A, B, strict=True)))
    np.testing.assert_allclose(found, alone * np.sqrt(0.75), rtol=0, atol=1e-12)
    assert [(b.dimension, b.has_data) for b in p.blocks] == [("transactional", "a IS NOT NULL")]
    assert p.blocks[0].factor == pytest.approx(0.75**0.5, abs=1e-15)


def test_a_block_without_data_is_zero_and_leaves_the_others_alone(spark: SparkSession) -> None:
    """Without the condition a null town would be the level (unknown), and a null `a` the median."""
    p = unify(UNIFIED, [one_town(), two_numbers()], {"demographics": 0.5, "transactional": 1.5})
    rows = [(8.0, 1.0, "Ulm"), (8.0, 1.0, None), (None, 1.0, "Ulm"), (None, None, None)]
    whole, no_town, no_numbers, nothing = vectors(spark, p, "a double, b double, town string", rows)
    assert (whole != 0).all()
    assert no_town.tolist() == [0, 0, 0, *whole[3:]]
    assert no_numbers.tolist() == [*whole[:3], 0, 0]
    assert nothing.tolist() == [0] * 5


def test_a_dimension_that_tells_nobody_apart_is_left_out() -> None:
    p = unify(UNIFIED, [constant(), two_numbers()], {"psychographic": 1, "transactional": 1.5})
    assert [b.dimension for b in p.blocks] == ["transactional"]
    assert p.variance == 1.5


def test_a_redundant_slot_takes_no_part() -> None:
    columns = {"a": A, "b": [2 * v for v in A]}
    p = unify(UNIFIED, [fit([feature("a"), feature("b")], **columns)], {"transactional": 1})
    assert p.names == ("transactional.a",)


def test_where_everybody_is_the_same_there_is_one_slot(spark: SparkSession) -> None:
    p = unify(UNIFIED, [constant()], {"psychographic": 1})
    assert (p.slots, p.blocks, p.variance) == ((NOTHING,), (), 0.0)
    assert vectors(spark, p, "same double", [(1.0,), (2.0,)]).tolist() == [[0.0], [0.0]]
