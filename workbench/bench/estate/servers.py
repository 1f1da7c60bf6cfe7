"""The real servers beside the services: PostgreSQL, redis, Prometheus, Alertmanager, and where their programs are.

PostgreSQL refuses to run as root; then it runs as another user (`postgres`, else `nobody`), its data in a folder of
that user's. It runs with `fsync=off`: what it holds is made anew at each start, and nothing of it must last.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    import psycopg

from ontology.errors import NotFound, Unavailable
from workbench.bench.estate.build import cache
from workbench.bench.estate.compose import ENVIRONMENT
from workbench.bench.estate.processes import HOST, Process, Processes, failed

POSTGRES_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_min_duration_statement": "500",
    "autovacuum_naptime": "20s",
}


def program(*names: str) -> str | None:
    """Return where the first of some programs is, PostgreSQL's own folders of Debian included."""
    for name in names:
        debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
        if found := shutil.which(name) or next((str(each) for each in debian), None):
            return found
    return None


PACKAGES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "postgres": (("postgres", "initdb"), "postgresql"),
    "redis": (("redis-server",), "redis-server"),
    "prometheus": (("prometheus",), "prometheus"),
    "alertmanager": (("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
    "node": (("node",), "nodejs"),
    "npm": (("npm",), "npm"),
    "java": (("java",), "default-jdk-headless"),
    "javac": (("javac",), "default-jdk-headless"),
}
"""What an estate may need, the programs that are it, and Debian's package."""


def missing(needed: Iterable[str]) -> list[str]:
    """Return Debian's packages for what is needed and not there."""
    absent = [each for each in needed if each in PACKAGES and program(*PACKAGES[each][0]) is None]
    return sorted({PACKAGES[each][1] for each in absent})


def check(needed: Iterable[str]) -> None:
    """See that all that is needed is there.

    Raises:
        Unavailable: something is not; the error names the packages.
    """
    if absent := missing(needed):
        raise Unavailable(
            f"The estate needs what is not installed: {', '.join(absent)}.",
            next_step=f"apt-get install {' '.join(absent)}",
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A role and a database of PostgreSQL, as a service's address of it says."""

    user: str
    password: str
    database: str


def accounts(environments: Iterable[Mapping[str, str]], scheme: str = "postgresql") -> list[Account]:
    """Return the accounts that the addresses in some environments name."""
    found = dict[Account, None]()
    for text in (value for each in environments for value in each.values()):
        if text.startswith((f"{scheme}://", "postgres://")):
            parts = urlsplit(text)
            found[Account(parts.username or "", parts.password or "", parts.path.strip("/"))] = None
    return list(found)


@dataclass
class Postgres:
    """A PostgreSQL on a port of ours."""

    processes: Processes
    port: int
    log: Path
    process: Process | None = None
    place: Path | None = None
    """Its data and its socket: a temporary folder of the user that it runs as."""
    held: tuple[Account, ...] = ()

    def start(self) -> Process:
        """Start it from a template that is made once a user; it does not answer yet."""
        template = self._template()
        self.place = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
        self.processes.removes(self.place)
        data = self.place / "data"
        shutil.copytree(template, data, symlinks=True)
        self._hand_over(self.place)
        data.chmod(0o700)
        options = {**POSTGRES_OPTIONS, "port": str(self.port), "listen_addresses": HOST}
        words = [*as_other(signal.SIGQUIT), str(program("postgres")), "-D", str(data), "-k", str(self.place)]
        words += [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        # by SIGQUIT it gives its shared memory back at once; by SIGKILL it would leave it behind
        self.process = self.processes.start(
            "PostgreSQL", words, log=self.log, dies_by=signal.SIGQUIT, folder=self.place
        )
        return self.process

    def address(self, database: str) -> str:
        """Return the address of a database as its owner uses it.

        Raises:
            NotFound: nobody owns it.
        """
        each = self.account(database)
        return f"postgresql://{each.user}:{each.password}@{HOST}:{self.port}/{each.database}"

    def account(self, database: str) -> Account:
        """Return who owns a database.

        Raises:
            NotFound: nobody does.
        """
        found = next((each for each in self.held if each.database == database), None)
        if found is None:
            known = ", ".join(each.database for each in self.held)
            raise NotFound(f"There is no database {database!r}.", next_step=f"Databases: {known}.")
        return found

    def sql(self, database: str, text: str) -> list[tuple[object, ...]]:
        """Run statements as the superuser; return the rows of the last one, none where it gives none."""
        with self._connected(database) as link:
            cursor = link.execute(text)
            return list(cursor.fetchall()) if cursor.description else []

    def create(self, wanted: Sequence[Account]) -> None:
        """Make roles and databases, once it answers.

        Raises:
            Unavailable: it ended, or does not answer.
        """
        import psycopg  # late, an extra: only who runs an estate has it
        from psycopg import sql

        self.held = tuple(wanted)
        with self._connected("postgres") as link:
            for each in wanted:
                role, base = sql.Identifier(each.user), sql.Identifier(each.database)
                with suppress(psycopg.errors.DuplicateObject):
                    link.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(each.password)))
                with suppress(psycopg.errors.DuplicateDatabase):
                    link.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(base, role))

    def _connected(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection of the superuser, through the socket in its folder; wait until it can be had."""
        import psycopg

        assert self.process is not None
        words = f"host={self.place} port={self.port} user=postgres dbname={database}"
        for _ in range(2400):
            with suppress(psycopg.OperationalError):
                return psycopg.connect(words, autocommit=True)
            with suppress(subprocess.TimeoutExpired):  # its end is an event; that it listens is none
                self.process.wait(0.05)
                break
        raise failed("PostgreSQL", self.log)

    def end(self) -> None:
        """End it at once, and remove its data."""
        if self.process is not None and self.process.poll() is None:
            self.processes.end(self.process, by=signal.SIGQUIT)
        if self.place is not None:
            shutil.rmtree(self.place, ignore_errors=True)

    def _template(self) -> Path:
        """Return an initialised data folder of this version, made on first use and kept in the user's cache."""
        initdb = str(program("initdb"))
        held = cache("postgres") / "-".join(Path(initdb).resolve().parts[-3:-1])
        if not held.exists():
            place = Path(tempfile.mkdtemp(prefix="workbench-initdb-"))
            self.processes.removes(place)
            try:
                self._hand_over(place)
                words = [*as_other(signal.SIGKILL), initdb, "-D", str(place / "data"), "-U", "postgres", "-E", "UTF8",
                         "--locale=C", "-N", "--auth-local=trust", "--auth-host=scram-sha-256"]  # fmt: skip
                self.processes.run("initdb", words, log=self.log, folder=place)
                fresh = Path(tempfile.mkdtemp(dir=held.parent))
                shutil.copytree(place / "data", fresh / "data", symlinks=True)
                with suppress(OSError):  # another estate made it in the meantime
                    (fresh / "data").rename(held)
                shutil.rmtree(fresh)
            finally:
                shutil.rmtree(place, ignore_errors=True)
        return held

    def _hand_over(self, folder: Path) -> None:
        """Give a folder, and what is in it, to the user that PostgreSQL runs as."""
        if os.geteuid() != 0:
            return
        who = other_user()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)


def other_user() -> pwd.struct_passwd:
    """Return the user that PostgreSQL runs as where we are root."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def as_other(number: int) -> list[str]:
    """Return what stands before a program that refuses root; nothing where we are not.

    A change of user takes back what `launch.py` asked of the kernel, so it is asked once more.
    """
    if os.geteuid() != 0:
        return []
    who = other_user()
    ids = [f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, f"--pdeathsig={signal.Signals(number).name.removeprefix('SIG')}", "--"]


def redis(processes: Processes, name: str, port: int, log: Path) -> Process:
    """Start a redis that keeps nothing on disk."""
    words = [str(program("redis-server")), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    return processes.start(name, [*words, "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"], log=log)


def prometheus(
    processes: Processes,
    folder: Path,
    port: int,
    log: Path,
    *,
    targets: Mapping[str, str],
    manager: int,
    rules: Sequence[Path],
) -> Process:
    """Start a Prometheus that scrapes and evaluates every two seconds, and says of its alerts where they come from.

    Args:
        processes: who starts it.
        folder: for its configuration and its data.
        port: where it listens.
        log: where it speaks.
        targets: name to host and port.
        manager: port of the Alertmanager.
        rules: files of rules; need not be there.
    """
    scrapes = [_scrape(name, place, f"{name}:8080") for name, place in targets.items()]
    scrapes += [_scrape("prometheus", f"{HOST}:{port}", "prometheus:9090")]
    scrapes += [_scrape("alertmanager", f"{HOST}:{manager}", "alertmanager:9093")]
    configuration = {
        "global": {
            "scrape_interval": "2s",
            "scrape_timeout": "2s",
            "evaluation_interval": "2s",
            "external_labels": {"environment": ENVIRONMENT},  # on every alert, also of rules that come later
        },
        "rule_files": [str(each) for each in rules],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{manager}"]}]}]},
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration, sort_keys=False))
    words = [str(program("prometheus")), f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'prometheus'}", "--storage.tsdb.retention.time=12h",
             f"--web.listen-address={HOST}:{port}", "--log.level=warn"]  # fmt: skip
    return processes.start("Prometheus", words, log=log)


def _scrape(name: str, place: str, instance: str) -> dict[str, object]:
    labels = {"service": name, "instance": instance}
    return {"job_name": name, "static_configs": [{"targets": [place], "labels": labels}]}


@dataclass(frozen=True, slots=True)
class Notified:
    """Whom Alertmanager tells."""

    webhook: str = ""
    """Address of the workbench's intake."""
    secret: str = ""
    """What the intake wants as a bearer."""
    chat: str = ""
    """Address of an incoming webhook as Slack has them; its message carries the link to the notebook."""
    workbench: str = ""
    """Address of the workbench, for that link; empty: the intake's own server."""

    @property
    def link(self) -> str:
        """Where links begin."""
        return (self.workbench or self.webhook.partition("/workbench/hooks/")[0]).rstrip("/")


LINK = """\
{{ define "workbench.link" -}}
{{ $slug := reReplaceAll "[^a-z0-9]+" "-" (toLower .Labels.alertname) -}}
{{ $name := reReplaceAll "^-+|-+$" "" (reReplaceAll "^-*(.{0,40}).*$" "$1" $slug) -}}
@BASE@/workbench/open/{{ $name }}-{{ .Fingerprint }}-{{ .StartsAt.UTC.Format "20060102t150405z" }}
{{- end }}
{{ define "workbench.text" -}}
{{ range .Alerts }}{{ .Annotations.summary }} <{{ template "workbench.link" . }}|Open the incident notebook>
{{ end }}
{{- end }}
"""
"""The link of an alert, as docs/alert-link.md has it, and a message of it for a chat."""


def alertmanager(processes: Processes, folder: Path, port: int, log: Path, told: Notified) -> Process:
    """Start an Alertmanager that tells at once what fires."""
    (folder / "alert-link.tmpl").write_text(LINK.replace("@BASE@", told.link))
    receivers: list[dict[str, object]] = [{"name": "nobody"}]
    routes: list[dict[str, object]] = []
    if told.webhook:
        bearer = {"http_config": {"authorization": {"credentials": told.secret}}} if told.secret else {}
        to = {"url": told.webhook, "send_resolved": True, "max_alerts": 100, **bearer}
        receivers.append({"name": "workbench", "webhook_configs": [to]})
        # soon again: the intake knows a repeat, and may have been away when it fired
        routes.append({"receiver": "workbench", "continue": True, "repeat_interval": "1m"})
    if told.chat:
        title = "{{ .CommonLabels.alertname }} {{ .CommonLabels.service }}"
        text = '{{ template "workbench.text" . }}'
        message = {"api_url": told.chat, "channel": "#on-call", "title": title, "text": text}
        receivers.append({"name": "chat", "slack_configs": [message]})
        routes.append({"receiver": "chat"})
    times = {"group_wait": "1s", "group_interval": "5s", "repeat_interval": "4h"}
    route = {"receiver": "nobody", "group_by": ["alertname", "service"], **times, "routes": routes}
    configuration = {"route": route, "receivers": receivers, "templates": [str(folder / "*.tmpl")]}
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    path.chmod(0o600)  # it holds the secret
    words = [str(program("prometheus-alertmanager", "alertmanager")), f"--config.file={path}",
             f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address={HOST}:{port}",
             "--cluster.listen-address=", "--log.level=warn"]  # fmt: skip
    return processes.start("Alertmanager", words, log=log)
