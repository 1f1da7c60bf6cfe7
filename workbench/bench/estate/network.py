"""The network between the services, as faults see it: names, links, and what can be done to them.

network.link("catalog", "postgres").delay(300, jitter=50)
network.link("users", "gateway").partition()
network.unresolve("checkout", "pricing")      # its hosts file no longer has the name
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontology.errors import NotFound, Unavailable
from workbench.bench.estate.processes import HOST, Processes


class Network:
    """The proxy process, the hosts files that lead callers to it, and the links."""

    def __init__(self, processes: Processes, folder: Path, log: Path, seed: int) -> None:
        words = [sys.executable, "-I", str(Path(__file__).with_name("proxy.py")), str(seed)]
        self.process = processes.start("proxy", words, log=log, piped=True, fds=8192)
        self._folder = folder
        self._log = log
        self._lock = threading.RLock()
        self._ports: dict[tuple[str, str], int] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._gone: set[tuple[str, str]] = set()
        folder.mkdir(exist_ok=True)

    def listen(self, callers: Sequence[str], callees: Sequence[str]) -> None:
        """Open the links from each caller to each callee (`catalog:8080`), and write the hosts files."""
        links = [(caller, callee) for caller in callers for callee in callees]
        self._ports.update(zip(links, self.tell("listen", links), strict=True))
        for caller in callers:
            self._write(caller)

    def address(self, caller: str, callee: str) -> str:
        """Return host and port by which a caller reaches a callee (a name, or `name:port`)."""
        return f"{HOST}:{self._ports[self._found(caller, callee)]}"

    def target(self, callee: str, port: int | None) -> None:
        """Say on which port a callee listens now; None: on none, so that callers are refused."""
        self.tell("target", callee, None if port is None else (HOST, port))

    def link(self, caller: str, callee: str) -> Link:
        """Return the link between two, by their names.

        Raises:
            NotFound: there is no such caller, or no such callee.
        """
        found = self._found(caller, callee)
        return self._links.setdefault(found, Link(self, *found))

    def hosts(self, caller: str) -> Path:
        """Return the hosts file of a caller."""
        return self._folder / f"{caller}.json"

    def unresolve(self, caller: str, name: str) -> None:
        """Take a name out of a caller's hosts file."""
        self._gone.add(self._found(caller, name))
        self._write(caller)

    def resolve(self, caller: str, name: str) -> None:
        """Put a name back into a caller's hosts file."""
        self._gone.discard(self._found(caller, name))
        self._write(caller)

    def _found(self, caller: str, callee: str) -> tuple[str, str]:
        found = [pair for pair in self._ports if pair[0] == caller and callee in (pair[1], pair[1].partition(":")[0])]
        if not found:
            callers = ", ".join(sorted({each for each, _ in self._ports}))
            raise NotFound(f"There is no link from {caller!r} to {callee!r}.", next_step=f"Callers: {callers}.")
        return found[0]

    def _write(self, caller: str) -> None:
        links = {pair for pair in self._ports if pair[0] == caller} - self._gone
        known = {callee: f"{HOST}:{self._ports[caller, callee]}" for caller, callee in sorted(links)}
        fresh = self.hosts(caller).with_suffix(".new")
        fresh.write_text(json.dumps(known, indent=1))
        fresh.replace(self.hosts(caller))

    def tell(self, do: str, *words: Any) -> Any:
        """Have the proxy do something; return what it says.

        Raises:
            Unavailable: it could not, or is gone.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        with self._lock:
            try:
                self.process.stdin.write(json.dumps({"do": do, "with": words}).encode() + b"\n")
                self.process.stdin.flush()
                line = self.process.stdout.readline()
            except OSError as error:
                raise Unavailable("The estate's network is gone.", next_step=f"Read {self._log}.") from error
        answer: Mapping[str, Any] = json.loads(line or b'{"failed": "it ended"}')
        if "failed" in answer:
            raise Unavailable(f"The estate's network failed: {answer['failed']}.", next_step=f"Read {self._log}.")
        return answer["said"]


@dataclass
class Link:
    """The way from one caller to one callee; what was done to it lasts until `heal`."""

    network: Network
    caller: str
    callee: str
    _delay: float = 0.0
    _jitter: float = 0.0
    _loss: float = 0.0
    _cut: bool = False

    def delay(self, ms: float, jitter: float = 0.0) -> Link:
        """Make each round trip longer by so many milliseconds, with this standard deviation."""
        self._delay, self._jitter = ms / 1000, jitter / 1000
        return self._shape()

    def loss(self, share: float) -> Link:
        """Lose this share (0 to 1) of what is sent; it comes after TCP's repeats, or the connection is reset."""
        self._loss = share
        return self._shape()

    def partition(self) -> Link:
        """Let nothing through: connections stall, new ones too, until time-outs of the callers end them."""
        self._cut = True
        return self._shape()

    def reset(self) -> int:
        """Reset the connections that are open; return how many there were. New ones are not hindered."""
        return int(self.network.tell("reset", self.caller, self.callee))

    def heal(self) -> Link:
        """Undo all of it."""
        self._delay, self._jitter, self._loss, self._cut = 0.0, 0.0, 0.0, False
        return self._shape()

    def _shape(self) -> Link:
        shape = (self._delay, self._jitter, self._loss, self._cut)
        self.network.tell("shape", self.caller, self.callee, *shape)
        return self
