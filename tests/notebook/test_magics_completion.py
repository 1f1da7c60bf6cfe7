"""Completion of SPARQL words and of names of things, in a shell and in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager

from workbench.notebook.completion import completions, words
from workbench.notebook.magics import register


class Graph:
    """Three things."""

    def ask(self, text: str, **_: Any) -> pd.DataFrame:
        return pd.DataFrame({"text": [text]})

    def drawn(self, table: pd.DataFrame, *, as_of: str = "") -> object:
        return table

    def entities(self, kind: str = "", name: str = "") -> pd.DataFrame:
        return pd.DataFrame({"kind": [kind]})

    def names(self, start: str) -> list[str]:
        return [each for each in ("checkout", "check-in", "payment") if each.startswith(start)]


@pytest.fixture
def shell() -> Iterator[Any]:
    made = InteractiveShell()
    register(made, Graph())
    yield made
    made.reset(new_session=False)


def offered(before: str, whole: str = "") -> list[str]:
    return [text for text, _ in completions(before, Graph().names, ("--to", "--graph"), whole or before)[1]]


def test_words_of_the_ontology_are_known() -> None:
    """Classes and properties are told apart; OpenTelemetry names that SPARQL cannot shorten are left out."""
    assert words()["wb:Service"] == "class"
    assert words()["wb:calls"] == "property"
    assert all(each.count(".") < 2 for each in words())


@pytest.mark.parametrize(
    ("before", "some"),
    [
        ("%%sparql\nSELECT ?a { ?a wb:cal", "wb:calls"),
        ("%%sparql --to x\nSELECT ?a { ?a cal", "wb:calls"),
        ("x = %sparql SELECT ?a { ?a wb:usesD", "wb:usesDatastore"),
        ("%%sparql\nSELECT ?a { ?a a wb:Serv", "wb:Service"),
        ("%%sparql --g", "--graph"),
    ],
)
def test_a_word_is_completed(before: str, some: str) -> None:
    """With and without its prefix, in cells and lines."""
    assert some in offered(before)


def test_after_a_only_classes_are_offered() -> None:
    """`?x a wb:s` cannot mean a property."""
    assert {words()[each] for each in offered("%%sparql\nSELECT ?a { ?a a wb:s")} == {"class"}


def test_variables_of_the_cell_are_offered() -> None:
    """A variable that the cell has elsewhere completes; the one being written does not offer itself."""
    whole = "%%sparql\nSELECT ?caller { ?callee wb:calls ?cal"
    assert offered(whole) == ["?caller", "?callee"]


@pytest.mark.parametrize(
    "before",
    [
        'wb.graph.around("check',
        "workbench.graph.blast_radius('check",
        'wb.graph.path("payment", "check',
        'wb.graph.diff("alert", near="check',
    ],
)
def test_names_of_things_are_offered_inside_the_words_of_the_graph(before: str) -> None:
    """Every argument that names a thing is completed."""
    assert offered(before) == ["checkout", "check-in"]


@pytest.mark.parametrize("before", ["wb.cal", 'print("check', 'wb.graph.around("checkout").fac', "# %%sparql\nwb:cal"])
def test_nothing_is_offered_elsewhere(before: str) -> None:
    """Python is left to IPython."""
    assert offered(before) == []


def test_the_shell_offers_them(shell: Any) -> None:
    """IPython's own completer gives them for a cell of several lines, and its guesses at Python stay out."""
    for cell, expected in (
        ("%%sparql\nSELECT ?a {\n ?a wb:callsP", "wb:callsPerSecond"),
        ('wb.graph.path("pa', "payment"),
    ):
        with provisionalcompleter():
            found = [each.text for each in shell.Completer.completions(cell, len(cell))]
        assert found == [expected]


def test_a_kernel_offers_them() -> None:
    """What JupyterLab sends, `complete_request`, is answered with the words, their place and their sort."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        code = "from types import SimpleNamespace\nfrom workbench.notebook.magics import register\n"
        client.execute_interactive(f"{code}register(get_ipython(), SimpleNamespace(names=list))", timeout=60)
        cell = "%%sparql\nSELECT ?a {\n  ?a wb:callsP"
        content = client.complete(cell, len(cell), reply=True, timeout=60)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert content["matches"] == ["wb:callsPerSecond"]
    assert cell[content["cursor_start"] : content["cursor_end"]] == "wb:callsP"
    (typed,) = content["metadata"]["_jupyter_types_experimental"]
    assert typed["type"] == "property"
