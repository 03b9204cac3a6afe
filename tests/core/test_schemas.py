"""What every table promises about itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from segmentation.core.schemas import STAGED, STG_TRANSACTIONS, TABLES, Table
from segmentation.features import load_registry
from segmentation.tiles import TILES

CONF = Path(__file__).resolve().parents[2] / "conf"
ALL = (*TABLES, *TILES, load_registry(CONF, frozenset()).table)

every_table = pytest.mark.parametrize("table", ALL, ids=lambda t: t.name)


@every_table
def test_a_key_is_made_of_columns(table: Table) -> None:
    assert table.key
    assert set(table.key) <= set(table.names)


@every_table
def test_every_column_stands_once_and_says_what_it_means(table: Table) -> None:
    assert not [name for name, n in Counter(n.lower() for n in table.names).items() if n > 1]
    assert not [c.name for c in table.columns if not c.comment.strip()]
    assert not [c.name for c in table.columns if not re.fullmatch(r"[a-z][a-z0-9_]*", c.name)]


@every_table
def test_a_published_table_has_the_columns_that_partition_it(table: Table) -> None:
    assert table.partition_by == (("as_of", "run_id") if table.kind == "published" else table.parted_by)
    assert table.kind == "state" or not table.parted_by
    assert set(table.partition_by) <= set(table.names)


@every_table
def test_the_day_on_which_a_row_happened_is_a_date(table: Table) -> None:
    if table.date_column is not None:
        assert table.column(table.date_column).type == "date"


def test_tables_have_names_of_their_own() -> None:
    assert len({t.name for t in ALL}) == len(ALL)


@pytest.mark.parametrize("table", STAGED, ids=lambda t: t.name)
def test_a_staged_key_is_required(table: Table) -> None:
    # Staging takes a row without a verdict to be unique by its key; a null there would slip through.
    assert not [k for k in table.key if not table.column(k).required]


def test_a_column_that_is_not_there_is_a_key_error() -> None:
    assert STG_TRANSACTIONS.column("net_amount").type == "decimal(18,2)"
    with pytest.raises(KeyError, match="net_amout"):
        STG_TRANSACTIONS.column("net_amout")
