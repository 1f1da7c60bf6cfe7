"""Processes of this host: what runs, what it executes, on which ports it listens, and to which it is connected.

Reads through psutil and sees what its user may see. Command lines are redacted before they become facts;
environments are not read, save the one variable that names the service.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from ontology import iris, terms
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners.ledger import Ledger
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the operating system shows it."""

    pid: int
    name: str
    command: tuple[str, ...]
    executable: str
    user: str
    started: datetime
    listens: tuple[tuple[str, int], ...] = ()
    """Address and port."""
    connected: tuple[tuple[str, int], ...] = ()
    """Address and port at the other end."""
    service: str = ""
    """`OTEL_SERVICE_NAME` of the process, where it may be read."""
    container: str = ""
    """Id of the container that it runs in, as its control group says; empty for a process of the host itself."""


@dataclass(frozen=True, slots=True)
class Host:
    """The processes of one host."""

    name: str
    processes: tuple[Process, ...]


Chosen = Callable[[Process], bool]


def everything(process: Process) -> bool:
    """Choose every process that listens, is connected, or names its service: the others are no part of an estate."""
    return bool(process.listens or process.connected or process.service)


@dataclass(frozen=True, slots=True)
class ProcessScanner:
    """Reads the processes of this host, those that `chosen` says."""

    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    chosen: Chosen = everything
    host: str = field(default_factory=socket.gethostname)
    name: str = "processes"
    layer: Layer = Layer.RUNNING

    @property
    def scope(self) -> str:
        """The host's name."""
        return self.host

    def read(self) -> Reading[Host]:
        """Read the process table; a process that may not be looked at is passed over."""
        problems: list[Problem] = []
        found = tuple(process for process in _processes(problems) if self.chosen(process))
        return Reading(Host(self.host, found), self.now(), (), True, tuple(problems))

    def facts(self, reading: Reading[Host]) -> tuple[Fact, ...]:
        """Say what runs."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        host = ledger.thing(iris.thing("host", reading.raw.name), Kind.HOST, reading.raw.name)
        listening: dict[int, Iri] = {}
        for process in reading.raw.processes:
            iri = self._process(ledger, host, process)
            listening.update(dict.fromkeys((port for _, port in process.listens), iri))
        for process in reading.raw.processes:
            for address, port in process.connected:
                other = listening.get(port) if _local(address) else None
                if other is not None and other != _iri(reading.raw.name, process):
                    ledger.say(_iri(reading.raw.name, process), terms.CONNECTS_TO, other)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _process(self, ledger: Ledger, host: Iri, process: Process) -> Iri:
        """Write down one process."""
        iri = ledger.thing(_iri(self.host, process), Kind.PROCESS, process.service or process.name)
        ledger.say(iri, terms.RUNS_ON, _container(ledger, host, process.container) if process.container else host)
        ledger.say(iri, terms.PID, process.pid)
        ledger.say(iri, terms.START_TIME, process.started)
        ledger.say(iri, terms.USER, process.user)
        ledger.say(iri, terms.COMMAND, " ".join(process.command))
        for path in _executed(process):
            file = ledger.thing(iris.thing("file", self.host, path), Kind.FILE, PurePath(path).name)
            ledger.say(file, terms.PATH, path)
            ledger.say(iri, terms.EXECUTES, file)
        for address, port in process.listens:
            endpoint = ledger.thing(iris.thing("endpoint", self.host, str(port)), Kind.ENDPOINT, f"{self.host}:{port}")
            ledger.say(endpoint, terms.PORT, port)
            ledger.say(endpoint, terms.ADDRESS, address)
            ledger.say(iri, terms.LISTENS_ON, endpoint)
        if process.service:
            service = ledger.thing(iris.service(process.service, self.environment), Kind.SERVICE, process.service)
            ledger.say(iri, terms.IMPLEMENTS, service)
        return iri


def _container(ledger: Ledger, host: Iri, identifier: str) -> Iri:
    """Write down a container that is known by its id; whoever knows its name joins it by that (`container.id`)."""
    iri = ledger.thing(iris.thing("container", identifier), Kind.CONTAINER, identifier[:12])
    ledger.say(iri, terms.OTEL_CONTAINER_ID, identifier)
    ledger.say(iri, terms.RUNS_ON, host)
    return iri


def container_of(control_group: str) -> str:
    """Return the id of the container in the text of a process's `cgroup` file; empty where there is none.

    Docker, containerd, CRI-O and Podman all write 64 hexadecimal digits; the innermost one counts.

    >>> container_of("0::/system.slice/docker-" + 64 * "a" + ".scope") == 64 * "a", container_of("0::/init.scope")
    (True, '')
    """
    found = re.findall(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", control_group)
    return str(found[-1]) if found else ""


def _iri(host: str, process: Process) -> Iri:
    """Return the IRI of a process: its host, pid and start, since pids come back."""
    return iris.thing("process", host, str(process.pid), f"{process.started:%Y%m%dT%H%M%SZ}")


def _local(address: str) -> bool:
    return address in ("::1", "0.0.0.0", "::") or address.startswith(("127.", "::ffff:127."))  # noqa: S104  # compared, not bound


def _executed(process: Process) -> Iterator[str]:
    """Yield the executable, and the script where the executable is an interpreter."""
    if process.executable:
        yield process.executable
    script = next((word for word in process.command[1:] if re.search(r"\.(py|js|mjs|rb|php|jar|sh|pl)$", word)), "")
    if script and not script.startswith("-"):
        yield script


def _processes(problems: list[Problem]) -> Iterator[Process]:
    """Yield what may be seen; what vanishes while we look was not there."""
    import psutil

    for process in psutil.process_iter():
        try:
            with process.oneshot():
                yield _seen(process)
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            problems.append(Problem(f"process {process.pid}", "belongs to another user"))


def _seen(process: object) -> Process:
    """Return a process as our noun.

    Raises:
        psutil.NoSuchProcess, psutil.AccessDenied: it is gone, or not ours to look at.
    """
    import psutil

    assert isinstance(process, psutil.Process)
    connections = process.net_connections(kind="inet")
    return Process(
        process.pid,
        process.name(),
        tuple(process.cmdline()),
        process.exe(),
        process.username(),
        datetime.fromtimestamp(process.create_time(), UTC),
        tuple(sorted(set(_ends(each.laddr for each in connections if each.status == psutil.CONN_LISTEN)))),
        tuple(sorted(set(_ends(each.raddr for each in connections if each.status == psutil.CONN_ESTABLISHED)))),
        process.environ().get("OTEL_SERVICE_NAME", ""),
        container_of(_control_group(process.pid)),
    )


def _control_group(pid: int) -> str:
    """Return the control groups of a process, as Linux tells them; empty elsewhere, and where it has gone."""
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _ends(addresses: Iterable[object]) -> Iterator[tuple[str, int]]:
    """Yield address and port of each end that has one."""
    for each in addresses:
        if each:
            yield each.ip, each.port  # type: ignore[attr-defined]  # psutil's addr, or an empty tuple
