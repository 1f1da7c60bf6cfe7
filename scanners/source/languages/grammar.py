"""A language as data: its node types, and how its programs read the environment. One walker reads them all."""

from __future__ import annotations

import importlib
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

SECONDS = 10.0
"""Seconds that one file may take to parse."""
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Language:
    """The nodes of a grammar by what they mean, and patterns over the text of what is called, its spaces taken out."""

    name: str
    suffixes: tuple[str, ...]
    grammar: tuple[str, str]
    """Python module of the grammar, and its function that returns it."""
    functions: frozenset[str] = frozenset()
    lambdas: frozenset[str] = frozenset()
    """Functions without a name, called after what they are assigned to."""
    scopes: frozenset[str] = frozenset()
    """What qualifies the name of a function: classes, receivers, modules."""
    definers: frozenset[str] = frozenset()
    """Calls that define a function (Elixir's `def`)."""
    calls: frozenset[str] = frozenset()
    arguments: frozenset[str] = frozenset()
    wrappers: frozenset[str] = frozenset({"argument", "value_argument", "parenthesized_expression"})
    """Nodes around an expression that change nothing."""
    subscripts: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    assignments: frozenset[str] = frozenset()
    declares: frozenset[str] = frozenset()
    """Assignments that declare their name; empty where every assignment does."""
    strings: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset({"identifier"})
    skipped: frozenset[str] = frozenset({"comment", "line_comment", "block_comment"})
    reads: re.Pattern[str] = _NEVER
    """Functions whose first argument names a variable of the environment."""
    environments: re.Pattern[str] = _NEVER
    """Objects that are the environment: `process.env`."""
    settings: re.Pattern[str] = _NEVER
    """Objects and functions of configuration that hold the environment among others: asked for an UPPER_CASE name."""
    bound: re.Pattern[str] = _NEVER
    """Functions that bind variables to a key: all arguments but the first name one, the only one in CAPITALS or not."""
    derived: tuple[tuple[re.Pattern[str], str], ...] = ()
    """Functions of configuration, and the variable that stands for the key that they are asked for, `{}` in it."""
    foreign: re.Pattern[str] = _NEVER
    """Names in the environment object that are of no environment: what a web server says of a request."""
    tags: tuple[tuple[str, re.Pattern[str]], ...] = field(default=())
    """Node type, and the variable in its text: struct tags, annotations."""
    inlined: re.Pattern[str] = _NEVER
    """A name inside a string where the grammar sees only text: Rust's `"{name}"`, Kotlin's `"$name"`."""
    prose: re.Pattern[str] = _NEVER
    """How an expression begins that reads nothing: Elixir's `@doc "..."`, JavaScript's `delete`."""
    imported: re.Pattern[str] = _NEVER
    """Text that gives the environment object a short name; the group is the name, `env` where there is none."""
    clients: re.Pattern[str] = _NEVER
    """What makes or uses a client, beyond what all languages call so."""


def types(words: str) -> frozenset[str]:
    """Return words as a set of node types.

    >>> sorted(types("call index"))
    ['call', 'index']
    """
    return frozenset(words.split())


@lru_cache(maxsize=32)
def _parser(module: str, function: str) -> Parser:
    """Return the parser of a grammar; the grammar is loaded at its first file."""
    import tree_sitter

    return tree_sitter.Parser(tree_sitter.Language(getattr(importlib.import_module(module), function)()))


def parse(source: bytes, language: Language) -> Tree:
    """Return the syntax tree of a source text; what is wrong in it stands in ERROR nodes.

    Raises:
        ValueError: it took too long.
    """
    end = time.monotonic() + SECONDS
    parser = _parser(*language.grammar)

    def late(_offset: int, _error: bool) -> bool:
        return time.monotonic() > end

    try:
        return parser.parse(lambda at, _point: source[at : at + 65_536], progress_callback=late)
    except ValueError:
        parser.reset()
        raise ValueError(f"took longer than {SECONDS:g} seconds to parse") from None
