"""Which free-form SPARQL is let in: queries of our own graph, and nothing that reaches out or writes.

The store's parser takes `SERVICE` for a request over the network. Whether a word is that clause or lies in a string, a
comment or an IRI depends on where each of those begins, and `<` begins an IRI in one place and is less-than in another:
`FILTER(?a<'x>'||true) SERVICE <...> {...} FILTER(?b='')` hides a clause from a reader who takes `<'x>` for an IRI. So
the text is read in every way at once, and refused when any reading finds the clause.
"""

from __future__ import annotations

import re

from ontology.errors import BadInput, NotAllowed

LONGEST = 50_000
"""Characters of a query; more is a mistake."""

_GAP = r"(?:[ \t\r\n]|\#[^\r\n]*[\r\n])*"
_NAME = r"""(?:<[^\x00-\x20<>]*>|[^\x00-\x20<>{}"':]*:(?:[^\x00-\x20{}\\\#]|\\.)*)"""
_SERVICE = re.compile(rf"SERVICE{_GAP}(?:SILENT{_GAP})?(?:[?$]\w+|{_NAME}){_GAP}\{{", re.IGNORECASE)
_FROM = re.compile(rf"FROM{_GAP}(?:NAMED{_GAP})?{_NAME}", re.IGNORECASE)
_PROLOGUE = re.compile(rf"{_GAP}(?:(?:PREFIX{_GAP}[^\s:]*:{_GAP}<[^>]*>|BASE{_GAP}<[^>]*>){_GAP})*(\w*)", re.IGNORECASE)
_UPDATES = frozenset(["INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"])
_QUERIES = frozenset(["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"])
_OWN = ("bif:", "sql:")
"""Prefixes that Virtuoso knows without a declaration."""
_TARGET = r"(?:SILENT\b|GRAPH\b|DEFAULT\b|NAMED\b|ALL\b|<)"
_UPDATE = re.compile(
    rf"(?:(?:INSERT|DELETE){_GAP}(?:DATA\b|WHERE\b|INTO\b|FROM\b|\{{)|"
    rf"(?:LOAD|CLEAR|DROP|CREATE|ADD|MOVE|COPY){_GAP}{_TARGET}|WITH{_GAP}<)",
    re.IGNORECASE,
)
"""An update behind a query, which some engine may take for two requests."""

_WORD = re.compile(r"(?:[\w:%.-]|\\.)+")
_VARIABLE = re.compile(r"[?$]\w+")
_IRI = re.compile(r"<[^\x00-\x20<>]*>")  # generous: the other reading is followed too
_COMMENT = re.compile(r"#[^\r\n]*")
_STRINGS = (  # the long ones first, as the store's parser tries them
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""', re.DOTALL),
    re.compile(r"'''(?:[^'\\]|\\.|'(?!''))*'''", re.DOTALL),
    re.compile(r'"(?:[^"\\\r\n]|\\.)*"'),
    re.compile(r"'(?:[^'\\\r\n]|\\.)*'"),
)


def admit(sparql: str) -> None:
    """Let the query pass, or say why not. Its syntax is checked later, by the store's own parser.

    Raises:
        BadInput: an empty or a far too long text.
        NotAllowed: an update, a request to another server, or a data set of its own.

    >>> admit("SELECT * { ?s rdfs:label 'SERVICE <http://x> {}' }  # LOAD <y>")
    """
    if not sparql.strip():
        raise BadInput("The query is empty.", next_step="Try: SELECT ?service { ?service a wb:Service }")
    if len(sparql) > LONGEST:
        raise BadInput(f"The query is longer than {LONGEST:,} characters.", next_step="Ask a shorter one.")
    if opening(sparql) in _UPDATES:
        raise _changes(opening(sparql))
    for start, end in _words(sparql):
        _check(sparql, start, end)


def admit_elsewhere(sparql: str) -> None:
    """Let a query that was admitted pass to an engine elsewhere, which may read more into it than our own parser does.

    Raises:
        NotAllowed: it does not begin as a query does (Virtuoso's `define` fetches), or calls functions of the engine.
    """
    if opening(sparql) not in _QUERIES:
        raise NotAllowed("This begins no query.", next_step="Begin with SELECT, ASK, CONSTRUCT or DESCRIBE.")
    words = (sparql[start:end].lower() for start, end in _words(sparql))
    if any(each.startswith(_OWN) for each in words) or re.search(r"<(?:bif|sql):", sparql, re.IGNORECASE):
        raise NotAllowed("bif: and sql: call into the engine itself.", next_step="Use the functions of SPARQL 1.1.")


def opening(sparql: str) -> str:
    """Return the word that the query begins with, after its prefixes, in capitals."""
    first = _PROLOGUE.match(sparql)
    return first[1].upper() if first else ""


def _changes(word: str) -> NotAllowed:
    return NotAllowed(
        f"{word} changes a graph; a query may only read.",
        next_step="Ask with SELECT, ASK, CONSTRUCT or DESCRIBE; facts come in by workbench scan.",
    )


def _check(text: str, start: int, end: int) -> None:
    """Refuse a clause that begins within this word of the code."""
    word = text[start:end].upper()
    # Anywhere in the word: the parser needs no space before a keyword, `1SERVICE<...>` is two tokens.
    for found in re.finditer("SERVICE", word):
        if _SERVICE.match(text, start + found.start()):
            raise NotAllowed(
                "SERVICE would ask another server; a query may only read this graph.",
                next_step="Scan that source into the graph, and ask here.",
            )
    if word in _UPDATES and _UPDATE.match(text, start):
        raise _changes(word)
    if word.endswith("FROM") and ":" not in word and _FROM.match(text, end - 4):
        raise NotAllowed(
            "FROM would choose another data set; a query reads the union of all graphs.",
            next_step="Name one of our graphs inside the query: GRAPH <...> { ... }.",
        )


def _words(text: str) -> list[tuple[int, int]]:
    """Return every word that is code in some reading of the text: not in a string, a comment or an IRI."""
    words, seen, waiting = [], set[int](), [0]
    while waiting:
        at = waiting.pop()
        if at in seen or at >= len(text):
            continue
        seen.add(at)
        word = _WORD.match(text, at)
        if word:
            words.append(word.span())
        waiting.extend(_next(text, at, word))
    return words


def _next(text: str, at: int, word: re.Match[str] | None) -> list[int]:
    """Return where the next token may begin."""
    if word:
        return [word.end()]
    sign = text[at]
    if sign == "#":
        comment = _COMMENT.match(text, at)
        return [comment.end() if comment else at + 1]
    if sign in "?$":
        variable = _VARIABLE.match(text, at)
        return [variable.end() if variable else at + 1]
    if sign == "<":
        iri = _IRI.match(text, at)
        return [at + 1, iri.end()] if iri else [at + 1]
    if sign in "\"'":
        return [next((found.end() for kind in _STRINGS if (found := kind.match(text, at))), at + 1)]
    return [at + 1]
