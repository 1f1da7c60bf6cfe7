"""The shop as processes: started from its compose file, deployed anew one by one, ended by pid."""

from __future__ import annotations

import difflib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import yaml

from ontology.errors import Unavailable
from workbench.bench.estate import load

HOST = "127.0.0.1"


def reserve() -> socket.socket:
    """Return a socket that keeps a free port ours: bound, not listening, shared with the service that will."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind((HOST, 0))
    return keeper


def ended(process: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """End a process: ask, wait, then insist."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Estate:
    """The running shop. `with Estate(folder, collector_port) as estate:` starts it and ends it."""

    folder: Path
    """Holds `shop/`, `launcher.py` and, from the start on, `data/` and a log file a service."""
    collector: int
    """Port that takes the spans."""
    ports: dict[str, socket.socket] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """The users, and whoever else was started beside the shop."""

    @property
    def compose(self) -> Path:
        """The file that says what runs, and with which environment."""
        return self.folder / "shop" / "compose.yaml"

    def declared(self) -> dict[str, dict[str, str]]:
        """Return the environment that the compose file declares, by service; only what is built here."""
        services = yaml.safe_load(self.compose.read_text())["services"]
        return {name: each["environment"] for name, each in services.items() if "build" in each}

    def url(self, name: str) -> str:
        """Return where a service answers on this host."""
        return f"http://{HOST}:{self.ports[name].getsockname()[1]}"

    def __enter__(self) -> Estate:
        try:
            self._run("-m", "shop.seed").wait(30)
            self.ports = {name: reserve() for name in self.declared()}
            for name in self.ports:
                self.start(name)
            for name in self.ports:
                self.wait_healthy(name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything that was started here, users first."""
        for process in (*self.others, *self.processes.values()):
            if process.poll() is None:
                ended(process)
        for keeper in self.ports.values():
            keeper.close()

    def _run(
        self, *words: str, env: Mapping[str, str] | None = None, log: str = "other.log"
    ) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as out:
            return subprocess.Popen(  # noqa: S603  # our own scripts
                [sys.executable, *words], cwd=self.folder, env=env, stdout=out, stderr=out
            )

    def start(self, name: str) -> None:
        """Start a service with the environment that the compose file declares now."""
        hosts = {f"{other}:8080": self.url(other).removeprefix("http://") for other in self.ports}
        hosts["otel-collector:4318"] = f"{HOST}:{self.collector}"
        env = {
            **{key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ},
            **{key: str(value) for key, value in self.declared()[name].items()},
            "PORT": self.url(name).rsplit(":", 1)[1],
            "LISTEN_HOST": HOST,
            "SHOP_HOSTS": ",".join(f"{key}={value}" for key, value in hosts.items()),
        }
        self.processes[name] = self._run("launcher.py", f"shop.{name}.app", env=env, log=f"{name}.log")

    def wait_healthy(self, name: str, patience: float = 20.0) -> None:
        """Wait until a service answers.

        Raises:
            Unavailable: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.processes[name].poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url(name)}/health", timeout=1):  # noqa: S310  # our own process
                    return
            except OSError:
                time.sleep(0.05)
        tail = (self.folder / f"{name}.log").read_text()[-400:]
        raise Unavailable(f"The service {name} did not start: {tail!r}.", next_step=f"Read {name}.log.")

    def wait_listening(self, name: str, version: str, patience: float = 30.0) -> None:
        """Wait until a version says that it listens; a health check could reach the old one.

        Raises:
            Unavailable: it ended, or did not say so in time.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.processes[name].poll() is None:
            if f"listening, version {version}" in (self.folder / f"{name}.log").read_text():
                return
            time.sleep(0.05)
        raise Unavailable(f"Version {version} of {name} did not start.", next_step=f"Read {name}.log.")

    def deploy(self, name: str, version: str, changes: Mapping[str, str]) -> str:
        """Write the release into the compose file, start the new version, end the old; return the unified diff."""
        before = self.compose.read_text()
        services = before.split(f"\n  {name}:\n", 1)
        block, rest = _block(services[1])
        old = self.declared()[name]
        for key, value in {"SERVICE_VERSION": version, **changes}.items():
            block = block.replace(
                f"{key}: {_quoted(block, key, str(old[key]))}", f"{key}: {_quoted(block, key, value)}"
            )
        block = block.replace(f":{old['SERVICE_VERSION']}\n", f":{version}\n")
        after = f"{services[0]}\n  {name}:\n{block}{rest}"
        self.compose.write_text(after)
        previous = self.processes[name]
        self.start(name)
        self.wait_listening(name, version)  # both listen for a moment, as in a rolling deploy
        ended(previous)
        self.wait_healthy(name)
        lines = difflib.unified_diff(
            before.splitlines(), after.splitlines(), "a/compose.yaml", "b/compose.yaml", "", "", 1, ""
        )
        return "\n".join(lines)

    def signal_fault(self, name: str, text: str) -> None:
        """Break a running service: the launcher reads what to do from a file."""
        pid = self.processes[name].pid
        (self.folder / f"fault-{pid}.json").write_text(text)
        os.kill(pid, signal.SIGUSR1)

    def lock(self, database: str, held: float, free: float) -> None:
        """Start a neighbour that holds the write lock of a database in bursts."""
        self.others.append(self._run("locker.py", database, str(held), str(free)))

    def visit(self, entry: str, users: int, seed: int) -> None:
        """Let users in at the entry."""
        self.others.append(self._run(load.__file__, self.url(entry), str(users), str(seed)))


def _block(text: str) -> tuple[str, str]:
    """Split what follows a service's name into its block and the rest of the file."""
    lines = text.splitlines(keepends=True)
    size = next((n for n, line in enumerate(lines) if not line.startswith("    ")), len(lines))
    return "".join(lines[:size]), "".join(lines[size:])


def _quoted(block: str, key: str, value: str) -> str:
    """Return the value as this block writes it: in quotes where the key's value is in quotes."""
    return f'"{value}"' if f'{key}: "' in block else value
