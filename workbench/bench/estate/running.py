"""The estate: a small shop as real processes, its servers, its telemetry, its users. `with` starts it and ends it.

    with Estate.up(users=12) as estate:
        estate.network("catalog", "postgres").delay(300)
        estate.deploy("payment", "1.8.3", environment={"POOL_SIZE": "1"})
        estate.settings()                       # WORKBENCH_* variables that point an investigation at it

Linux only: processes end with us by the kernel's word (`launch.py`), and are watched by their descriptors.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from workbench.bench.estate import build, servers
from workbench.bench.estate.compose import ENVIRONMENT, LEFT_OUT, PORT, SHOP, Compose
from workbench.bench.estate.events import Event, Events
from workbench.bench.estate.infrastructure import SCRAPER, Folders, Infrastructure, stores
from workbench.bench.estate.network import Link, Network
from workbench.bench.estate.processes import HOST, Process, Processes
from workbench.bench.estate.releasing import FLAGS, Releases
from workbench.bench.estate.servers import Notified
from workbench.bench.estate.services import Services

USERS = "users"
"""The users as a caller: they come through links of their own."""
INHERITED = ("PATH", "LANG", "HOME", "TMPDIR", "JAVA_HOME", "VIRTUAL_ENV")
NOBODY = Notified()


class Estate:
    """The running shop; `Estate.up()` makes one."""

    def __init__(self, folder: Path | None, seed: int, shop: Path) -> None:
        self.seed, self._source, self._temporary = seed, shop, folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="workbench-estate-")).absolute()
        self._folders = Folders(self.folder)
        self.repository = self._folders.shop
        self.compose = self.repository / "compose.yaml"
        self.spans, self.logs = (self._folders.telemetry / name for name in ("traces.jsonl", "logs.jsonl"))
        self._releases = Releases(self.repository)
        self._ends = ExitStack()
        """What ends it, the last thing started first."""

    @classmethod
    def up(
        cls,
        folder: Path | None = None,
        seed: int = 1,
        users: int = 12,
        *,
        shop: Path = SHOP,
        told: Notified = NOBODY,
        declared: Callable[[str], str] = str,
    ) -> Estate:
        """Start the estate; it answers when this returns.

        Args:
            folder: where it all lies, kept afterwards; None for a temporary one.
            seed: decides what chance there is: users, losses, history.
            users: how many visit it.
            shop: what to run: a folder with a compose file.
            told: whom Alertmanager tells.
            declared: what its compose file says, from what that of the shop says; the same where it is not given.

        Raises:
            Unavailable: something that it needs is not installed, or does not start. Nothing is left running then.
        """
        estate = cls(folder, seed, shop)
        try:
            estate._come_up(users, told, declared)
        except BaseException:
            estate.down()
            raise
        return estate

    def __enter__(self) -> Estate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def down(self) -> None:
        """End everything; nothing is left but, where a folder was given, what lies in it."""
        self._ends.close()

    # what there is

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services."""
        return tuple(self._services.slots)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened to the services so far: starts, ends, restarts, releases, flags."""
        return self._events.all

    def wait(self, entity: str, field: str, *, after: datetime | None = None, patience: float = 30.0) -> Event:
        """Wait for an event of an entity's field, such as `restarts`: the next one, or the first after a moment.

        Raises:
            Unavailable: none came in time.
        """
        return self._events.wait(entity, field, after or datetime.now(UTC), patience)

    @property
    def prometheus_url(self) -> str:
        """Address of Prometheus."""
        return f"http://{HOST}:{self._infrastructure.port('prometheus')}"

    @property
    def alertmanager_url(self) -> str:
        """Address of Alertmanager."""
        return f"http://{HOST}:{self._infrastructure.port('alertmanager')}"

    def url(self, name: str) -> str:
        """Return where a service answers; the same through restarts and releases."""
        return f"http://{self._net.address(USERS, name)}"

    def address(self, name: str) -> tuple[str, int]:
        """Return where a store really listens (`postgres`, `cache`), past the links.

        Raises:
            NotFound: there is no such server.
        """
        return self._infrastructure.address(name)

    def pid(self, name: str) -> int:
        """Return the process of a service, or of what stands beside them (`postgres`, `cache`, `prometheus`, ...).

        Raises:
            NotFound: it does not run.
        """
        beside = self._beside()
        return beside[name].pid if name in beside else self._services.pid(name)

    def pids(self) -> dict[str, int]:
        """Return the processes that run, by name."""
        slots = self._services.slots.values()
        running = {each.name: each.running.process.pid for each in slots if each.running and not each.running.ended}
        return running | {name: each.pid for name, each in self._beside().items() if each.poll() is None}

    def _beside(self) -> dict[str, Process]:
        return {**self._infrastructure.running, "proxy": self._net.process, "load": self._visitors}

    def declared(self) -> dict[str, dict[str, str]]:
        """Return the environment that the compose file declares now, by service."""
        return {name: dict(each.environment) for name, each in self._compose.services.items()}

    def version(self, name: str) -> str:
        """Return the version of a service that is declared now."""
        return self._compose.services[self._services.slot(name).name].version

    @property
    def _compose(self) -> Compose:
        return self._releases.compose

    def dsn(self, database: str) -> str:
        """Return the address of a database, as its owner, where it really listens.

        Raises:
            NotFound: no service uses such a database.
        """
        return self._infrastructure.database.address(database)

    def sql(self, database: str, text: str) -> list[tuple[object, ...]]:
        """Run SQL as the superuser, each statement by itself; return the rows of the last one."""
        return self._infrastructure.database.sql(database, text)

    def settings(self) -> dict[str, str]:
        """Return the variables that point the workbench at this estate."""
        return {
            "WORKBENCH_ENVIRONMENT": ENVIRONMENT,
            "WORKBENCH_PROMETHEUS_URL": self.prometheus_url,
            "WORKBENCH_PROMETHEUS_STEP_SECONDS": "2",  # as the shop's prometheus.yaml scrapes
            "WORKBENCH_ALERTMANAGER_URL": self.alertmanager_url,
            "WORKBENCH_TRACE_FILES": json.dumps([str(self._folders.telemetry / "traces*.jsonl")]),
            "WORKBENCH_LOG_FILES": json.dumps({str(self._folders.logs / "*.log"): ""}),
            "WORKBENCH_GIT_FOLDERS": json.dumps([str(self.repository)]),
            "WORKBENCH_STATE_FILE": str(self._events.path),
        }

    # what can be done to it

    def start(self, name: str) -> None:
        """Start a service that was stopped."""
        self._services.start(name)

    def stop(self, name: str, *, hard: bool = False) -> None:
        """End a service; it stays so until it is started.

        Args:
            name: the service.
            hard: kill it rather than ask.
        """
        self._services.stop(name, hard=hard)

    def restart(self, name: str) -> None:
        """End a service and start it again."""
        self._services.stop(name)
        self._services.start(name)

    def pause(self, name: str) -> None:
        """Let a process stand still: its port is open, and nothing answers."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        os.kill(self.pid(name), signal.SIGCONT)

    def limit(self, name: str, *, fds: int | None = None, memory: int | None = None) -> None:
        """Limit a service from its next start on (fds) or at once (bytes of resident memory); 0 lifts a limit."""
        slot = self._services.slot(name)
        slot.limit.fds = slot.limit.fds if fds is None else fds
        slot.limit.memory = slot.limit.memory if memory is None else memory

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
        """Release a version: the compose file is written and committed, then the process is replaced.

        Args:
            name: the service.
            version: what `SERVICE_VERSION` and the image say from now on.
            environment: variables that change.
            patch: a unified diff of the shop's code.
            reverse: take the patch back rather than apply it.
            author: `Name <mail>`; empty for the robot that releases.
            message: of the commit; empty: what changes.
            wait: the old process ends when the new one answers; else it ends first, and nobody waits for the new
                one, so that a release which does not come up is a crash loop.

        Returns:
            The sha of the commit.

        Raises:
            Unavailable: the new version is waited for and does not come up; the commit stays, the old process too.
        """
        sha = self._releases.release(
            name, version, environment or {}, patch=patch, reverse=reverse, author=author, message=message
        )
        service = self._compose.services[name]
        if patch is not None:
            build.compiled(self._processes, self.repository, service.build, self._folders.run)
        self._events.add(name, "deployment", "image", service.image)
        self._services.replace(name, wait=wait)
        return sha

    def flag(self, name: str, value: str | bool, *, author: str = "") -> str:
        """Set a feature flag to one of its variants, and commit that; services read the file again by themselves.

        Raises:
            NotFound: there is no such flag, or no such variant.
        """
        variant, sha = self._releases.flag(name, value, author=author)
        self._events.add(name, "flag", name, variant)
        return sha

    def network(self, caller: str, callee: str) -> Link:
        """Return the link between two: services and stores; `users` and `prometheus` are callers too."""
        return self._net.link(caller, callee)

    def unresolve(self, caller: str, name: str) -> None:
        """Let a caller no longer find a name."""
        self._net.unresolve(caller, name)

    def resolve(self, caller: str, name: str) -> None:
        """Let a caller find a name again."""
        self._net.resolve(caller, name)

    def rules(self, text: str) -> None:
        """Give Prometheus a file of rules beside the shop's own; empty takes it away."""
        self._infrastructure.rules(text)

    def load(self, users: int) -> None:
        """Let there be so many users."""
        assert self._visitors.stdin is not None and self._visitors.stdout is not None
        self._visitors.stdin.write(f"{users}\n".encode())
        self._visitors.stdin.flush()
        self._visitors.stdout.readline()

    # how it comes up

    def _come_up(self, users: int, told: Notified, declared: Callable[[str], str]) -> None:
        if self._temporary:
            self._ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
        shutil.copytree(self._source, self.repository, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.compose.write_text(declared(self.compose.read_text()))
        self._folders.make()
        services = self._compose.services
        environments = [each.environment for each in services.values()]
        servers.check(needed(self._compose, stores(environments)))
        self._processes = Processes()
        self._ends.callback(self._processes.dismiss)
        if self._temporary:
            self._processes.removes(self.folder)
            self._ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._ends.callback(self._processes.close)
        self._events = Events(self.folder / "events.jsonl")
        self._releases.history.begin({name: each.version for name, each in services.items()}, self.seed)
        self._connect(list(services), list(stores(environments)))
        self._infrastructure = Infrastructure(self._processes, self._net, self._folders, environments)
        self._ends.callback(self._infrastructure.close)
        # ended before what it starts, so that nobody waits for a server that will not come any more
        pool = ThreadPoolExecutor(8, thread_name_prefix="estate-up")
        self._ends.callback(pool.shutdown, wait=False, cancel_futures=True)
        jobs = build.jobs(self._processes, self.repository, services.values(), self._folders.run)
        made = [pool.submit(job) for job in jobs]
        for each in (*self._infrastructure.begin(pool), *made):
            each.result()
        self._seed()
        self._services = Services(
            self._processes, self._compose, self._net, self._events, self._folders.logs, self._common()
        )
        self._ends.callback(self._services.close)
        for each in [pool.submit(self._services.start, name) for name in services]:
            each.result()
        self._services.begin()
        self._infrastructure.watch(list(services), told)
        self._let_in(users)

    def _connect(self, services: list[str], places: list[str]) -> None:
        """Open the network: a link from everyone to everyone."""
        self._net = Network(self._processes, self._folders.hosts, self._folders.run / "proxy.log", self.seed)
        self._net.listen([*services, USERS, SCRAPER], [*(f"{name}:{PORT}" for name in services), *places])

    def _common(self) -> dict[str, str]:
        """Return what every process of the shop has in its environment."""
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        # its parent folder on the path makes the shop a package of its own name
        return inherited | {"PYTHONPATH": str(self.folder), "FLAGS_FILE": str(self.repository / FLAGS)}

    def _seed(self) -> None:
        """Fill the stores."""
        for each in self._compose.seeds:
            env = {**self._common(), **self._compose.services[each.service].environment}
            env["SHOP_HOSTS_FILE"] = str(self._net.hosts(each.service))
            log = self._folders.run / "seed.log"
            self._processes.run(" ".join(each.run), each.run, log=log, env=env, folder=self.repository)

    def _let_in(self, users: int) -> None:
        """Start the users, at the first service."""
        plan = self._folders.run / "users.json"
        plan.write_text(json.dumps(self._compose.content.get("x-users") or [{"path": "/health"}]))
        script = str(Path(__file__).with_name("load.py"))
        words = [sys.executable, "-I", script, self.url(self.services[0]), str(self.seed), str(plan)]
        self._visitors = self._processes.start("load", words, log=self._folders.run / "load.log", piped=True)
        self._ends.callback(self._processes.end, self._visitors)
        self.load(users)


def needed(declared: Compose, found: Mapping[str, str]) -> list[str]:
    """Return the programs that an estate needs, as `servers.PACKAGES` calls them."""
    words = {each.run[0] for each in declared.services.values()}
    words |= {step[0] for each in declared.services.values() for step in each.build}
    words |= {"npm"} if "node" in words else set()
    kinds = {"postgresql": "postgres", "redis": "redis"}
    return sorted({*words, *(kinds[each] for each in found.values() if each in kinds), "prometheus", "alertmanager"})
