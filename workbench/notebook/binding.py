"""Python variables inside SPARQL: `{payment}` becomes one term, escaped, so that no value can change the query.

An `Iri` or `Entity` becomes an IRI; a string, number, truth value or time a literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ontology.errors import BadInput
from ontology.nouns import Entity, Iri, utc

_TOKEN = re.compile(
    r'(?P<text>"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')'
    r"|(?P<iri><[^<>\"{}|^`\\\s]*>)|(?P<note>#[^\n]*)|\{(?P<name>[A-Za-z_]\w*)\}",
    re.DOTALL,
)
_HOLE = re.compile(r"\{[A-Za-z_]\w*\}")
_BAD_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')


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
