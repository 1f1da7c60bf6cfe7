"""Rescan: run scanners one after the other, and write what each says as a diff.

A scanner that fails, or that could not read all of its scope, takes nothing away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ontology.errors import PersonError
from scanners.protocol import Problem, Scan
from workbench.graph.holder import Holder
from workbench.graph.revision import Change
from workbench.graph.settling import settled
from workbench.graph.shapes import Malformed, checked
from workbench.graph.writeback import looked_again


class Scans(Protocol):
    """What a rescan needs of a scanner."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def scope(self) -> str:
        """What it looks at."""
        ...

    def scan(self) -> Scan:
        """Read, and say what it means; raise `PersonError` where the target as a whole cannot be read."""
        ...


Progress = Callable[[int, int, str], object]
"""Told after every scanner: how many are done, how many there are, and what came of this one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one scanner."""

    source: str
    scope: str
    change: Change
    complete: bool
    problems: tuple[Problem, ...] = ()
    """What could not be read."""
    skipped: tuple[Problem, ...] = ()
    """What was left out on purpose."""
    malformed: tuple[Malformed, ...] = ()
    """Where what changed departs from the shapes: an error of the scanner; the facts are kept."""
    unchecked: bool = False
    """Too much changed to be checked against the shapes on the way."""
    failure: PersonError | None = None
    """Why the target as a whole could not be read; nothing was changed then."""

    @property
    def ok(self) -> bool:
        """Whether all of the scope was read, and all that changed is well formed."""
        return self.complete and not self.problems and not self.malformed and self.failure is None

    @property
    def text(self) -> str:
        """One sentence, and a line for everything that could not be read."""
        if self.failure is not None:
            return f"{self.source} of {self.scope}: nothing changed. {self.failure}"
        change = self.change
        first = (
            f"{self.source} of {self.scope}: {change.added:,} facts added, {change.removed:,} removed, "
            f"{change.unchanged:,} unchanged."
        )
        if not self.complete:
            first += " Not all of it could be read, so that nothing was removed."
        if self.unchecked:
            first += " Too much changed to check its shapes: run workbench graph check."
        wrong = (f"  malformed: {each.about.rpartition('/id/')[2]}: {each.message}" for each in self.malformed)
        return "\n".join([first, *(f"  could not read {each.where}: {each.reason}" for each in self.problems), *wrong])

    def as_json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {
            "source": self.source,
            "scope": self.scope,
            "added": self.change.added,
            "removed": self.change.removed,
            "unchanged": self.change.unchanged,
            "complete": self.complete,
            "problems": [{"where": each.where, "reason": each.reason} for each in self.problems],
            "skipped": [{"where": each.where, "reason": each.reason} for each in self.skipped],
            "malformed": [{"about": each.about, "message": each.message} for each in self.malformed],
            "unchecked": self.unchecked,
            "failure": None if self.failure is None else str(self.failure),
        }


def rescan(store: Holder, scanners: Iterable[Scans], progress: Progress | None = None) -> tuple[Report, ...]:
    """Run the scanners, write what they say, and publish it to the readers; return a report for each.

    All are read before any is written, as what one found in code settles what another one found in configuration.
    """
    some = tuple(scanners)
    read = [_read(each) for each in some]
    fresh, again = settled(store, [each for each in read if isinstance(each, Scan)])
    waiting = iter(fresh)
    reports = []
    for count, each in enumerate(read, start=1):
        report = _written(store, next(waiting)) if isinstance(each, Scan) else each
        reports.append(report)
        if progress is not None:
            progress(count, len(some), report.text)
    for scan in again:
        store.replace(scan)
    store.share()
    return tuple(reports)


def _read(scanner: Scans) -> Scan | Report:
    """Return what the scanner says, or the report of why its target cannot be read."""
    try:
        return scanner.scan()
    except PersonError as error:
        return Report(scanner.name, scanner.scope, Change(0, 0, 0), complete=False, failure=error)


def _written(store: Holder, scan: Scan) -> Report:
    change = store.replace(scan)
    looked_again(store, scan.source, scan.scope)
    return Report(scan.source, scan.scope, change, scan.complete, scan.problems, scan.skipped, *checked(store, change))
