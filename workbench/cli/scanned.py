"""What is to be scanned: pairs of a scanner and its target, and the list of those that were scanned before.

The list is `scans.json` in the data folder, as targets (folders, contexts, profiles) are those of this machine.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ontology.errors import BadInput, NotFound, PersonError, Unavailable
from scanners import catalogue
from scanners.binding import Binding
from scanners.protocol import Clients, Scan

LIST = "scans.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to scan."""

    scanner: str
    target: str
    """A folder or file, absolute; else a context, a profile, an address."""
    environment: str

    @property
    def gone(self) -> bool:
        """Whether it must be on this machine, and is not."""
        return catalogue.entry(self.scanner).local and not Path(self.target).exists()


@dataclass(frozen=True, slots=True)
class Guarded:
    """A scanner that is made when it is run, and says what broke as a sentence, so that the next one has its turn."""

    of: Target
    clients: Clients
    binding: Binding

    @property
    def name(self) -> str:
        """The scanner's name."""
        return self.of.scanner

    @property
    def scope(self) -> str:
        """What it looks at, as it was named: known before the scanner is."""
        return self.of.target

    def scan(self) -> Scan:
        """Make the scanner and run it.

        Raises:
            PersonError: the target as a whole cannot be read.
        """
        each = self.of
        if each.gone:
            raise NotFound(f"There is no {each.target!r} any more.", next_step="Bring it back, or scan its new place.")
        try:
            made = catalogue.scanner(
                each.scanner, each.target, each.environment, clients=self.clients, binding=self.binding
            )
            return made.scan()
        except PersonError:
            raise
        except Exception as error:  # a mistake of ours or of a vendor's library ends this scanner, not the others
            _log.debug("The scanner %s broke.", each.scanner, exc_info=True)
            raise Unavailable(
                f"The scanner broke: {type(error).__name__}: {error}.", next_step="Report it; the others went on."
            ) from error


def pairs(words: Sequence[str], environment: str) -> tuple[Target, ...]:
    """Return the targets that the words name: a scanner and its target, again and again.

    After a scanner's first target, a word that is a scanner's name begins a new pair, and any other is one more target:
    `compose ./a ./b traces ./t`. A folder with a scanner's name is written `./traces`.

    Raises:
        BadInput: a word that is no scanner where one must stand, a scanner without a target, or one that is not there.
    """
    found: list[Target] = []
    waiting = list(words)
    while waiting:
        name = waiting.pop(0)
        entry = catalogue.entry(name)
        if not waiting:
            raise BadInput(f"{name} needs a target: {entry.target}.", next_step=f"Try: workbench scan {name} TARGET")
        some = [waiting.pop(0)]
        while waiting and waiting[0] not in catalogue.CATALOGUE:
            some.append(waiting.pop(0))
        found.extend(_there(name, each, environment, some) for each in some)
    return tuple(dict.fromkeys(found))


def _there(scanner: str, target: str, environment: str, said: Sequence[str]) -> Target:
    """Return the target; refuse one that is not there, so that nobody takes half of a scan for all."""
    if not catalogue.entry(scanner).local:
        return Target(scanner, target, environment)
    # A folder scanner's further target that is not there may be the mistyped name of the next scanner.
    if not Path(target).exists():
        alike = difflib.get_close_matches(target, catalogue.CATALOGUE, 1) if target != said[0] else []
        meant = f" Or did you mean the scanner {alike[0]}?" if alike else ""
        raise BadInput(f"There is no {target!r} to scan.", next_step=f"Check the path.{meant}")
    return Target(scanner, str(Path(target).absolute()), environment)


def remembered(home: Path) -> tuple[Target, ...]:
    """Return what was scanned before, in the order of the first time.

    Raises:
        BadInput: the list is damaged.
    """
    path = home / LIST
    if not path.is_file():
        return ()
    try:
        return tuple(Target(**each) for each in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}.", next_step="Correct it, or remove it and scan by name once."
        ) from error


def remember(home: Path, scanned: Iterable[Target]) -> None:
    """Add to the list of what is scanned again by `workbench scan` alone; a killed writer leaves the old list."""
    said = tuple(dict.fromkeys((*remembered(home), *scanned)))
    fresh = home / f".{LIST}"
    fresh.write_text(json.dumps([asdict(each) for each in said], indent=1) + "\n", encoding="utf-8")
    fresh.replace(home / LIST)
