"""The exit code says who must act; the sentence says what was meant."""

from __future__ import annotations

import pytest

from segmentation.core.errors import (
    BadInputError,
    ConfigError,
    GuardError,
    SegmentationError,
    nearest,
)


@pytest.mark.parametrize(("error", "code"), [(BadInputError, 2), (ConfigError, 2), (GuardError, 3)])
def test_every_refusal_has_its_exit_code(error: type[SegmentationError], code: int) -> None:
    assert (error("why").exit_code, issubclass(error, SegmentationError)) == (code, True)


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("NET_amount", ["qty", "net_Amount"]) == 'It has: net_Amount, qty. Did you mean "net_Amount"?'


def test_a_name_like_no_other_gets_the_list_and_no_guess() -> None:
    assert nearest("zzz", ["b", "a"]) == "It has: a, b."


def test_of_many_names_twenty_are_listed_and_all_are_compared() -> None:
    names = [f"column_{i:02}" for i in range(30)]
    shown = ", ".join(names[:20])
    assert nearest("colunm_29", names) == f'It has: {shown}, …. Did you mean "column_29"?'


def test_where_there_is_nothing_the_sentence_says_so() -> None:
    assert nearest("orders.csv", []) == "It has nothing."
