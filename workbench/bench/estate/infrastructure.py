"""What stands beside the services: the stores and the collector that their addresses name, Prometheus, Alertmanager.

infrastructure = Infrastructure(processes, network, folders, environments)
infrastructure.begin(pool)                   # one job each, so that they start at the same time
infrastructure.sql("catalog", "select 1")
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ontology.errors import NotFound
from workbench.bench.estate import servers
from workbench.bench.estate.network import Network
from workbench.bench.estate.processes import HOST, Process, Processes, answers, failed, number, reserve
from workbench.bench.estate.servers import Notified, Postgres

SCRAPER = "prometheus"
"""Prometheus as a caller: it scrapes through links of its own."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things lie, below the estate's own folder."""

    top: Path

    @property
    def shop(self) -> Path:
        """The running copy of the shop: a git repository."""
        return self.top / "shop"

    @property
    def logs(self) -> Path:
        """What services and stores say, a file each."""
        return self.top / "logs"

    @property
    def telemetry(self) -> Path:
        """What was exported over OTLP."""
        return self.top / "telemetry"

    @property
    def run(self) -> Path:
        """What the estate's own machinery needs and says."""
        return self.top / "run"

    @property
    def hosts(self) -> Path:
        """The hosts file of each caller."""
        return self.top / "hosts"

    def make(self) -> None:
        """Make them, but for those that others make."""
        for each in (self.logs, self.telemetry, self.run):
            each.mkdir(parents=True)


class Infrastructure:
    """The servers of the estate."""

    def __init__(
        self, processes: Processes, network: Network, folders: Folders, environments: Sequence[Mapping[str, str]]
    ) -> None:
        self._processes, self._network, self._folders = processes, network, folders
        self._environments = environments
        self._keepers: dict[str, socket.socket] = {}
        self._postgres: Postgres | None = None
        self.running: dict[str, Process] = {}

    def begin(self, pool: Executor) -> list[Future[None]]:
        """Start the stores and the collector at the same time; a job is done when its server answers."""
        found = stores(self._environments)
        for place in (*found, "alertmanager", "prometheus"):
            self._keepers[place] = reserve()
        return [pool.submit(self._store, place, scheme) for place, scheme in found.items()]

    def port(self, place: str) -> int:
        """Return where a server listens; it keeps the port."""
        return number(self._keepers[place])

    def address(self, name: str) -> tuple[str, int]:
        """Return where a store really listens (`postgres`, `cache`), past the links.

        Raises:
            NotFound: there is no such server.
        """
        found = [each for each in self._keepers if each.partition(":")[0] == name]
        if not found:
            known = ", ".join(each.partition(":")[0] for each in self._keepers)
            raise NotFound(f"There is no server {name!r}.", next_step=f"Servers: {known}.")
        return HOST, self.port(found[0])

    @property
    def database(self) -> Postgres:
        """The PostgreSQL.

        Raises:
            NotFound: there is none.
        """
        if self._postgres is None:
            raise NotFound("This estate has no PostgreSQL.", next_step="Name one in the compose file.")
        return self._postgres

    def rules(self, text: str) -> None:
        """Give Prometheus a file of rules beside the shop's own; empty takes it away."""
        self._more_rules.write_text(text or "groups: []\n")
        os.kill(self.running["prometheus"].pid, signal.SIGHUP)

    @property
    def _more_rules(self) -> Path:
        return self._folders.run / "more-rules.yaml"

    def close(self) -> None:
        """End all of them, and give their ports back."""
        self._processes.end(*self.running.values())
        if self._postgres is not None:
            self._postgres.end()
        for keeper in self._keepers.values():
            keeper.close()

    def _store(self, place: str, scheme: str) -> None:
        """Start the server that an address names; say where it is once it answers."""
        name, port = place.partition(":")[0], self.port(place)
        if scheme == "postgresql":
            self._start_postgres(name, port)
        elif scheme == "redis":
            log = self._folders.logs / f"{name}.log"
            self.running[name] = servers.redis(self._processes, name, port, log)
            listening(port, self.running[name], name, log)
        else:
            log = self._folders.run / f"{name}.log"
            script = str(Path(__file__).with_name("receiver.py"))
            words = [sys.executable, script, str(port), str(self._folders.telemetry)]
            self.running[name] = self._processes.start(name, words, log=log)
            answers(f"http://{HOST}:{port}/", self.running[name], name=name, log=log)
        self._network.target(place, port)

    def _start_postgres(self, name: str, port: int) -> None:
        self._postgres = Postgres(self._processes, port, self._folders.logs / f"{name}.log")
        self.running[name] = self._postgres.start()
        self._postgres.create(servers.accounts(self._environments))

    def watch(self, services: Sequence[str], told: Notified) -> None:
        """Start Prometheus and Alertmanager, once the services answer: before, all would be said to be down."""
        folder = self._folders.run
        logs = {name: folder / f"{name}.log" for name in ("alertmanager", "prometheus")}
        ports = {name: self.port(name) for name in logs}
        rules = (self._folders.shop / "prometheus" / "rules.yaml", self._more_rules)
        self.running["alertmanager"] = servers.alertmanager(
            self._processes, folder, ports["alertmanager"], logs["alertmanager"], told
        )
        self.running["prometheus"] = servers.prometheus(
            self._processes, folder, ports["prometheus"], logs["prometheus"],
            targets={name: self._network.address(SCRAPER, name) for name in services},
            manager=ports["alertmanager"], rules=rules,
        )  # fmt: skip
        for name, port in ports.items():
            answers(f"http://{HOST}:{port}/-/ready", self.running[name], name=name, log=logs[name])


def stores(environments: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the servers that addresses in some environments name: `postgres:5432` to `postgresql` and so on.

    >>> stores([{"A": "redis://cache:6379/0", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318", "B": "http://b:8080"}])
    {'cache:6379': 'redis', 'otel:4318': 'otlp'}
    """
    found: dict[str, str] = {}
    for key, text in (pair for each in environments for pair in each.items()):
        scheme, parts = text.partition("://")[0], urlsplit(text) if "://" in text else None
        if parts is None or not parts.hostname:
            continue
        if scheme in ("postgresql", "postgres"):
            found[f"{parts.hostname}:{parts.port or 5432}"] = "postgresql"
        elif scheme == "redis":
            found[f"{parts.hostname}:{parts.port or 6379}"] = "redis"
        elif key == "OTEL_EXPORTER_OTLP_ENDPOINT":
            found[f"{parts.hostname}:{parts.port or 4318}"] = "otlp"
    return found


def listening(port: int, process: Process, name: str, log: Path) -> None:
    """Wait until a port is open.

    Raises:
        Unavailable: the process ended first.
    """
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):  # its end is an event; that it listens is none
            process.wait(0.02)
    raise failed(name, log)
