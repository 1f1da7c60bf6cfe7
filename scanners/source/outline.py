"""What a syntax tree comes to, whatever its language: functions, calls, looks into objects, assignments, strings.

`tree_code` writes an outline, `flow_code` follows the values in it. A function is its index, the module is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanners.source.nouns import Symbol


@dataclass(frozen=True, slots=True)
class Argument:
    """What is handed to a call."""

    start: int
    end: int
    literal: str | None = None
    name: str | None = None
    """Last word of a name that is handed on."""
    out: bool = False
    """Its address is handed over: the call may write to it."""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what is called, as written, without spaces."""

    callee: str
    arguments: tuple[Argument, ...]
    start: int
    end: int
    line: int
    function: int


@dataclass(frozen=True, slots=True)
class Look:
    """A look into an object by key: `env["X"]`, `env.X`, `{X} = env`."""

    object: str
    key: Argument
    start: int
    end: int
    line: int
    function: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name is given a value."""

    name: str
    local: bool
    """A plain name: seen in its function only."""
    value: Argument
    text: str
    function: int
    block: tuple[int, int] = (0, 0)
    """Where the name surely holds this value afterwards; nowhere when it is one value beside others."""
    declared: bool = True
    """False when a plain name is given a value and may be declared elsewhere."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as calls see it."""

    name: str
    scope: str
    """Class or receiver; empty for a free function."""
    parameters: tuple[str, ...]
    parent: int
    span: tuple[int, int] = (0, 0)
    """Where it begins and ends."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string: where something is filled in stands a NUL."""

    start: int
    text: str
    line: int
    function: int


@dataclass(slots=True)
class Outline:
    """What stands in a file, in its order. A function is its index in `functions`, the module is 0."""

    symbols: list[Symbol] = field(default_factory=lambda: [Symbol("", 1, 1)])
    functions: list[Function] = field(default_factory=lambda: [Function("", "", (), 0)])
    calls: list[Call] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    returns: list[tuple[Argument, int]] = field(default_factory=list)
    """What functions give back."""
    makers: list[Function] = field(default_factory=list)
    """Constructors that stand in the head of their class."""
    words: list[tuple[int, str]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    defaults: dict[tuple[int, int], str] = field(default_factory=dict)
    """Place of an expression to the literal that is taken where it has no value."""
    members: dict[int, str] = field(default_factory=dict)
    """Place of a word that is a member to the word before: 8 to `config` for `config.url`."""
    tags: list[tuple[str, int, int, str]] = field(default_factory=list)
    """Variable, line, function, and the field or parameter that is tagged; empty when it is not to be seen."""
