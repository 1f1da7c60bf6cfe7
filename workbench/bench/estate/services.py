"""The services as processes: started, watched, started again when they die, rolled to a new version.

A watcher does what an orchestrator does: a service that ends unasked is started again, after 1, 2, 4 and
then 8 seconds; one whose resident memory is over its limit is killed, as a control group would. Both are events.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ontology.errors import NotFound, Unavailable
from workbench.bench.estate.compose import PORT, Compose, Service
from workbench.bench.estate.events import Events
from workbench.bench.estate.network import Network
from workbench.bench.estate.processes import HOST, Process, Processes, answers, number, reserve

LOOK = 0.5
"""Seconds between two looks at memory; an end is seen at once."""
FIRST, LONGEST = 1.0, 8.0
"""Seconds until a service is started again, the first time in a row and at most."""
CALM = 60.0
"""Seconds after which a service that ran is taken for well again."""
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Limit:
    """What a service may use; 0: as much as there is."""

    fds: int = 0
    memory: int = 0


@dataclass
class Running:
    """A process of a service, with its port."""

    process: Process
    keeper: socket.socket
    began: float
    handle: int
    """A descriptor of the process, readable when it ends."""

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    def free(self) -> None:
        """Give back port and descriptor."""
        self.keeper.close()
        with contextlib.suppress(OSError):
            os.close(self.handle)


@dataclass
class Slot:
    """The place of a service: what runs in it, and how often it had to be started again."""

    name: str
    limit: Limit
    running: Running | None = None
    restarts: int = 0
    in_a_row: int = 0
    due: float | None = None
    """When it is to be started again."""
    killed: str = ""
    """Why we killed it, where we did."""
    lock: threading.RLock = field(default_factory=threading.RLock)


class Services:
    """All services of the estate."""

    def __init__(
        self,
        processes: Processes,
        compose: Compose,
        network: Network,
        events: Events,
        logs: Path,
        common: Mapping[str, str],
    ) -> None:
        self._processes, self._compose, self._network = processes, compose, network
        self._events, self._logs, self._common = events, logs, common
        self.slots = {name: Slot(name, Limit(each.fds, each.memory)) for name, each in compose.services.items()}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="estate-watch", daemon=True)

    def slot(self, name: str) -> Slot:
        """Return the place of a service.

        Raises:
            NotFound: there is no such service.
        """
        if name not in self.slots:
            raise NotFound(f"There is no service {name!r}.", next_step=f"Services: {', '.join(self.slots)}.")
        return self.slots[name]

    def begin(self) -> None:
        """Start to watch."""
        self._watcher.start()

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a service as the compose file declares it now.

        Raises:
            Unavailable: it ended, or did not answer in time.
        """
        slot = self.slot(name)
        with slot.lock:
            slot.due, slot.killed = None, ""
            slot.running = fresh = self._started(slot)
            self._network.target(f"{name}:{PORT}", number(fresh.keeper))
            self._events.add(name, "container", "state", "running")
        if wait:
            self._answering(name, fresh)

    def stop(self, name: str, *, hard: bool = False) -> None:
        """End a service; it stays ended until `start`."""
        slot = self.slot(name)
        with slot.lock:
            slot.due = None
            old, slot.running = slot.running, None
            self._network.target(f"{name}:{PORT}", None)
            if old is not None:
                self._processes.end(old.process, by=signal.SIGKILL if hard else signal.SIGTERM)
                self._told_end(slot, old)
                old.free()

    def replace(self, name: str, *, wait: bool) -> None:
        """Run the version that is declared now: rolled where it is waited for, else ended and started anew."""
        if wait:
            self.roll(name)
        else:
            self.stop(name)
            self.start(name, wait=False)

    def roll(self, name: str) -> None:
        """Start the declared version beside the old one; once it answers, end the old one.

        Raises:
            Unavailable: the new one does not come up; the old one goes on.
        """
        slot = self.slot(name)
        with slot.lock:
            fresh = self._started(slot)
            try:
                self._answering(name, fresh)
            except Unavailable:
                self._processes.end(fresh.process, by=signal.SIGKILL)
                fresh.free()
                raise
            old, slot.running, slot.due, slot.in_a_row = slot.running, fresh, None, 0
            self._network.target(f"{name}:{PORT}", number(fresh.keeper))
            self._events.add(name, "container", "state", "running")
            if old is not None:
                self._processes.end(old.process)
                old.free()

    def pid(self, name: str) -> int:
        """Return the process of a service.

        Raises:
            NotFound: it does not run.
        """
        running = self.slot(name).running
        if running is None or running.ended:
            raise NotFound(f"{name} does not run now.", next_step="Start it, or wait until it is started again.")
        return running.process.pid

    def close(self) -> None:
        """Stop watching, end all."""
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()
        running = [each.running for each in self.slots.values() if each.running is not None]
        self._processes.end(*(each.process for each in running), patience=3.0)
        for each in running:
            each.free()

    def _started(self, slot: Slot) -> Running:
        service: Service = self._compose.services[slot.name]
        keeper = reserve()
        env = {
            **self._common,
            **service.environment,
            "PORT": str(number(keeper)),
            "LISTEN_HOST": HOST,
            "SHOP_HOSTS_FILE": str(self._network.hosts(slot.name)),
            "FLAGS_FILE": self._common["FLAGS_FILE"],
        }
        process = self._processes.start(
            slot.name, service.run, log=self._log(slot.name), env=env, folder=self._compose.path.parent,
            fds=slot.limit.fds,
        )  # fmt: skip
        return Running(process, keeper, time.monotonic(), os.pidfd_open(process.pid))

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _answering(self, name: str, running: Running) -> None:
        url = f"http://{HOST}:{number(running.keeper)}/health"
        answers(url, running.process, name=name, log=self._log(name))

    def _watch(self) -> None:
        """Look after the services until it is over."""
        while not self._over.is_set():
            poll = select.poll()
            for slot in self.slots.values():
                if slot.running is not None:
                    with contextlib.suppress(OSError, ValueError):  # rolled away since
                        poll.register(slot.running.handle, select.POLLIN)
            poll.poll(LOOK * 1000)
            for slot in self.slots.values():
                self._try(slot, self._look)
            if any(slot.running is not None and slot.running.ended for slot in self.slots.values()):
                self._over.wait(0.05)  # somebody is at it right now: do not spin meanwhile

    def _try(self, slot: Slot, act: Callable[[Slot], None]) -> None:
        """Do something to a slot that nobody else is at."""
        if self._over.is_set() or not slot.lock.acquire(blocking=False):
            return
        try:
            act(slot)
        finally:
            slot.lock.release()

    def _look(self, slot: Slot) -> None:
        running, now = slot.running, time.monotonic()
        if running is not None and running.ended:
            self._bury(slot, running, now)
        elif running is not None:
            if slot.limit.memory and resident(running.process.pid) > slot.limit.memory:
                slot.killed = "OOMKilled"
                running.process.kill()
            if slot.in_a_row and now - running.began > CALM:
                slot.in_a_row = 0
        elif slot.due is not None and now >= slot.due:
            slot.restarts += 1
            self.start(slot.name, wait=False)
            self._events.add(slot.name, "container", "restarts", str(slot.restarts))

    def _bury(self, slot: Slot, running: Running, now: float) -> None:
        self._told_end(slot, running)
        self._network.target(f"{slot.name}:{PORT}", None)
        running.free()
        slot.running = None
        pause = min(LONGEST, FIRST * 2**slot.in_a_row)
        slot.in_a_row += 1
        slot.due = now + pause
        if slot.in_a_row > 2:
            self._events.add(slot.name, "container", "waiting", f"CrashLoopBackOff: starts again in {pause:.0f} s")

    def _told_end(self, slot: Slot, running: Running) -> None:
        code = running.process.wait()
        code = 128 - code if code < 0 else code
        reason = slot.killed or ("Completed" if code == 0 else "Error")
        slot.killed = ""
        self._events.add(slot.name, "container", "last terminated", f"{reason}, exit code {code}")


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
