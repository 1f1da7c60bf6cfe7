"""The %%sparql magic in a real IPython shell, the graph a small fake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyoxigraph
import pytest
from IPython.core.interactiveshell import InteractiveShell

from ontology.errors import BadInput
from ontology.iris import service
from ontology.nouns import Entity, Iri
from workbench.notebook.binding import bound, term
from workbench.notebook.magics import read, register, underlined


class Graph:
    """Keeps what it was asked; answers with one row, or with the error that it was given."""

    def __init__(self, error: BadInput | None = None) -> None:
        self.asked: list[str] = []
        self.how: dict[str, Any] = {}
        self.error = error

    def ask(self, text: str, **how: Any) -> pd.DataFrame:
        self.asked.append(text)
        self.how = how
        if self.error:
            raise self.error
        return pd.DataFrame({"caller": ["checkout"]})

    def drawn(self, table: pd.DataFrame, *, as_of: str = "") -> str:
        return f"drawing of {len(table)} as of {as_of}"

    def entities(self, kind: str = "", name: str = "") -> pd.DataFrame:
        return pd.DataFrame({"kind": [kind], "name": [name]})

    def names(self, start: str) -> list[str]:
        return [each for each in ("checkout", "cart", "payment") if each.startswith(start)]


@pytest.fixture
def shell() -> Iterator[Any]:
    made = InteractiveShell()
    yield made
    made.reset(new_session=False)


def run(shell: Any, graph: Graph, cell: str) -> Any:
    register(shell, graph)
    result = shell.run_cell(cell)
    return result.error_in_exec if result.error_in_exec else result.result


def test_a_cell_is_asked_and_answered_as_a_table(shell: Any) -> None:
    """The text below the magic reaches the graph unchanged, and the DataFrame is the cell's result."""
    graph = Graph()
    answer = run(shell, graph, "%%sparql\nSELECT ?a { ?a ?b ?c }\n")
    assert list(answer["caller"]) == ["checkout"]
    assert graph.asked == ["SELECT ?a { ?a ?b ?c }\n"]


def test_a_line_is_asked_too(shell: Any) -> None:
    """The one-line form gives the table to the line that asks."""
    graph = Graph()
    run(shell, graph, "answer = %sparql ASK { ?a ?b ?c }")
    assert graph.asked == ["ASK { ?a ?b ?c }"]
    assert len(shell.user_ns["answer"]) == 1


def test_to_keeps_the_answer_in_a_variable(shell: Any) -> None:
    """--to NAME leaves the DataFrame in the notebook's own names."""
    run(shell, Graph(), "%%sparql --to callers\nSELECT * {}\n")
    assert list(shell.user_ns["callers"].columns) == ["caller"]


WRONG = ["--to 1x", "--to class", "--to a.b", "--frm x", "--to", "--limit 0", "--limit x", "--timeout -1", "--as-of"]


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_option_is_a_sentence(line: str) -> None:
    """No option ends the kernel or is silently taken for a query."""
    with pytest.raises(BadInput):
        read(line, "SELECT * {}")


def test_options_stand_before_the_query_in_any_order(shell: Any) -> None:
    """Every option reaches the graph, one in quotes as a whole, and the query stays as it was typed."""
    graph = Graph()
    shown = run(
        shell,
        graph,
        "%%sparql --limit 5 --as-of 'alert - 30m' --graph --timeout=2.5 --to x\nSELECT ?a { ?a ?b '-- c' }\n",
    )
    assert graph.how == {"as_of": "alert - 30m", "limit": 5, "timeout": 2.5}
    assert graph.asked == ["SELECT ?a { ?a ?b '-- c' }\n"]
    assert shown == "drawing of 1 as of alert - 30m"
    assert list(shell.user_ns["x"].columns) == ["caller"]


def test_an_error_is_underlined_whatever_the_options(shell: Any) -> None:
    """The place is that of the query below, however many options stand above it."""
    graph = Graph(BadInput("Syntax error in line 1, column 3.", next_step="Correct it."))
    error = run(shell, graph, "%%sparql --limit 5 --graph --as-of 15m --to x\nSELEC ?a\n")
    assert error._render_traceback_()[1:3] == ["    SELEC ?a", "      ^"]
    assert "x" not in shell.user_ns


def test_a_mistyped_option_names_the_one_that_was_meant(shell: Any) -> None:
    """The sentence names the nearest option, and nothing is asked."""
    graph = Graph()
    error = run(shell, graph, "%%sparql --grahp\nSELECT * {}\n")
    assert "--graph" in error.next_step
    assert graph.asked == []


def test_a_variable_in_a_line_is_bound_and_never_pasted(shell: Any) -> None:
    """IPython's own filling in of braces, which escapes nothing, does not reach the query."""
    graph = Graph()
    shell.user_ns["x"] = '" } #'
    run(shell, graph, "answer = %sparql ASK { ?s ?p {x} }")
    assert graph.asked == ['ASK { ?s ?p "\\" } #" }']


def test_entities_are_listed(shell: Any) -> None:
    """%entities takes a kind, a pattern and a variable, options before or after the kind."""
    graph = Graph()
    for line in ("%entities Service --name ca* --to held", "%entities --name ca* --to held Service"):
        table = run(shell, graph, line)
        assert table.to_numpy().tolist() == [["Service", "ca*"]]
        assert shell.user_ns["held"] is table


def test_an_answer_that_was_cut_says_so(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever sees the first rows only is told."""
    graph = Graph()
    cut = pd.DataFrame({"a": [1]})
    cut.attrs["truncated"] = True
    graph.ask = lambda *_, **__: cut  # type: ignore[method-assign]  # the fake's own answer
    run(shell, graph, "%sparql --limit 1 SELECT ?a {}")
    assert "Only the first 1 rows" in capsys.readouterr().out


def test_variables_are_bound_as_terms() -> None:
    """Strings, numbers, times, IRIs and entities each take their SPARQL form; nothing else does."""
    cart = Entity(service("cart"), "Service", "cart")
    assert term(cart) == f"<{cart.iri}>"
    assert term(datetime(2026, 1, 1, tzinfo=UTC)) == (
        '"2026-01-01T00:00:00+00:00"^^<http://www.w3.org/2001/XMLSchema#dateTime>'
    )
    assert term(0.5) == '"0.5"^^<http://www.w3.org/2001/XMLSchema#double>'
    for value in ([1], None, {"a": 1}, object()):
        with pytest.raises(BadInput, match="no place in a query"):
            term(value)


HOSTILE = (
    '" } INSERT DATA { <a> <b> <c> } #',
    'x" . ?s ?p ?o . } UNION { ?a ?b "',
    "\\",
    '\\"',
    "line\nbreak\r\t\x00\x1f",
    "'''\"\"\"",
    "{payload}",
    "\u2028\ud800",
    "# comment",
    "> <urn:x",
)


@pytest.mark.parametrize("payload", HOSTILE)
def test_no_value_can_change_a_query(payload: str) -> None:
    """A parser finds exactly one literal with exactly this text, whatever the text."""
    text = bound("SELECT (?x AS ?y) { VALUES ?x { {payload} } }", {"payload": payload})
    if "\ud800" in payload:
        return  # no parser takes a lone surrogate; it is written as an escape, which is refused
    rows = list(pyoxigraph.Store().query(text))
    assert [row["y"].value for row in rows] == [payload]


@pytest.mark.parametrize("iri", ["urn:x> } #", "urn:a b", "no-colon", 'urn:"', "urn:\n"])
def test_an_iri_with_foreign_characters_is_refused(iri: str) -> None:
    """An IRI is never escaped into place: it is one, or it is refused."""
    with pytest.raises(BadInput, match="is not an IRI"):
        bound("SELECT * { {iri} ?p ?o }", {"iri": Iri(iri)})


@pytest.mark.parametrize(
    "query", ['SELECT * { ?s ?p "{name}" }', "SELECT * { ?s ?p '{name}' }", 'SELECT * { ?s ?p """{name}""" }']
)
def test_a_variable_inside_quotes_is_refused(query: str) -> None:
    """Filling in between quotes would let the value leave them."""
    with pytest.raises(BadInput, match="cannot be filled in safely"):
        bound(query, {"name": '" ; drop'})


def test_braces_of_sparql_are_left_alone() -> None:
    """Groups, IRIs with braces in comments and strings without names stay as they were typed."""
    query = 'SELECT * { { ?s ?p "a{ }b" } # {note}\n }'
    assert bound(query, {}) == query


def test_an_unknown_variable_is_named(shell: Any) -> None:
    """The sentence says which name is missing and that the query was not sent."""
    graph = Graph()
    error = run(shell, graph, "%%sparql\nSELECT * { {nobody} ?p ?o }\n")
    assert "nobody" in str(error)
    assert graph.asked == []


def test_a_syntax_error_is_underlined_without_a_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What a person sees is the sentence, their own line with a mark under the place, and the next step."""
    graph = Graph(BadInput("Syntax error in line 2, column 7: a variable is expected.", next_step="Correct line 2."))
    error = run(shell, graph, "%%sparql\nSELECT ?a\nWHERE  ?a\n")
    shown = "\n".join(error._render_traceback_())
    assert shown.splitlines()[1:3] == ["    WHERE  ?a", "          ^"]
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    assert "Next: Correct line 2." in printed


def test_a_place_outside_the_query_is_not_underlined() -> None:
    """A wrong line number marks nothing rather than the wrong thing."""
    assert underlined("SELECT", "error at 9:1") == []
    assert underlined("SELECT", "no place") == []
