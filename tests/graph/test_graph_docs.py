"""The queries of docs/graph.md run as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.graph.ask import ask
from workbench.graph.store import GraphStore

TEXT = (Path(__file__).parents[2] / "docs" / "graph.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sparql\n(.*?)```", TEXT, re.DOTALL)
FIRST_ROWS = (
    ["cart", "payment"],
    ["cart"],
    ["service/default:search", "wb:references", "service/default:web", 0.7, "compose.yaml:12"],
    ["compose", "shop"],
)


def test_there_are_four() -> None:
    """The page prints four queries."""
    assert len(QUERIES) == len(FIRST_ROWS) == 4


@pytest.mark.parametrize("number", range(4))
def test_query_answers(number: int, shop: GraphStore) -> None:
    """Each query of the page has an answer on the small estate, and the right one comes first."""
    table = ask(shop, QUERIES[number], short=True)
    expected = FIRST_ROWS[number]
    assert table.to_numpy().tolist()[0][: len(expected)] == expected
