"""What a fault is: its label (the answer), how it is made and undone, and how one measures that it hurt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from workbench.nouns import Modality

Heal = Callable[[], object]
"""Undoes what was injected."""
PATCHES = Path(__file__).parents[1] / "patches"
"""Releases with a fault in their code, each a patch against the running copy's repository."""


class Link(Protocol):
    """The way from one service to another, which a proxy stands on."""

    def delay(self, ms: float, jitter: float = 0.0) -> object:
        """Keep what is sent back for so many milliseconds."""
        ...

    def loss(self, share: float) -> object:
        """Stall or reset this share of the connections."""
        ...

    def partition(self) -> object:
        """Let nothing through."""
        ...

    def heal(self) -> object:
        """Be a good wire again."""
        ...


class Running(Protocol):
    """What chaos needs of an estate that runs; `running.Estate` has it, and so have the doubles of the tests."""

    folder: Path
    repository: Path

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services."""
        ...

    def url(self, name: str) -> str:
        """Return where a service answers."""
        ...

    def pid(self, name: str) -> int:
        """Return the process of a service."""
        ...

    def declared(self) -> Mapping[str, Mapping[str, str]]:
        """Return the environment of each service, as the compose file has it now."""
        ...

    def version(self, name: str) -> str:
        """Return the version that is deployed."""
        ...

    def deploy(
        self,
        name: str,
        version: str,
        *,
        environment: Mapping[str, str] | None = None,
        patch: Path | None = None,
        reverse: bool = False,
        author: str = "",
        message: str = "",
        wait: bool = True,
    ) -> str:
        """Commit a release of a service and roll it out; return the commit."""
        ...

    def flag(self, name: str, value: str) -> str:
        """Set a feature flag, as a commit."""
        ...

    def network(self, caller: str, callee: str) -> Link:
        """Return the way from a caller to a callee."""
        ...

    def unresolve(self, caller: str, name: str) -> None:
        """Take a name out of what a caller can resolve."""
        ...

    def resolve(self, caller: str, name: str) -> None:
        """Put it back."""
        ...

    def pause(self, name: str) -> None:
        """Stop a service's process where it is."""
        ...

    def resume(self, name: str) -> None:
        """Let it go on."""
        ...

    def restart(self, name: str) -> None:
        """End a service and start it again."""
        ...

    def limit(self, name: str, *, fds: int | None = None, memory: int | None = None) -> None:
        """Limit what a service may use, from its next start on."""
        ...

    def load(self, users: int) -> None:
        """Change how many users there are."""
        ...

    def sql(self, database: str, text: str) -> Sequence[tuple[object, ...]]:
        """Run SQL as the owner of a database."""
        ...

    def dsn(self, database: str) -> str:
        """Return the real address of a database."""
        ...

    def address(self, server: str) -> tuple[str, int]:
        """Return host and port of a server: `cache`, `queue`, `postgres`."""
        ...

    def rules(self, text: str) -> None:
        """Give Prometheus these alert rules besides its own; none where the text is empty."""
        ...


Inject = Callable[[Running], Heal]
"""Makes a fault real, and returns what undoes it."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the scorer knows of a fault."""

    entity: str
    """The service at fault."""
    mode: str
    """Its failure mode, of the taxonomy in `ontology/incident.ttl`."""
    mechanism: str
    """What was really done, in a few words."""
    code: str = ""
    """File and line of the fault in the running copy, `catalog/app.py:41`, where it has one."""
    also: tuple[str, ...] = ()
    """Other failure modes that are as true of it: of a release with a slow path, `bad-release`."""


@dataclass(frozen=True, slots=True)
class Impact:
    """A signal of a service that must have moved against the time before, asked of Prometheus."""

    service: str
    signal: Literal["latency", "errors", "queue", "absent", "descriptors"]
    least: float
    """The factor of the 95 % quantile, or of descriptors; the share of failed requests; how many messages more wait;
    the share of the time without a scrape."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break the estate, or to leave it whole."""

    name: str
    family: str
    label: Label | None
    """None where nothing is at fault."""
    inject: Inject
    impact: tuple[Impact, ...]
    """It hurt where any of these moved; empty: nothing may move at the entry."""
    also: tuple[Label, ...] = ()
    """What else is at fault at the same time."""
    missing: tuple[Modality, ...] = ()
    """Sources that cannot be asked of this incident."""
    lasts: float | None = None
    """Seconds after which it is over by itself."""
    herring: str = ""
    """A service that gets a harmless release moments before."""
    difficulty: Literal["plain", "hard"] = "plain"


ENTRY = "gateway"
"""Where users come in."""
FELT = (Impact(ENTRY, "latency", 1.5), Impact(ENTRY, "errors", 0.05))
"""Users feel it."""


def felt(service: str) -> tuple[Impact, ...]:
    """Return what shows that a fault hurt: at the entry, or at the service, which only some requests reach."""
    own = (Impact(service, "latency", 2.0), Impact(service, "errors", 0.1))
    return FELT if service == ENTRY else (*FELT, *own)


def together(heals: Sequence[Heal]) -> Heal:
    """Return what undoes all of these, the last first."""

    def heal() -> None:
        for each in reversed(heals):
            each()

    return heal


def callers(estate: Running, callee: str) -> tuple[str, ...]:
    """Return the services whose environment names the callee as a host, in the order of the compose file."""
    return tuple(
        name
        for name, environment in estate.declared().items()
        if name != callee and any(f"//{callee}:" in str(value) for value in environment.values())
    )


def following(version: str) -> str:
    """Return the version after this one.

    >>> following("2.4.9")
    '2.4.10'
    """
    before, _, last = version.rpartition(".")
    return f"{before}.{int(last) + 1}"
