"""The incident template: what every incident's notebook starts from."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

PATH = Path(__file__).parents[2] / "notebooks" / "templates" / "incident.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PATH, as_version=4)


def test_the_template_is_a_valid_notebook_of_at_most_fifteen_cells(notebook: nbformat.NotebookNode) -> None:
    """A concluded incident has at most 15 visible cells, and nothing is saved in the template but sources."""
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 15
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"


def test_only_the_opening_cell_is_folded_and_names_the_alert(notebook: nbformat.NotebookNode) -> None:
    """The first cell is the one that the lab extension runs, its source folded."""
    first, *rest = notebook.cells
    assert first.metadata.tags == ["workbench-open"]
    assert first.metadata.jupyter.source_hidden
    assert 'wb.open("{{alert_id}}")' in first.source
    assert not any("{{alert_id}}" in cell.source or cell.metadata.get("tags") for cell in rest)


def test_cells_are_plain_python_that_a_reader_could_have_typed(notebook: nbformat.NotebookNode) -> None:
    """Each code cell is one statement after the imports, or the magic; the last saves."""
    code = [cell.source for cell in notebook.cells[1:] if cell.cell_type == "code"]
    assert all(source.startswith("%%sparql") or len(ast.parse(source).body) == 1 for source in code)
    assert code[-1] == "case.save()"
