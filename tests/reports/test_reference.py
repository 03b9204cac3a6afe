"""The reference has everything that is defined, each with its text; README says the same; and the page is sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segmentation.core.schemas import AGGREGATES, TABLES
from segmentation.features import load_registry
from segmentation.marts import load_marts
from segmentation.pipeline import write_reference
from segmentation.reports.glossary import DECISIONS, GLOSSARY
from segmentation.reports.reference import Listing, Part, reference_html, reference_markdown
from segmentation.segments import load_personas, load_population, load_rules
from segmentation.staging import load_source
from segmentation.tiles import TILES
from tests.browser import open_page
from tests.conftest import CONF, ROOT

REGISTRY = load_registry(CONF, load_source(CONF, "complete_journey").provides())
EVERY = [*TABLES, *TILES, REGISTRY.table, *AGGREGATES]
MARTS = load_marts(CONF, [t.name for t in EVERY])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    files = write_reference(str(CONF), "complete_journey", str(folder))
    assert files == [f"{folder}/reference.html", f"{folder}/reference.md"]
    return folder


def test_every_definition_has_its_text() -> None:
    for table in EVERY:
        assert table.grain.startswith("one row per"), table.name
        for c in table.columns:
            assert c.comment.strip(), f"{table.name}.{c.name}"
    for feature in REGISTRY.features:
        assert feature.block.description.strip(), feature.name
    for mart in MARTS:
        assert mart.grain.startswith("one row per"), mart.name
        assert all(text.strip() for text in mart.columns.values()), mart.name
    names = [f.name for f in REGISTRY.features]
    assert all(r.reason.strip() for r in load_rules(CONF, names).rules)
    assert all(e.reason.strip() for e in load_population(CONF, names).exclusions)


@pytest.mark.parametrize("file", ["reference.html", "reference.md"])
def test_everything_that_is_defined_is_there(written: Path, file: str) -> None:
    text = re.sub(r"</?code>|`", "", (written / file).read_text())
    for table in EVERY:
        assert table.name in text
        assert all(c.name in text for c in table.columns), table.name
    assert all(mart.name in text for mart in MARTS)
    assert all(f.base in text for f in REGISTRY.features)
    names = [f.name for f in REGISTRY.features]
    assert all(r.segment_name in text for r in load_rules(CONF, names).rules)
    personas = load_personas(CONF, REGISTRY.meant_for_fit).personas
    assert all(p.name in text for listed in personas.values() for p in listed)
    assert all(word.strip("`") in text for word in GLOSSARY)


def rows_of_readme(heading: str) -> list[tuple[str, ...]]:
    text = (ROOT / "README.md").read_text()
    lines = text[text.index(heading) :].splitlines()[2:]
    end = next(i for i, row in enumerate(lines) if not row.startswith("|"))
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in lines[:end]]


def test_readme_says_the_same_of_words_and_verdicts() -> None:
    assert dict(rows_of_readme("| word | meaning |")) == GLOSSARY
    assert tuple(rows_of_readme("| verdict | exit code |")) == DECISIONS


def test_a_text_with_a_bar_or_a_tag_stays_one_cell() -> None:
    part = Part("P", "", [Listing("L", "", ("a", "b"), [("x|y", "<b>`<i>`")])])
    assert "| x\\|y | <b>`<i>` |" in reference_markdown([part]).splitlines()
    assert "<td>&lt;b&gt;<code>&lt;i&gt;</code></td>" in reference_html([part])


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_has_no_error_and_every_link_leads_somewhere(written: Path, tmp_path: Path, width: int) -> None:
    page = open_page(written / "reference.html", width)
    assert page.errors == []
    assert page.requests == []
    assert page.scroll_width <= width
    anchors = re.findall(r'href="#([^"]+)"', page.dom)
    ids = re.findall(r'id="([^"]+)"', page.dom)
    assert len(anchors) > 60
    assert set(anchors) <= set(ids)
    assert len(ids) == len(set(ids))
