"""The cell magic `%%sparql`: a question to the graph, its answer a DataFrame.

    %%sparql --to callers
    SELECT ?caller WHERE { ?service wb:calls {payment} ; rdfs:label ?caller }

`{payment}` is a Python variable: an `Iri` or `Entity` becomes an IRI, a string, number, truth value or time a literal,
escaped, so that no value can change the query. The graph is reached only through the function handed to `register`.
"""

from __future__ import annotations

import argparse
import keyword
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from ontology.errors import BadInput, PersonError
from ontology.nouns import Entity, Iri, utc

if TYPE_CHECKING:
    import pandas as pd

Ask = Callable[[str], "pd.DataFrame"]
EXAMPLE = "%%sparql --to answer"

_TOKEN = re.compile(
    r'(?P<text>"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')'
    r"|(?P<iri><[^<>\"{}|^`\\\s]*>)|(?P<note>#[^\n]*)|\{(?P<name>[A-Za-z_]\w*)\}",
    re.DOTALL,
)
_HOLE = re.compile(r"\{[A-Za-z_]\w*\}")
_BAD_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_PLACE = re.compile(r"\bline (\d+),? col(?:umn)? (\d+)|\b(?:at )?(\d+):(\d+)\b", re.IGNORECASE)


class QueryProblem(BadInput):
    """A query that could not be answered, shown as sentences with the place underlined and no traceback."""

    def __init__(self, problem: str, *, next_step: str, query: str = "") -> None:
        """Keep the query, to point into it."""
        super().__init__(problem, next_step=next_step)
        self.query = query

    def _render_traceback_(self) -> list[str]:
        marked = [] if "^" in self.problem else underlined(self.query, self.problem)
        return [self.problem.rstrip(), *marked, f"Next: {self.next_step}"]


def underlined(query: str, problem: str) -> list[str]:
    r"""Return the line of the query that the problem names, and a mark under the place; empty where it names none.

    >>> underlined("SELECT ?a\nWERE {}", "expected WHERE at line 2 column 1")
    ['    WERE {}', '    ^']
    """
    found = _PLACE.search(problem)
    lines = query.splitlines()
    if not found:
        return []
    line, column = (int(part) for part in found.groups() if part)
    if not 1 <= line <= len(lines):
        return []
    shown = lines[line - 1].replace("\t", " ")
    return [f"    {shown}", f"    {' ' * min(max(column - 1, 0), len(shown))}^"]


def term(value: object, name: str = "value") -> str:
    r"""Return a Python value as a SPARQL term that stays one term whatever it holds.

    Raises:
        BadInput: the value has no SPARQL form, or is an IRI with characters that an IRI cannot have.

    >>> term('say "hi"\n'), term(True), term(2), term(Iri("urn:x"))
    ('"say \\"hi\\"\\n"', 'true', '2', '<urn:x>')
    """
    match value:
        case Entity():
            return term(value.iri, name)
        case Iri():
            if _BAD_IN_IRI.search(value) or ":" not in value:
                raise BadInput(f"{{{name}}} is not an IRI: {str(value)!r}.", next_step="Make it with ontology.iris.")
            return f"<{value}>"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return f'"{value!r}"^^<http://www.w3.org/2001/XMLSchema#double>'
        case datetime():
            return f'"{utc(value).isoformat()}"^^<http://www.w3.org/2001/XMLSchema#dateTime>'
        case str():
            return f'"{"".join(map(_escaped, value))}"'
    raise BadInput(
        f"{{{name}}} is a {type(value).__name__}, which has no place in a query.",
        next_step="Bind a string, a number, a time, an Iri or an Entity.",
    )


def _escaped(character: str) -> str:
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if character in short:
        return short[character]
    return f"\\u{ord(character):04x}" if ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 else character


def bound(query: str, variables: Mapping[str, object]) -> str:
    """Return the query with each `{name}` replaced by the variable's term.

    Raises:
        BadInput: no such variable, a value without a SPARQL form, or a `{name}` inside quotes.

    >>> bound("SELECT ?x { ?x rdfs:label {label} }", {"label": "cart"})
    'SELECT ?x { ?x rdfs:label "cart" }'
    """

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            hole = _HOLE.search(match[0])
            if hole and not match["note"]:
                raise BadInput(
                    f"{hole[0]} stands inside {match[0]!r}, where it cannot be filled in safely.",
                    next_step=f"Write {hole[0]} without the quotes around it: they are added.",
                )
            return match[0]
        if name not in variables:
            raise BadInput(f"There is no variable {name!r}.", next_step=f"Set it in a cell above: {name} = …")
        return term(variables[name], name)

    return _TOKEN.sub(replaced, query)


class _Options(argparse.ArgumentParser):
    """Options of the magic; a mistake raises instead of ending the kernel."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"%%sparql cannot read its options: {message}.", next_step=f"Write it as in: {EXAMPLE}")


def _options() -> _Options:
    parser = _Options(prog="%%sparql", add_help=False)
    parser.add_argument("--to", default="", metavar="NAME", help="keep the answer in this variable")
    parser.add_argument("query", nargs=argparse.REMAINDER)
    return parser


def read(line: str, cell: str | None) -> tuple[str, str]:
    """Return (query, variable to keep the answer in) of a magic's line and cell.

    Raises:
        BadInput: unknown option, a name that is not a variable's, or no query.
    """
    head = re.match(r"\s*(--to(?:\s+|=)\S+|--to)?\s*", line)
    option, rest = (head[0], line[head.end() :]) if head else ("", line)
    given = _options().parse_args(shlex.split(option) + ([rest] if rest else []))
    if given.to and (not given.to.isidentifier() or keyword.iskeyword(given.to)):
        raise BadInput(f"{given.to!r} cannot be a variable's name.", next_step=f"Choose another: {EXAMPLE}")
    if rest.startswith("-"):
        raise BadInput(f"%%sparql has no option {rest.split()[0]!r}.", next_step=f"Write it as in: {EXAMPLE}")
    query = rest if cell is None else f"{rest}\n{cell}" if rest.strip() else cell
    if not query.strip():
        raise BadInput("There is no query.", next_step="Write one below: SELECT ?caller WHERE { ?a wb:calls ?b }")
    return query, given.to


def register(shell: Any, ask: Ask) -> None:
    """Make `%sparql` and `%%sparql` known to an IPython shell.

    Args:
        shell: the running `InteractiveShell`.
        ask: answers one SPARQL text with a DataFrame; raises `PersonError` for what a person can mend.
    """

    def sparql(line: str, cell: str | None = None) -> pd.DataFrame:
        """Ask the graph: %%sparql [--to NAME], the query below; {name} is a Python variable."""
        query = cell or line
        try:
            text, keep = read(line, cell)
            query = text = bound(text, shell.user_ns)
            answer = ask(text)
        except PersonError as error:
            raise QueryProblem(error.problem, next_step=error.next_step, query=query) from None
        if keep:
            shell.user_ns[keep] = answer
        return answer

    shell.register_magic_function(sparql, "line_cell", "sparql")
