"""JupyterLab on loopback with a data folder of its own, and Debian's chromium to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from workbench.assembly import recorded_alert, recordings
from workbench.cli.demo import keep_recordings
from workbench.settings import Settings

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN = "of-this-test-only"
SCREEN = {"width": 1440, "height": 900}
"""A laptop's."""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    address: str
    home: Path
    alerts: dict[str, str]
    """Name of a recording to the id of its alert."""


@pytest.fixture(scope="module")  # playwright keeps an event loop running; other tests need theirs
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab on a free port, its alerts the shipped recordings; end it by its own process."""
    home = tmp_path_factory.mktemp("home")
    (home / "notebooks").mkdir()
    keep_recordings(Settings(home=home), "")
    port = _free_port()
    command = [
        sys.executable,
        *("-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"),
        f"--ServerApp.root_dir={home / 'notebooks'}",
    ]
    settings = {**os.environ, "WORKBENCH_HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "lab-settings")}
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}/api", server)
            yield Lab(f"http://127.0.0.1:{port}", home, {name: recorded_alert(name).id for name in recordings()})
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")  # playwright keeps an event loop running; other tests need theirs
def browser() -> Iterator[Browser]:
    """Start chromium; skip where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def darken() -> Callable[[Page], object]:
    """Choose the dark theme, for whatever a page shows from its next load on."""
    return lambda page: page.evaluate(
        """async () => {
          const token = document.cookie.match(/_xsrf=([^;]+)/)[1];
          await fetch('/lab/api/settings/@jupyterlab/apputils-extension:themes', {
            method: 'PUT', headers: {'Content-Type': 'application/json', 'X-XSRFToken': token},
            body: JSON.stringify({raw: '{"theme": "JupyterLab Dark"}'})});
        }"""
    )


@pytest.fixture
def foreign(desk: BrowserContext, lab: Lab) -> list[str]:
    """Collect requests to any address but the lab's own."""
    found: list[str] = []

    def look(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(lab.address).netloc:
            found.append(request.url)

    desk.on("request", look)
    return found


@pytest.fixture
def desk(browser: Browser, lab: Lab) -> Iterator[BrowserContext]:
    """Open a logged-in browser window of a laptop's size that refuses every foreign address."""
    context = browser.new_context(viewport=SCREEN)  # type: ignore[arg-type]  # a plain dict is what it takes
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(f"{lab.address}/lab?token={TOKEN}")
    page.close()
    yield context
    context.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes], patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)  # the port is not open yet; there is no event to wait for
    raise AssertionError("JupyterLab did not answer in time")
