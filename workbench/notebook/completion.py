"""Completion while one types: words of the ontology in a `%%sparql` cell, names of things after `wb.graph.around("`.

It is a matcher of IPython's own completer, so that a terminal, JupyterLab and any other front end have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ontology.iris import PREFIXES
from ontology.loader import vocabulary

Names = Callable[[str], Sequence[str]]

_SPARQL = re.compile(r"\s*%%sparql\b|.*(?<![\w%])%sparql\b", re.DOTALL)
_WORD = re.compile(r"[?{$]?[\w:.-]*$")
_CLASS_NEXT = re.compile(r"(?:(?<![\w?$:])a|rdf:type)\s+$")
_NAMED = re.compile(
    r"\bgraph\.(?:around|blast_radius|path|diff)\("  # the word,
    r"(?:[^()\"']|\"[^\"]*\"|'[^']*')*?"  # what was given before,
    r"[\"']([^\"'\n]*)$"  # and a string that is still open
)


@cache
def words() -> dict[str, str]:
    """Return the ontology's words, each with its sort: `class` or `property`."""
    from rdflib import OWL, RDF, RDFS

    held = vocabulary()
    sorts = {
        "class": (OWL.Class, RDFS.Class),
        "property": (OWL.ObjectProperty, OWL.DatatypeProperty, RDF.Property, OWL.AnnotationProperty),
    }
    found = {"rdfs:label": "property"}
    for sort, types in sorts.items():
        for term in {term for each in types for term in held.subjects(RDF.type, each)}:
            if short := _short(str(term)):
                found[short] = sort
    return dict(sorted(found.items()))


def register(shell: Any, names: Names, options: Sequence[str]) -> None:
    """Teach the shell's completer; once for each shell, whoever was asked before is replaced."""
    from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

    completer = getattr(shell, "Completer", None)
    if completer is None:
        return

    @context_matcher(identifier="workbench", priority=200)  # type: ignore[untyped-decorator]  # IPython's own
    def workbench(context: CompletionContext) -> Any:
        lines = context.full_text.split("\n")[: context.cursor_line]
        before = "\n".join([*lines, context.text_until_cursor])
        fragment, found = completions(before, names, options, context.full_text)
        return {
            "completions": [SimpleCompletion(text, type=sort) for text, sort in found],
            "matched_fragment": fragment,
            "suppress": bool(found),
            "ordered": True,
        }

    kept = [each for each in completer.custom_matchers if getattr(each, "matcher_identifier", "") != "workbench"]
    completer.custom_matchers[:] = [*kept, workbench]


def completions(
    before: str, names: Names, options: Sequence[str] = (), whole: str = ""
) -> tuple[str, list[tuple[str, str]]]:
    """Return what is being written at the end of the text, and (completion, its sort) for it; none where not ours.

    Args:
        before: the text up to the cursor.
        names: gives names of things that begin so.
        options: of the magic.
        whole: all of the cell, for its variables.
    """
    if found := _NAMED.search(before):
        return found[1], [(each, "entity") for each in names(found[1])]
    if not _SPARQL.match(before):
        return "", []
    match = _WORD.search(before)
    fragment = match[0] if match else ""
    if fragment.startswith("-") and "\n" not in before:
        return fragment, [(each, "option") for each in options if each.startswith(fragment)]
    if fragment.startswith("?"):
        variables = dict.fromkeys(re.findall(r"\?\w+", whole.replace(fragment, "", 1) if fragment == "?" else whole))
        return fragment, [(each, "variable") for each in variables if each.startswith(fragment) and each != fragment]
    return fragment, _terms(fragment, classes_only=bool(_CLASS_NEXT.search(before[: len(before) - len(fragment)])))


def _terms(fragment: str, *, classes_only: bool) -> list[tuple[str, str]]:
    """Return the words that begin so, with or without their prefix, letter case aside."""
    if not fragment:
        return []
    start = fragment.lower()
    return [
        (word, sort)
        for word, sort in words().items()
        if (word.lower().startswith(start) or word.partition(":")[2].lower().startswith(start))
        and (sort == "class" or not classes_only)
    ]


def _short(iri: str) -> str:
    for prefix, namespace in PREFIXES.items():
        name = iri.removeprefix(namespace)
        if name != iri and name.count(".") < 2:  # a short name may hold one dot only
            return f"{prefix}:{name}"
    return ""
