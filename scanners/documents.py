"""The YAML and JSON files of a folder, each read within bounds or set aside; and what configuration they carry inside.

A config map holds whole files as text: `carried` yields those too, so that a dashboard or a flag file is found wherever
it is kept. JSON is parsed here, since tabs are no YAML; the worker of `bounded` says on which line each value stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanners import bounded
from scanners.bounded import Document
from scanners.protocol import Problem

DEPTH = 100
"""Levels of nesting."""
_HELM = re.compile(
    r"\{\{-?\s*(?:[.(]|\$\.|(?:if|else|end|range|with|include|template|define|toYaml|tpl|default|printf)\b)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder held."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()


def documents(target: Path, suffixes: Sequence[str], wanted: Callable[[str], bool]) -> Found:
    """Return the documents of the files with one of the suffixes whose text is wanted.

    Raises:
        NotFound, NotAllowed: the target cannot be listed.
    """
    read: list[Document] = []
    problems: list[Problem] = []
    skipped: list[Problem] = []
    with bounded.Parser() as parser:
        for path in bounded.files(bounded.folder(target), *suffixes):
            name = bounded.shown(path, target)
            text = bounded.text_of(path, name)
            if isinstance(text, Problem):
                problems.append(text)
            elif wanted(text):
                found = parsed(text, name, parser)
                if not isinstance(found, Problem):
                    read += found
                elif _HELM.search(text):
                    skipped.append(Problem(name, "a template: render it first (helm template)"))
                else:
                    problems.append(found)
    return Found(tuple(read), tuple(problems), tuple(skipped))


def parsed(text: str, name: str, parser: bounded.Parser) -> tuple[Document, ...] | Problem:
    """Return the documents of a text, or why it is set aside."""
    if not name.endswith(".json"):
        return parser.parse(text, name)
    content = json_of(text)
    if isinstance(content, str):
        return Problem(name, content)
    placed = parser.parse(text, name)
    lines = placed[0].lines if not isinstance(placed, Problem) and len(placed) == 1 else {}
    return (Document(name, content[0], lines),)


def json_of(text: str) -> tuple[Any] | str:
    """Return the value of a JSON text, or why there is none.

    >>> json_of('{"a": 1}'), json_of("[" * 200 + "]" * 200)
    (({'a': 1},), 'nests deeper than 100 levels')
    """
    try:
        value = json.loads(text)
    except RecursionError:
        return f"nests deeper than {DEPTH} levels"
    except ValueError as error:
        return f"no JSON: {error}"
    return f"nests deeper than {DEPTH} levels" if depth(value) > DEPTH else (value,)


def depth(value: Any) -> int:
    """Return how many collections lie within each other.

    >>> depth({"a": [1]}), depth("a")
    (2, 0)
    """
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, level = waiting.pop()
        parts = each.values() if isinstance(each, dict) else each if isinstance(each, list) else None
        if parts is not None:
            deepest = max(deepest, level)
            waiting += [(part, level + 1) for part in parts]
    return deepest


def mappings(value: Any, *, without: frozenset[str] = frozenset()) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping in a value, outermost first; not what stands under the keys to leave out."""
    waiting = [value]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict):
            yield each
            waiting += [part for key, part in each.items() if key not in without]
        elif isinstance(each, list):
            waiting += each


def carried(document: Document) -> Iterator[tuple[str, str]]:
    """Yield key and text of each value of a config map, by the key it has there."""
    content = document.content
    if isinstance(content, dict) and content.get("kind") == "ConfigMap" and isinstance(content.get("data"), dict):
        for key, value in content["data"].items():
            if isinstance(value, str):
                yield str(key), value


def opened(found: Iterable[Document], wanted: Callable[[str], bool]) -> Iterator[Document]:
    """Yield documents, and after each those that it carries; what is broken in there is the config map's matter."""
    with bounded.Parser() as parser:
        for document in found:
            yield document
            for name, body in carried(document):
                inner = parsed(body, name, parser) if wanted(body) else ()
                place = {"": document.lines.get(f"data/{name}", 1)}
                for each in () if isinstance(inner, Problem) else inner:
                    yield Document(document.path, each.content, place)


def text(value: Any) -> str:
    """Return a scalar as text; empty for what is none.

    >>> text(True), text(3), text(None), text([1])
    ('true', '3', '', '')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def pairs(value: Any) -> dict[str, str]:
    """Return the scalar values of a mapping as text; empty for what is none."""
    return {str(key): text(part) for key, part in value.items()} if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; empty for what is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
