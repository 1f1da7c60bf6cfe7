"""Who calls whom, by name: from the graph's facts and from spans. Symptoms travel from callee to caller."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ontology.terms import CALLS, USES_DATASTORE
from workbench.nouns import Case


class Calls:
    """A directed graph of calls between names; cycles are allowed, self-calls are dropped."""

    def __init__(self, edges: Iterable[tuple[str, str]] = ()) -> None:
        """Keep (caller, callee) pairs."""
        self.edges = frozenset((caller, callee) for caller, callee in edges if caller != callee)
        self._callees: defaultdict[str, set[str]] = defaultdict(set)
        self._callers: defaultdict[str, set[str]] = defaultdict(set)
        for caller, callee in self.edges:
            self._callees[caller].add(callee)
            self._callers[callee].add(caller)

    def __bool__(self) -> bool:
        """Say whether any call is known."""
        return bool(self.edges)

    def callees(self, name: str) -> frozenset[str]:
        """Return whom it calls."""
        return frozenset(self._callees.get(name, ()))

    def callers(self, name: str) -> frozenset[str]:
        """Return who calls it."""
        return frozenset(self._callers.get(name, ()))

    def above(self, name: str) -> frozenset[str]:
        """Return its callers, theirs, and so on; never itself."""
        found, waiting = set[str](), [name]
        while waiting:
            new = self.callers(waiting.pop()) - found - {name}
            found |= new
            waiting += sorted(new)
        return frozenset(found)

    def distance(self, start: str) -> dict[str, int]:
        """Return the number of calls from `start` down to everything reachable, itself at 0."""
        found, queue = {start: 0}, deque([start])
        while queue:
            name = queue.popleft()
            for callee in self.callees(name):
                if callee not in found:
                    found[callee] = found[name] + 1
                    queue.append(callee)
        return found

    def forward(self, start: str | None) -> Calls:
        """Return the calls without those that lead back in a circle, as seen from `start`.

        In a circle each would explain the other. A call stays if it leads further away from the start; without a
        start, no call inside a circle stays.
        """
        steps = self.distance(start) if start else {}
        circle = self._circles()

        def leads_on(caller: str, callee: str) -> bool:
            if circle[caller] != circle[callee]:
                return True
            return caller in steps and callee in steps and steps[callee] > steps[caller]

        return Calls((caller, callee) for caller, callee in self.edges if leads_on(caller, callee))

    def _circles(self) -> dict[str, int]:
        """Return for each name the number of its circle: the set of names that all reach each other."""
        names = {name: at for at, name in enumerate(sorted({end for edge in self.edges for end in edge}))}
        if not names:
            return {}
        ends = np.array([(names[caller], names[callee]) for caller, callee in self.edges])
        matrix = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
        _, circles = connected_components(matrix, connection="strong")
        return {name: int(circles[at]) for name, at in names.items()}


def calls(case: Case, seen: Iterable[tuple[str, str]] = ()) -> Calls:
    """Return the calls, and uses of data stores, that the graph knows in scope, and those seen in spans."""
    names = {entity.iri: entity.name for entity in case.scope}
    known = (
        (names[fact.subject], names[str(fact.object)])  # type: ignore[index]  # an Iri is a str
        for fact in case.topology
        if fact.predicate in (CALLS, USES_DATASTORE) and fact.subject in names and fact.object in names
    )
    return Calls((*known, *seen))


def alerted(case: Case) -> str | None:
    """Return the name of the entity that the alert names: the first in scope that one of its labels says."""
    labels = case.alert.labels
    wanted = [labels[key] for key in ("service", "service_name", "job", "app", "entity") if labels.get(key)]
    wanted += [value for value in labels.values() if value not in wanted]
    known = {entity.name for entity in case.scope}
    return next((name for name in wanted if name in known), None)
