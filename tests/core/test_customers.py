"""Rows of whole customers in batches that split nobody, and keys packed into one number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.core.customers import HASH, packed, ranked, runs, whole_customers


def batches(*hashes: list[int]) -> list[pa.RecordBatch]:
    """Batches of rows with these hashes, numbered through."""
    first = np.cumsum([0, *map(len, hashes)])
    return [
        pa.RecordBatch.from_pydict({HASH: pa.array(h, pa.int64()), "row": pa.array(range(n, n + len(h)), pa.int64())})
        for h, n in zip(hashes, first[:-1].tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # The last customer waits: more of him may come.
        (([1, 1, 2], [2, 3], [3]), [[1, 1], [2, 2], [3, 3]]),
        (([1, 1, 2, 2, 2], [3, 3]), [[1, 1], [2, 2, 2], [3, 3]]),
        (([1, 2, 3, 4],), [[1, 2, 3], [4]]),
        # One who alone has more than a table should, over several batches.
        (([7, 7, 7], [7, 7, 7], [7, 8]), [[7] * 7, [8]]),
        (([-5],), [[-5]]),
        (([], [1, 1], [], [1], [2], []), [[1, 1, 1], [2]]),
        (([],), []),
        ((), []),
    ],
)
def test_a_table_ends_where_a_customer_does(given: tuple[list[int], ...], expected: list[list[int]]) -> None:
    tables = list(whole_customers(iter(batches(*given)), rows=3))
    assert [table[HASH].to_pylist() for table in tables] == expected
    count = sum(map(len, given))
    assert [row for table in tables for row in table["row"].to_pylist()] == list(range(count))


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.tuples(*[st.integers(0, 2) | st.integers(0, 2**40)] * n), min_size=1, max_size=30)
    )
)
def test_packed_keys_are_equal_and_sort_as_their_parts_do(keys: list[tuple[int, ...]]) -> None:
    """Four parts of up to 41 bits are 164; no more than 63 fit."""
    found = packed(*np.array(keys, dtype=np.int64).T)
    for a, key in zip(keys, found, strict=True):
        for b, other in zip(keys, found, strict=True):
            assert ((a < b), (a == b)) == ((key < other), (key == other))


def test_the_low_bits_of_a_packed_key_are_its_last_part_also_where_63_do_not_do() -> None:
    high, low = np.array([2**61, 5, 2**61]), np.array([6, 7, 0])
    # 62 bits and 3: the high parts give way to their ranks, 5 before 2**61.
    assert packed(high, low).tolist() == [8 + 6, 7, 8]
    # 60 bits and 3 are 63, and stay as they are.
    assert packed(np.array([2**59]), np.array([7])).tolist() == [2**62 + 7]


@given(st.lists(st.none() | st.text(max_size=3), max_size=20))
def test_a_rank_is_the_place_in_the_sorted_list(texts: list[str | None]) -> None:
    codes, names = ranked(pa.array(texts, pa.string()))
    assert names == sorted({t for t in texts if t is not None})
    assert [None if code < 0 else names[code] for code in codes] == texts


def test_nothing_has_no_runs() -> None:
    assert runs(np.zeros(0, dtype=np.int64)).tolist() == []
