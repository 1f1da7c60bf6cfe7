"""Clients of code's own: classes that call whom their constructor is told, and functions that give back a client. Pure.

A class is one when what its constructor is given stands, by its own methods, beside a call of a client library. Who
constructs it says whom he calls; of several that are called alike the nearest is meant.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

from scanners.references import names_an_address
from scanners.source.flow_values import Origin, last_word
from scanners.source.outline import Call, Function, Outline

_MAKERS = frozenset({"constructor", "__construct", "initialize", "new", "init", "__init__"})
_MAKES = re.compile(r"[Nn]ew[A-Z]?\w*")
"""Functions that stand for a constructor where a language has none."""
_NEW = re.compile(r"(?:new)?(?:\\?\w+(?:\.|::|\\))*(\w+?)(?:(?:\.|::)new)?")
_OWN = re.compile(r"(?:(?:this|self|\$this|@|\w{1,3})(?:\.|->|::))?#?(\w+)")
"""A call of a method of one's own object."""
_SELF = frozenset({"this", "self", "$this", "Self", "static"})


_Known = TypeVar("_Known", tuple[str, tuple[int, ...]], tuple[str, str, Origin])


@dataclass(slots=True)
class Known:
    """What makes a client, in all files of a language."""

    classes: dict[str, list[tuple[str, tuple[int, ...]]]] = field(default_factory=lambda: defaultdict(list))
    """Name of a class to its files, and which parameters of its constructor say where it calls."""
    functions: dict[str, list[tuple[str, str, Origin]]] = field(default_factory=lambda: defaultdict(list))
    """Name of a function to its files, its class, and what the client is told that it gives back."""

    def places(self, callee: str, path: str) -> tuple[int, ...]:
        """Return which arguments of a call say whom it is a client of, if it constructs one."""
        match = _NEW.fullmatch(callee)
        for name in dict.fromkeys((last_word(callee), match[1] if match else "")):
            bare = name.removeprefix("new")
            for each in (name, bare) if bare[:1].isupper() else (name,):
                if each in self.classes and (found := _nearest(self.classes[each], path)):
                    return found[1]
        return ()

    def given_back(self, callee: str, path: str) -> Origin | None:
        """Return what the client is told that a function gives back, by the name that it is called by."""
        name = last_word(callee)
        if name not in self.functions:
            return None
        before = callee[: len(callee) - len(name)].rstrip(".:>-@#?!")
        owner = last_word(before)
        near = [each for each in self.functions[name] if _is_of(each, owner if before else "", path)]
        found = _nearest(near, path)
        return found[2] if found else None


def _is_of(known: tuple[str, str, Origin], owner: str, path: str) -> bool:
    """Say whether a function belongs to what stands before its name: its object, class, file or package."""
    home, scope, _ = known
    if owner in _SELF:
        return home == path
    if not owner:
        return home == path or (not scope and PurePosixPath(home).parent == PurePosixPath(path).parent)
    where = PurePosixPath(home)
    return owner.lower() in (scope.lower(), where.stem.lower(), where.parent.name.lower())


def _nearest(known: Iterable[_Known], path: str) -> _Known | None:
    """Return the one of the same file, else of the same folder, else the only one there is."""
    known = list(known)
    home = PurePosixPath(path).parent
    same = [each for each in known if each[0] == path]
    beside = [each for each in known if PurePosixPath(each[0]).parent == home]
    return next((several[0] for several in (same, beside, known) if len(several) == 1), None)


def addressed(source: Outline, calling: Iterable[Call]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the client classes of a file, and which parameters of their constructor say where they call."""
    starts = sorted(call.start for call in calling)
    if not starts:
        return
    classes: dict[str, list[Function]] = defaultdict(list)
    for function in source.functions[1:]:
        if function.scope:
            classes[function.scope].append(function)
    for name, several in classes.items():
        heads = [each for each in source.makers if each.name == name]
        makers = [each for each in several if each.name in _MAKERS or each.name == name]
        methods = [each for each in several if each not in makers]
        makers = [*heads, *makers, *_standing_for(source, name)]
        used = _used(source, methods, starts) if makers else set()
        for maker in makers:
            if found := _places(source, maker, used, starts):
                yield (maker.name if _MAKES.fullmatch(maker.name) and not maker.scope else name), found


def _standing_for(source: Outline, name: str) -> Iterator[Function]:
    """Yield the free functions that make an object of a class: `NewLedger` which holds `Ledger{`."""
    for each in source.functions[1:]:
        alike = not each.scope and bool(each.parameters) and _MAKES.fullmatch(each.name) is not None
        if alike and (name in _words(source, each) or each.name[3:].lower() == name.lower()):
            yield each


def _words(source: Outline, function: Function) -> set[str]:
    low, high = (bisect.bisect_left(source.words, (at, "")) for at in function.span)
    return {name for _, name in source.words[low:high]}


def _within(starts: list[int], span: tuple[int, int]) -> bool:
    return bisect.bisect_left(starts, span[0]) < bisect.bisect_left(starts, span[1])


def _used(source: Outline, methods: list[Function], starts: list[int]) -> set[str]:
    """Return the names in those methods of a class that call, by themselves or by methods that they use."""
    names = {each.name for each in methods}
    uses = {each.name: set[str]() for each in methods}
    own = sorted((call.start, match[1]) for call in source.calls if (match := _OWN.fullmatch(call.callee)))
    for each in methods:
        low, high = (bisect.bisect_left(own, (at, "")) for at in each.span)
        uses[each.name] |= {name for _, name in own[low:high]} & names
    calling = {each.name for each in methods if _within(starts, each.span)}
    for _ in methods:
        more = {name for name in names if uses[name] & calling} - calling
        calling |= more
        if not more:
            break
    reached, left = set(calling), list(calling)
    while left:
        fresh = uses[left.pop()] - reached
        reached |= fresh
        left.extend(fresh)
    return {name for each in methods if each.name in reached for name in _words(source, each) - {*each.parameters}}


def _places(source: Outline, maker: Function, used: set[str], starts: list[int]) -> tuple[int, ...]:
    """Return the parameters of a constructor that its methods use to call; those that name an address, if any does."""
    fields: dict[str, set[str]] = defaultdict(set)
    for each in source.assignments:
        if maker.span[0] <= each.value.start < maker.span[1]:
            low = bisect.bisect_left(source.words, (each.value.start, ""))
            high = bisect.bisect_left(source.words, (each.value.end, ""))
            for _, word in source.words[low:high]:
                fields[word].add(each.name)
    straight = {
        word
        for call in source.calls
        if maker.span[0] <= call.start < maker.span[1] and _within(starts, (call.start, call.start + 1))
        for argument in call.arguments
        for _, word in source.words[
            bisect.bisect_left(source.words, (argument.start, "")) : bisect.bisect_left(
                source.words, (argument.end, "")
            )
        ]
    }
    found = {
        name: index
        for index, name in enumerate(maker.parameters)
        if name in straight or (fields.get(name) or {name}) & used
    }
    named = {name: index for name, index in found.items() if names_an_address(name)}
    return tuple((named or found).values())
