"""Values in an outline, followed by name: what an expression is made of, what a name holds where it stands. Pure."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scanners.source.outline import Argument, Assignment, Call, Outline

_SPAN = 2_000
"""Bytes of an expression that are searched for names."""
_USES = re.compile(
    r"(?:(?:get|post|put|patch|delete)(?:_?for_?\w+|\w*async)?|head|request|fetch|open|send\w*|new_?request\w*)!?",
    re.IGNORECASE,
)
"""Clients whose result is an answer, not another client."""
_SETS = re.compile(r"(?:.*[.:>$@])?(\w+)(?:\.|->)(?:put|set\w*|add\w*|with\w*)")

_SETTINGS = re.compile(r"settings?|conf(?:ig\w*)?|cfg|options?|opts|env(?:ironment)?", re.IGNORECASE)
"""Objects that hold what a program takes from outside."""


@dataclass(slots=True)
class Found:
    """A call or look that reads a variable or a flag."""

    name: str
    line: int
    start: int
    end: int
    function: int
    default: str | None = None
    out: str | None = None
    """Name that the call writes the value to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from."""

    variables: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    client: bool = False

    def __or__(self, other: Origin) -> Origin:
        return Origin(self.variables | other.variables, self.texts | other.texts, self.client or other.client)


@dataclass(slots=True)
class Values:
    """What the names of one file hold."""

    source: Outline
    reads: dict[int, Found] = field(default_factory=dict)
    clients: dict[int, Call] = field(default_factory=dict)
    constructed: set[int] = field(default_factory=set)
    """Places of calls that construct a client class of the code's own."""
    others: Mapping[str, Origin] = field(default_factory=dict)
    """What the names of other files hold."""
    _held: dict[str, list[tuple[Assignment, Origin]]] = field(default_factory=dict)
    _given_here: set[str] = field(default_factory=set)
    _read_starts: list[int] = field(default_factory=list)
    _client_starts: list[int] = field(default_factory=list)
    _by_start: dict[int, list[Call]] = field(default_factory=dict)

    def calls_at(self, start: int) -> list[Call]:
        """Return the calls that begin at a place: `a()` and `a().b()` do at the same."""
        if not self._by_start:
            for call in self.source.calls:
                self._by_start.setdefault(call.start, []).append(call)
        return self._by_start.get(start, [])

    def words(self, start: int, end: int) -> list[tuple[int, str]]:
        """Return the names in a stretch of code; none of what is too long to be an expression."""
        if end - start > _SPAN:
            return []
        words = self.source.words
        return words[bisect.bisect_left(words, (start, "")) : bisect.bisect_left(words, (end, ""))]

    def texts(self, start: int, end: int) -> list[str]:
        """Return the strings in a stretch of code."""
        if end - start > _SPAN:
            return []
        texts = self.source.texts
        low = bisect.bisect_left(texts, start, key=lambda each: each.start)
        high = bisect.bisect_left(texts, end, key=lambda each: each.start)
        return [each.text for each in texts[low:high]]

    def behind(self, start: int, end: int, function: int) -> Origin:
        """Return where the value of a stretch of code comes from."""
        if end - start > _SPAN:
            return Origin()
        within = range(start, end)
        variables = frozenset(self.reads[at].name for at in self._starts(self._read_starts, within))
        origin = Origin(variables, frozenset(self.texts(start, end)))
        for at, name in self.words(start, end):
            if name in self._held:
                origin |= self.value_of(name, at, function)
            elif name in self.others and self._of_others(name, at):
                origin |= self.others[name]
        return origin

    @property
    def bound(self) -> set[str]:
        """Names that are given a value in this file."""
        if not self._given_here:
            self._given_here = {each.name for each in self.source.assignments} | {each[3] for each in self.source.tags}
            self._given_here |= {name for each in self.source.functions for name in each.parameters}
        return self._given_here

    def _of_others(self, name: str, at: int) -> bool:
        """Say whether a word means the name of another file: one word says it of settings only (`config.url`)."""
        if name in self.bound:
            return False
        several = re.search(r"[a-z0-9][A-Z]|\w_\w", name) is not None
        return several or _SETTINGS.search(self.source.members.get(at, "")) is not None

    def held_everywhere(self) -> dict[str, Origin]:
        """Return the names that hold nothing but variables, where another file can see them."""
        found: dict[str, Origin] = {}
        for name, several in self._held.items():
            seen = [origin for each, origin in several if not each.local or each.function == 0]
            if seen and len(seen) == len(several) and all(each.variables for each in seen):
                found[name] = Origin(frozenset().union(*(each.variables for each in seen)))
        return found

    def _starts(self, known: list[int], within: range) -> list[int]:
        return known[bisect.bisect_left(known, within.start) : bisect.bisect_left(known, within.stop)]

    def value_of(self, name: str, at: int, function: int) -> Origin:
        """Return where the value of a name comes from: its last assignment before, or else all that can be seen."""
        seen = [(each, origin) for each, origin in self._held.get(name, ()) if self._sees(each, function)]
        total = Origin()
        for each, origin in reversed(seen):
            if each.local and each.function == function and each.value.start < at:
                total |= origin
                if each.block[0] <= at < each.block[1]:
                    return total
        for each, origin in seen[:20]:
            if not each.local or each.function != function:
                total |= origin
        return total

    def _sees(self, assignment: Assignment, function: int) -> bool:
        if not assignment.local or assignment.function == 0:
            return True
        while function and function != assignment.function:
            function = self.source.functions[function].parent
        return function == assignment.function

    def given_to(self, assignment: Assignment) -> Origin | None:
        """Return what a client is told that a function gives back to a name; who knows functions says it."""
        return None

    def hold(self) -> None:
        """Work out once more what each name holds."""
        self._read_starts = sorted(self.reads)
        self._client_starts = sorted(
            at for at, call in self.clients.items() if at in self.constructed or not uses(call)
        )
        held: dict[str, list[tuple[Assignment, Origin]]] = {}
        for each in self.source.assignments:
            origin = self.behind(each.value.start, each.value.end, each.function)
            made = self._starts(self._client_starts, range(each.value.start, each.value.end))
            handed = bool(each.value.name) and origin.client
            origin = replace(origin, client=bool(made) or handed)
            origin |= self.given_to(each) or Origin()
            if origin.variables or origin.texts or origin.client:
                held.setdefault(each.name, []).append((each, origin))
        for name, _, function, holder in self.source.tags:
            if holder:
                value = Assignment(holder, False, Argument(0, 0), "", function)
                held.setdefault(holder, []).append((value, Origin(frozenset({name}))))
        for read in self.reads.values():
            if read.out:
                value = Assignment(read.out, False, Argument(read.start, read.end), "", read.function)
                held.setdefault(read.out, []).append((value, Origin(frozenset({read.name}))))
        for call in self.source.calls:
            if call.arguments and (match := _SETS.fullmatch(call.callee)):
                last = call.arguments[-1]
                origin = self.behind(last.start, last.end, call.function)
                if origin.variables:
                    one = Assignment(match[1], True, Argument(call.start, call.end), "", call.function)
                    held.setdefault(match[1], []).append((one, replace(origin, client=False)))
        self._held = held


def uses(call: Call) -> bool:
    """Say whether a call of a client gives an answer, not another client."""
    return _USES.fullmatch(last_word(call.callee)) is not None


def last_word(callee: str) -> str:
    """Return the last word of what is called: `Get` of `a.b.Get`; the mark of an Elixir or Ruby name is left out."""
    match = re.search(r"(\w+)[?!]?$", callee)
    return match[1] if match else callee
