"""The magics: `%%sparql`, a question to the graph, and `%entities`, what there is.

    %%sparql --to callers
    SELECT ?caller WHERE { ?service wb:calls {payment} ; rdfs:label ?caller }

    %entities Service --name cart*

`{payment}` is a Python variable, bound as one term (`binding`). The graph is reached only through what is handed to
`register`.
"""

from __future__ import annotations

import difflib
import keyword
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ontology.errors import BadInput, PersonError
from workbench.notebook import completion
from workbench.notebook.binding import bound

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "%%sparql --to answer --limit 100"
OPTIONS = {
    "--to": "keep the answer in this variable",
    "--graph": "draw the things of the answer, and the facts that join them",
    "--as-of": "ask of the graph as it was then: a time, 15m (ago), alert, alert-30m",
    "--limit": "at most so many rows",
    "--timeout": "seconds",
}
_FLAGS = ("--graph",)
_OPTION = re.compile(r"""\s*(?P<name>-[\w-]*)(?:=|\s+|$)""")
_VALUE = re.compile(r"""("[^"]*"|'[^']*'|[^\s-]\S*)(?:\s+|$)""")
_PLACE = re.compile(r"\bline (\d+),? col(?:umn)? (\d+)|\b(?:at )?(\d+):(\d+)\b", re.IGNORECASE)


class Graph(Protocol):
    """What answers."""

    def ask(self, text: str, *, as_of: str = "", limit: int = 0, timeout: float = 0.0) -> pd.DataFrame:
        """Answer one SPARQL text; raise `PersonError` for what a person can mend."""
        ...

    def drawn(self, table: pd.DataFrame, *, as_of: str = "") -> object:
        """Return what shows the things of that answer."""
        ...

    def entities(self, kind: str = "", name: str = "") -> pd.DataFrame:
        """List what there is."""
        ...

    def names(self, start: str) -> Sequence[str]:
        """Return names of things that begin so."""
        ...


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


@dataclass(frozen=True, slots=True)
class Request:
    """A cell or a line, read: its query and how it is to be answered."""

    query: str
    to: str = ""
    graph: bool = False
    as_of: str = ""
    limit: int = 0
    timeout: float = 0.0


def read(line: str, cell: str | None = None) -> Request:
    """Read a magic's line and cell: options first, then the query.

    Raises:
        BadInput: an unknown option, a value that it cannot have, or no query.

    >>> read("--to calls --limit 5", "SELECT * {}").limit
    5
    """
    given, rest = _given(line)
    query = rest if cell is None else f"{rest}\n{cell}" if rest.strip() else cell
    if not query.strip():
        raise BadInput("There is no query.", next_step="Write one below: SELECT ?caller WHERE { ?a wb:calls ?b }")
    return Request(
        query,
        to=_variable(given.get("--to", "")),
        graph="--graph" in given,
        as_of=given.get("--as-of", ""),
        limit=int(_number(given, "--limit", whole=True)),
        timeout=_number(given, "--timeout"),
    )


def register(shell: Any, graph: Graph) -> None:
    """Make `%sparql`, `%%sparql` and `%entities` known to an IPython shell, and what completes them.

    Args:
        shell: the running `InteractiveShell`.
        graph: answers.
    """
    from IPython.core.magic import no_var_expand

    def sparql(line: str, cell: str | None = None) -> object:
        """Ask the graph: %%sparql [--to NAME] [--graph] [--as-of TIME] [--limit N] [--timeout S], the query below.

        {name} is a Python variable.
        """
        query = cell or line
        try:
            asked = read(line, cell)
            query = text = bound(asked.query, shell.user_ns)
            answer = graph.ask(text, as_of=asked.as_of, limit=asked.limit, timeout=asked.timeout)
            if answer.attrs.get("truncated"):
                more = "" if asked.limit else " Narrow the query, or set --limit."
                sys.stdout.write(f"Only the first {len(answer):,} rows; there are more.{more}\n")
            if asked.to:
                shell.user_ns[asked.to] = answer
            return graph.drawn(answer, as_of=asked.as_of) if asked.graph else answer
        except PersonError as error:
            raise QueryProblem(error.problem, next_step=error.next_step, query=query) from None

    def entities(line: str) -> object:
        """List what there is: %entities [KIND] [--name PATTERN] [--to NAME]."""
        given, kind = _given(line, ("--name", "--to"))
        if not given:  # options may stand after the kind as well
            kind, _, after = line.strip().partition(" ")
            given, _ = _given(after, ("--name", "--to"))
        answer = graph.entities(kind.strip(), given.get("--name", ""))
        if to := _variable(given.get("--to", "")):
            shell.user_ns[to] = answer
        return answer

    # A brace is SPARQL's; and what IPython would put in its place is not escaped.
    shell.register_magic_function(no_var_expand(sparql), "line_cell", "sparql")
    shell.register_magic_function(no_var_expand(entities), "line", "entities")
    completion.register(shell, graph.names, tuple(OPTIONS))


def _given(line: str, known: Sequence[str] = tuple(OPTIONS)) -> tuple[dict[str, str], str]:
    """Return the options at the beginning of the line, and the rest of it."""
    given: dict[str, str] = {}
    rest = line
    while found := _OPTION.match(rest):
        name, rest = found["name"], rest[found.end() :]
        if name not in known:
            alike = difflib.get_close_matches(name, known, 1)
            meant = f"Did you mean {alike[0]}? " if alike else ""
            raise BadInput(f"There is no option {name!r}.", next_step=f"{meant}Known are {', '.join(known)}.")
        value = None if name in _FLAGS else _VALUE.match(rest)
        if name not in _FLAGS and value is None:
            raise BadInput(f"The option {name} needs a value.", next_step=f"Write it as in: {EXAMPLE}")
        given[name] = value[1].strip("\"'") if value else ""
        rest = rest[value.end() :] if value else rest
    return given, rest


def _variable(name: str) -> str:
    if name and (not name.isidentifier() or keyword.iskeyword(name)):
        raise BadInput(f"{name!r} cannot be a variable's name.", next_step=f"Choose another: {EXAMPLE}")
    return name


def _number(given: dict[str, str], name: str, *, whole: bool = False) -> float:
    text = given.get(name, "")
    if not text:
        return 0.0
    if not re.fullmatch(r"[1-9]\d{0,8}" if whole else r"\d{1,6}(?:\.\d+)?", text) or not float(text):
        what = "a whole number" if whole else "a number"
        raise BadInput(f"{name} {text!r} is not {what} above 0.", next_step=f"Write it as in: {EXAMPLE}")
    return float(text)
