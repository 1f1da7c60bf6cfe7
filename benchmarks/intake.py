"""How much does the alert webhook take: a flood at a real Jupyter server, with the lab and a worker beside it.

python benchmarks/intake.py [ALERTS] [SECONDS] [STORM]

Sends the alerts in webhooks of 1,000, spread evenly over the seconds, and looks after each 200 whether its alerts are
in the journal; in between it asks the lab for its page and its status. Prints the lost alerts, the acknowledgements,
the lab's answers, the investigations, the money and the memory. STORM is `watch_storm`; a number above ALERTS turns
storms off, so that it is the limits alone that hold the workers back. Exits with 1 where a bar is not met.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from workbench import assembly
from workbench.settings import Settings

SECRET, TOKEN = "a-secret-of-the-webhook-0123456789", "of-this-measurement-only"
BATCH, AT_ONCE, IN_ALL, CAP = 1000, 3, 5, 0.5


@dataclass
class Seen:
    """What was measured while the flood lasted."""

    acknowledged: list[float] = field(default_factory=list)
    lab: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    late: int = 0
    """Alerts that were not in the journal when 200 was said."""
    at_once: int = 0
    server: int = 0
    worker: int = 0
    """Most memory, in bytes."""


def fetched(request: urllib.request.Request | str, patience: float = 60) -> bytes:
    """Return the body of an answer."""
    with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310  # a server of ours
        body: bytes = answer.read()
        return body


@contextmanager
def lab(home: Path, storm: int) -> Iterator[tuple[str, psutil.Process]]:
    """Run a JupyterLab as `workbench lab` does, and give its address."""
    (home / "notebooks").mkdir(parents=True)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    limits = {"AT_ONCE": AT_ONCE, "AN_HOUR": IN_ALL, "STORM": storm}
    settings = {
        "WORKBENCH_HOME": str(home),
        "WORKBENCH_WEBHOOK_SECRET": SECRET,
        "WORKBENCH_BUDGET_DAILY_DOLLARS": str(CAP),
        "JUPYTER_RUNTIME_DIR": str(home / "run"),
        **{f"WORKBENCH_WATCH_{name}": str(value) for name, value in limits.items()},
    }
    words = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    words += ["--allow-root", "--no-browser", f"--ServerApp.root_dir={home / 'notebooks'}"]
    words += ["--ServerApp.jpserver_extensions=workbench.server=True"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(  # noqa: S603  # this very interpreter, words of ours
            [sys.executable, "-m", "jupyterlab", *words], env={**os.environ, **settings}, stdout=log, stderr=log
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    fetched(f"{address}/workbench/healthz")
                    break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.1)
            yield address, psutil.Process(process.pid)
        finally:
            process.terminate()


def batch(number: int, began: datetime) -> bytes:
    """Return a webhook of alerts that nobody sent before, each of a thing of its own."""
    started = (began + timedelta(seconds=number)).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": "PodDown",
                "pod": f"pod-{each}",
                "team": f"team-{each % 997}",
                "severity": "warning",
            },
            "annotations": {"summary": f"Pod {each} has not been ready for five minutes."},
            "startsAt": started,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://prometheus.example.org/graph?g0.expr=kube_pod_status_ready",
            "fingerprint": f"{each:016x}",
        }
        for each in range(number * BATCH, (number + 1) * BATCH)
    ]
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


def deliver(address: str, body: bytes, journal: Path, seen: Seen) -> None:
    """Send a webhook and see that what it said is kept."""
    request = urllib.request.Request(  # noqa: S310  # a server of ours
        f"{address}/workbench/hooks/alertmanager", body, {"Authorization": f"Bearer {SECRET}"}
    )
    began = time.perf_counter()
    try:
        said = json.loads(fetched(request))
    except OSError as error:
        seen.refused.append(str(error))
        return
    seen.acknowledged.append(time.perf_counter() - began)
    wanted = json.dumps([each["id"] for each in said["alerts"]])
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as file:
        look = (
            "SELECT count(*) FROM queue JOIN alerts ON id = alert_id WHERE alert_id IN (SELECT value FROM json_each(?))"
        )
        seen.late += BATCH - file.execute(look, (wanted,)).fetchone()[0]


def watch(address: str, server: psutil.Process, home: Path, seen: Seen, done: threading.Event) -> None:
    """Ask the lab, and look at memory and at the queue, again and again."""
    headers = {"Authorization": f"token {TOKEN}"}
    paths = ("api/status", "lab")
    turn = 0
    while not done.wait(0.2):
        request = urllib.request.Request(f"{address}/{paths[turn % 2]}", headers=headers)  # noqa: S310  # a server of ours
        turn += 1
        began = time.perf_counter()
        fetched(request)
        seen.lab.append(time.perf_counter() - began)
        seen.server = max(seen.server, server.memory_info().rss)
        beside = [each for each in server.children() if "watch" in each.cmdline()]
        seen.worker = max([seen.worker, *(each.memory_info().rss for each in beside)])
        if (home / "journal.db").exists():
            with closing(sqlite3.connect(f"file:{home / 'journal.db'}?mode=ro", uri=True)) as file:
                (under_way,) = file.execute("SELECT count(*) FROM queue WHERE state = 'claimed'").fetchone()
                seen.at_once = max(seen.at_once, under_way)


def share(values: list[float], part: float) -> float:
    """Return what that part of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def main(alerts: int, seconds: float, storm: int) -> int:
    """Print the figures."""
    webhooks, seen, done = alerts // BATCH, Seen(), threading.Event()
    began = datetime.now(UTC) - timedelta(seconds=webhooks)
    bodies = [batch(number, began) for number in range(webhooks)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with lab(home, storm) as (address, server):
            watcher = threading.Thread(target=watch, args=(address, server, home, seen, done))
            watcher.start()
            first, sending = time.monotonic(), []
            for number, body in enumerate(bodies):  # by the clock, whether or not the last one was answered
                time.sleep(max(0.0, first + number * seconds / webhooks - time.monotonic()))
                sending.append(threading.Thread(target=deliver, args=(address, body, home / "journal.db", seen)))
                sending[-1].start()
            for each in sending:
                each.join()
            took = time.monotonic() - first
            time.sleep(20)  # the workers go on with what came
            done.set()
            watcher.join()
            journal = assembly.journal(Settings(home=home))
            begun = [each for each in journal.queue.places() if each.began is not None]
            counts, spent = journal.queue.counts(), journal.spent().dollars
    lost = alerts - sum(counts.values())
    lines = (
        f"{alerts:,} alerts in {webhooks} webhooks, {took:.1f} s: {lost} lost, {len(seen.refused)} webhooks refused, "
        f"{seen.late} alerts not in the journal when 200 was said",
        f"acknowledged: median {share(seen.acknowledged, 0.5):.3f} s, p99 {share(seen.acknowledged, 0.99):.3f} s, "
        f"longest {max(seen.acknowledged, default=0):.3f} s",
        f"the lab answered {len(seen.lab)} times: median {share(seen.lab, 0.5) * 1000:.0f} ms, "
        f"p95 {share(seen.lab, 0.95) * 1000:.0f} ms, longest {max(seen.lab, default=0) * 1000:.0f} ms",
        f"investigations: at most {seen.at_once} at once, {len(begun)} in all; ${spent:.2f} of ${CAP:.2f}; "
        + ", ".join(f"{count:,} {state}" for state, count in counts.items() if count),
        f"memory: server {seen.server / 1e6:.0f} MB, worker {seen.worker / 1e6:.0f} MB at most",
    )
    print("\n".join(lines))  # noqa: T201  # a benchmark speaks to its reader
    met = (
        not (lost or seen.late or seen.refused)
        and (seen.at_once <= AT_ONCE and len(begun) <= IN_ALL and spent <= CAP)
        and share(seen.acknowledged, 0.99) <= 1
        and share(seen.lab, 0.95) <= 0.5
        and seen.server < 500e6
    )
    return 0 if met else 1


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(given + [100_000, 60, 50][len(given) :])))
