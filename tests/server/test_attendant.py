"""The worker beside the server: it lives as long as the server does, and comes back when it dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench import assembly
from workbench.journal import Progress
from workbench.server.attendant import Attendant
from workbench.settings import Settings

SECRET, TOKEN = "a-secret-of-the-webhook-0123456789", "of-this-test-only"
SAYS_ITS_PID = "import os, sys; open(sys.argv[1], 'w').write(f'{os.getpid()}'); sys.stdin.read()"


def test_a_worker_that_dies_is_started_again_and_ends_with_its_server(tmp_path: Path) -> None:
    """Killed, another one comes; told to stop, none is left."""
    pipe = tmp_path / "pids"
    os.mkfifo(pipe)
    attendant = Attendant((sys.executable, "-c", SAYS_ITS_PID, str(pipe)), pause=0.01)
    attendant.start()

    first = int(pipe.read_text())
    os.kill(first, signal.SIGKILL)
    second = int(pipe.read_text())
    attendant.stop()

    assert first != second
    assert not psutil.pid_exists(first) and not psutil.pid_exists(second)


@dataclass(frozen=True)
class Server:
    """A running Jupyter server with a worker beside it."""

    address: str
    home: Path
    process: psutil.Process

    def ask(self, path: str, body: object = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def worker(self) -> psutil.Process | None:
        return next((each for each in self.process.children() if "watch" in each.cmdline()), None)


def soon(what: Callable[[], Any], patience: float = 90.0) -> Any:
    """Return what another process makes true, which has no event that reaches us."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come in time")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Jupyter server as `workbench lab` has it, without the lab; killed at the end where it still lives."""
    home = tmp_path / "home"
    (home / "notebooks").mkdir(parents=True)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    words += ["--allow-root", "--no-browser", f"--ServerApp.root_dir={home / 'notebooks'}"]
    settings = {
        "WORKBENCH_HOME": str(home),
        "WORKBENCH_WEBHOOK_SECRET": SECRET,
        "JUPYTER_RUNTIME_DIR": str(home / "run"),
    }
    extension = "--ServerApp.jpserver_extensions=workbench.server=True"
    command = [sys.executable, "-m", "jupyter_server", *words, extension]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
        running = Server(f"http://127.0.0.1:{port}", home, psutil.Process(process.pid))
        try:
            soon(lambda: _answers(running) or process.poll() is not None)
            yield running
        finally:
            process.kill()
            process.wait()


def _answers(server: Server) -> bool:
    try:
        return bool(server.ask("workbench/healthz"))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.timeout(240)
def test_a_delivered_alert_becomes_a_notebook_that_reading_closes_to_the_worker(server: Server) -> None:
    """Webhook in, notebook out, with nobody there; whoever reads it has it; the worker ends with a killed server."""
    labels = {"alertname": "Slow", "service": "checkout", "severity": "critical"}
    alert = {"status": "firing", "labels": labels, "startsAt": datetime.now(UTC).isoformat(), "fingerprint": "c0ffee"}

    said = server.ask("workbench/hooks/alertmanager", {"alerts": [alert]}, Authorization=f"Bearer {SECRET}")
    (alert_id,) = (each["id"] for each in said["alerts"])
    queue = assembly.journal(Settings(home=server.home)).queue
    place = soon(lambda: (at := queue.place(alert_id)) and at.state is Progress.INVESTIGATED and at)
    listed = server.ask("api/contents/", Authorization=f"token {TOKEN}")
    before = queue.place(alert_id)
    server.ask(f"api/contents/{alert_id}.ipynb", Authorization=f"token {TOKEN}")
    after = queue.place(alert_id)
    worker = server.worker()
    assert worker is not None
    server.process.kill()

    assert [each["name"] for each in listed["content"]] == [f"{alert_id}.ipynb"]
    assert (place.opened, before.opened) == (None, None)  # to see it in a list is not to read it
    assert after.opened is not None
    psutil.wait_procs([worker], timeout=60)
    assert not worker.is_running()
