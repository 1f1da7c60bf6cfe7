"""How faults are made: by releases, on the network, by neighbours, by signals. Each act returns what undoes it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ontology.errors import NotFound
from workbench.bench.estate.faults.nouns import PATCHES, Heal, Inject, Running, callers, following, together

NEIGHBOUR = Path(__file__).parents[1] / "chaos_neighbour.py"
AUTHORS = ("Mara Lindqvist <mara@shop.example>", "Tomas Okoye <tomas@shop.example>", "Ines Duarte <ines@shop.example>")

TIGHT = """\
groups:
  - name: objectives
    interval: 2s
    rules:
      - alert: LatencyObjective
        expr: >-
          histogram_quantile(0.99, sum by (le) (
          rate(http_server_request_duration_seconds_bucket{service="SERVICE"}[20s]))) > SECONDS
        for: 4s
        labels: {service: SERVICE, severity: warning}
        annotations:
          summary: 'p99 latency of SERVICE is {{ $value | humanizeDuration }}, above SECONDS s'
          runbook_url: https://runbooks.example.invalid/latency-high
"""
"""A rule that is true of any service with users, where its threshold is low enough."""


def author_of(service: str) -> str:
    """Return who releases a service: always the same person."""
    return AUTHORS[sum(map(ord, service)) % len(AUTHORS)]


def release(service: str, message: str, *, patch: str = "", wait: bool = True, **environment: str) -> Inject:
    """Deploy a version with other settings, with a patch, or with neither; healed by a release that takes it back."""

    def inject(estate: Running) -> Heal:
        before = {key: str(estate.declared()[service].get(key, "")) for key in environment}
        file = PATCHES / f"{patch}.patch" if patch else None
        who = author_of(service)
        version = following(estate.version(service))
        estate.deploy(service, version, environment=environment, patch=file, author=who, message=message, wait=wait)

        def heal() -> None:
            back = f"{service}: take back {version}"
            after = following(version)
            estate.deploy(
                service, after, environment=before, patch=file, reverse=file is not None, author=who, message=back
            )

        return heal

    return inject


def nothing(estate: Running) -> Heal:
    """Leave all as it is."""
    return lambda: None


def flag(name: str, value: str, usual: str) -> Inject:
    """Turn a feature flag."""

    def inject(estate: Running) -> Heal:
        estate.flag(name, value)
        return lambda: estate.flag(name, usual)

    return inject


def delayed(callee: str, ms: float, jitter: float) -> Inject:
    """Delay what the callee is sent and sends, whoever calls it."""
    return _links(callee, lambda link: link.delay(ms, jitter))


def lossy(callee: str, share: float) -> Inject:
    """Lose a share of what goes to the callee, whoever calls it."""
    return _links(callee, lambda link: link.loss(share))


def cut(callee: str) -> Inject:
    """Cut the callee off from all who call it."""
    return _links(callee, lambda link: link.partition())


def _links(callee: str, act: Callable[..., None]) -> Inject:
    def inject(estate: Running) -> Heal:
        links = [estate.network(caller, callee) for caller in callers(estate, callee)]
        for link in links:
            act(link)
        return together([link.heal for link in links])

    return inject


def unresolved(name: str) -> Inject:
    """Take a service's name out of what its callers can resolve."""

    def inject(estate: Running) -> Heal:
        who = callers(estate, name)
        for caller in who:
            estate.unresolve(caller, name)

        def heal() -> None:
            for caller in who:
                estate.resolve(caller, name)

        return heal

    return inject


def deaf(caller: str, *names: str) -> Inject:
    """Break a service's own resolver: it no longer finds these names, while others do."""

    def inject(estate: Running) -> Heal:
        for name in names:
            estate.unresolve(caller, name)

        def heal() -> None:
            for name in names:
                estate.resolve(caller, name)

        return heal

    return inject


def paused(service: str) -> Inject:
    """Stop the process where it is."""

    def inject(estate: Running) -> Heal:
        estate.pause(service)
        return lambda: estate.resume(service)

    return inject


def neighbour(kind: str, words: Callable[[Running], tuple[object, ...]]) -> Inject:
    """Start a process beside the service that bothers it (`chaos_neighbour.py`), until healed."""

    def inject(estate: Running) -> Heal:
        process = subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, str(NEIGHBOUR), kind, *map(str, words(estate))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def heal() -> None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

        return heal

    return inject


def limited(service: str, *, fds: int | None = None, memory: int | None = None) -> Inject:
    """Put the service under limits that are too tight: of memory at once, of descriptors from a new start on."""

    def inject(estate: Running) -> Heal:
        estate.limit(service, fds=fds, memory=memory)
        if fds is not None:
            estate.restart(service)

        def heal() -> None:
            estate.limit(service, fds=0 if fds else None, memory=0 if memory else None)
            estate.restart(service)

        return heal

    return inject


def statements(database: str, broken: str, mended: str) -> Inject:
    """Run SQL that hurts a database, and SQL that mends it."""

    def inject(estate: Running) -> Heal:
        estate.sql(database, broken)
        return lambda: estate.sql(database, mended)

    return inject


def both(*injects: Inject) -> Inject:
    """Make several faults, one right after the other."""

    def inject(estate: Running) -> Heal:
        return together([each(estate) for each in injects])

    return inject


def users(count: int, usual: int) -> Inject:
    """Let many more users in."""

    def inject(estate: Running) -> Heal:
        estate.load(users=count)
        return lambda: estate.load(users=usual)

    return inject


def slow_way(caller: str, callee: str, ms: float, jitter: float) -> Inject:
    """Delay what one caller alone exchanges with a callee, such as a service with its database."""

    def inject(estate: Running) -> Heal:
        link = estate.network(caller, callee)
        link.delay(ms, jitter)
        return link.heal

    return inject


def apart(caller: str, callee: str) -> Inject:
    """Cut the way from one caller to a callee."""

    def inject(estate: Running) -> Heal:
        link = estate.network(caller, callee)
        link.partition()
        return link.heal

    return inject


def crashing(service: str, after: float) -> Inject:
    """Kill the process, and again so many seconds after each time that it was started."""

    def inject(estate: Running) -> Heal:
        over = threading.Event()

        def strike() -> None:
            struck = 0
            while not over.is_set():
                with contextlib.suppress(NotFound, ProcessLookupError):  # it is down just now
                    if estate.pid(service) != struck:
                        over.wait(after if struck else 0.0)
                        struck = estate.pid(service)
                        os.kill(struck, signal.SIGKILL)
                over.wait(0.2)

        thread = threading.Thread(target=strike, daemon=True)
        thread.start()

        def heal() -> None:
            over.set()
            thread.join(after + 1)

        return heal

    return inject


def full(service: str, setting: str) -> Inject:
    """Fill the disk that a service writes to: every file in its folder becomes a link to a full device."""

    def inject(estate: Running) -> Heal:
        folder = place_of(estate, service, setting)
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        for path in files:
            path.rename(path.with_name(f".{path.name}"))
            path.symlink_to("/dev/full")

        def heal() -> None:
            for path in files:
                path.unlink()
                path.with_name(f".{path.name}").rename(path)

        return heal

    return inject


def expired(service: str, setting: str) -> Inject:
    """Replace a service's certificate by one that was valid until yesterday, made by the shop's own script."""

    def inject(estate: Running) -> Heal:
        path = place_of(estate, service, setting)
        kept = shutil.copy(path, path.with_suffix(".kept"))
        past = {setting: str(path), "CERT_START": "-9d", "CERT_VALIDITY": "8"}
        subprocess.run(  # noqa: S603  # the shop's own script
            ["/bin/sh", f"{service}/make-certificate.sh"], cwd=estate.repository, env={**os.environ, **past}, check=True
        )
        return lambda: Path(kept).replace(path)

    return inject


def tight(service: str, seconds: float) -> Inject:
    """Add a rule on a service's latency whose threshold is below what is usual, so that it fires; nothing is broken."""

    def inject(estate: Running) -> Heal:
        estate.rules(TIGHT.replace("SERVICE", service).replace("SECONDS", f"{seconds:g}"))
        return lambda: estate.rules("")

    return inject


def host_of(url: str) -> tuple[str, int]:
    """Return host and port of an address.

    >>> host_of("http://127.0.0.1:8080")
    ('127.0.0.1', 8080)
    """
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 80)


def place_of(estate: Running, service: str, setting: str) -> Path:
    """Return the file or folder that a setting of a service names, in the running copy."""
    return estate.repository / estate.declared()[service][setting]
