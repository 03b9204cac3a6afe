"""Every notebook runs from top to bottom on the default input, and what it shows is not committed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT, job_environment
from tests.jobs.homes import Shop

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OWN = "06_bring_your_own_data.ipynb"
"""Stages files of its own: a minute or two."""


def test_they_are_numbered_and_start_with_a_title() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05", "06"]
    for path in NOTEBOOKS:
        assert nbformat.read(path, 4).cells[0].source.startswith("# "), path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_committed(path: Path) -> None:
    for cell in nbformat.read(path, 4).cells:
        assert not cell.get("outputs"), path.name
        assert cell.get("execution_count") is None, path.name


def run(path: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What it says in text; an error in a cell is raised."""
    for name, value in {**job_environment(), **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    found = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in found)


SAYS = {
    "00_tour": r"fit_segments",
    "01_explore": r"\d+ orders above [\d,.]+, of \d+ customers: \d",
    "02_feature_engineering": r"customers: \d{3,}, with orders in the window: \d{3,}, different: 0\n",
    "03_choose_k": r": \d{3,} customers, elsewhere than the table says: 0\n",
    "04_read_the_segments": r"\d+% of customers, \d+% of revenue",
    "05_a_year_of_months": r"2018-01-01  refit",
}


@pytest.mark.parametrize("name", SAYS)
def test_on_the_default_input_it_runs_to_its_end(
    name: str, demo_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(ROOT / "notebooks" / f"{name}.ipynb", monkeypatch, WAREHOUSE=str(demo_warehouse))
    assert re.search(SAYS[name], said), said


def test_a_year_is_told_of_more_than_one_month(two_months: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(ROOT / "notebooks" / "05_a_year_of_months.ipynb", monkeypatch, WAREHOUSE=str(two_months.warehouse))
    assert re.search(r"2024-05-01  refit.*2024-06-01  (stable|rescored)", said, re.DOTALL)
    assert "members_shift" in said


def test_own_data_are_staged_to_the_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(ROOT / "notebooks" / OWN, monkeypatch)
    assert "read = " in said
    assert "wrong_type" in said
