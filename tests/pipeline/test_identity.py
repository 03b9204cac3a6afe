"""Where the champion's segments stand in the space of a refit."""

from __future__ import annotations

import pytest

from segmentation.matrix import Preprocessor, Slot, unify
from segmentation.pipeline.identity import centre
from segmentation.segments.moments import Means


def test_a_segments_centre_counts_a_block_as_0_for_those_who_lack_it() -> None:
    """Of ten customers five are known in the second dimension, whose block weighs 4 on a variance of 1: factor 2."""
    money = Preprocessor("transactional", "true", (Slot("a", "a", "a"), Slot("b", "b", "b", fitted=False)), (), 4.0, 9)
    home = Preprocessor("demographics", "h", (Slot("c", "c", "c"),), (), 1.0, 9)
    unified = unify("unified", [money, home], {"transactional": 1.0, "demographics": 4.0})
    means = Means(10, {"a": 3.0, "b": 7.0, "c": 0.5}, {}, {"a": 10, "b": 10, "c": 5})
    found = centre(means, unified, {"transactional": money, "demographics": home})
    assert found == pytest.approx([3.0 * 0.5, 0.5 * 5 / 10 * 2])
