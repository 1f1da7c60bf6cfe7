"""The whole way, all real: the shop breaks, an alert fires, its link opens a notebook, live sources say why."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import sync_playwright

from workbench import settings
from workbench.bench.estate import servers
from workbench.bench.estate.processes import number, reserve
from workbench.bench.estate.running import Estate
from workbench.bench.estate.servers import Notified
from workbench.desk.door import take_up
from workbench.nouns import Answered, Failed, Modality
from workbench.testing.receivers import SlackServer

MISSING = servers.missing(servers.PACKAGES)
TOKEN = "of-this-test-only"
WITHIN = 120.0
"""Seconds within which an alert has to reach a person."""
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}"),
    pytest.mark.timeout(600),
]


@dataclass
class Chat:
    """An incoming webhook as Slack has them: what was posted, and an event for it."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with chat.came:
                    chat.posts.append(said)
                    chat.came.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def link(self, service: str, patience: float) -> str:
        """Wait for a message about a service; return the link in it."""

        def found() -> str | None:
            pages = [each["attachments"][0] for each in self.posts]
            texts = [each["text"] for each in pages if each["title"].endswith(f" {service}")]
            links = re.findall(r"<(http[^|>]+/workbench/open/[^|>]+)\|", "\n".join(texts))
            return links[0] if links else None

        with self.came:
            link = self.came.wait_for(found, patience)
        assert link, (
            f"no alert of {service} within {patience} s: {[each['attachments'][0]['title'] for each in self.posts]}"
        )
        return link


@dataclass(frozen=True)
class Place:
    """The shop, broken; the workbench beside it; the chat that alerts come to."""

    estate: Estate
    chat: Chat
    slack: SlackServer
    address: str
    home: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Start the shop and a JupyterLab that its Alertmanager tells; a release next door, then a slow link.

    Its worker tells every finding: a shop that is a minute old gives nobody reason to be sure.
    """
    home, chat, keeper, secret = tmp_path_factory.mktemp("home"), Chat(), reserve(), secrets.token_hex(16)
    (home / "notebooks").mkdir()
    address = f"http://127.0.0.1:{number(keeper)}"
    told = Notified(f"{address}/workbench/hooks/alertmanager", secret, chat.url)
    with SlackServer() as slack, Estate.up(users=8, told=told) as estate, pytest.MonkeyPatch.context() as patch:
        variables = {**estate.settings(), "WORKBENCH_HOME": str(home), "WORKBENCH_WEBHOOK_SECRET": secret}
        for name, value in variables.items():
            patch.setenv(name, value)
        words = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port_retries=0",
                 f"--ServerApp.port={number(keeper)}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}",
                 f"--ServerApp.root_dir={home / 'notebooks'}"]  # fmt: skip
        tells = {
            "WORKBENCH_SLACK_CHANNEL": "C1",
            "WORKBENCH_SLACK_TOKEN": slack.token,
            "WORKBENCH_SLACK_URL": slack.url,
            "WORKBENCH_PUBLIC_URL": address,
            "WORKBENCH_THRESHOLD": "0",
        }
        with (home / "lab.log").open("w") as log:
            lab = subprocess.Popen(words, env={**os.environ, **tells}, stdout=log, stderr=subprocess.STDOUT)
        try:
            estate.deploy("notifications", "9.9.9")  # while the server comes up
            opened(urllib.request.build_opener(), f"{address}/workbench/healthz")
            estate.network("payment", "ledger").delay(700)
            yield Place(estate, chat, slack, address, home)
        finally:
            lab.terminate()
            try:
                lab.wait(20)
            except subprocess.TimeoutExpired:  # it waits for a thread of a request that was cut off: jupyterlab #10442
                lab.kill()
                lab.wait(20)
    keeper.close()
    chat.server.shutdown()


def test_an_alert_reaches_a_person_with_the_link_to_its_notebook(place: Place) -> None:
    """A slow link fires a real alert within two minutes; the message's link opens a notebook that did not exist."""
    link = place.chat.link("payment", WITHIN)
    jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opened(jar, f"{link}?token={TOKEN}")
    token = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert token is not None, page[:500]
    made = urllib.request.Request(link, urlencode({"_xsrf": token[1]}).encode(), {"Origin": place.address})
    with jar.open(made, timeout=120) as reply:
        there = reply.geturl()

    alert = urlsplit(link).path.rsplit("/", 1)[1]
    notebook = place.home / "notebooks" / f"{alert}.ipynb"
    assert there.startswith(f"{place.address}/lab/workspaces/{alert}/tree/")
    assert notebook.exists()
    assert "payment" in notebook.read_text()


def test_an_investigation_asks_the_live_sources_and_shows_no_innocent(place: Place) -> None:
    """Five kinds of live telemetry are asked, none fails, and nobody but the slow hop's ends is shown as the cause.

    A shop that is a minute old has no baseline: that nothing is shown is an honest answer, another service is none.
    """
    alert = urlsplit(place.chat.link("payment", WITHIN)).path.rsplit("/", 1)[1]
    desk = take_up(alert, settings.load())
    for _ in range(6):
        if not desk.case.ended:
            desk.step()
    replies = [(each.question.modality, each.reply) for each in desk.case.observations]
    failed = [(modality, reply.reason) for modality, reply in replies if isinstance(reply, Failed)]
    answered = {modality for modality, reply in replies if isinstance(reply, Answered)}

    assert not failed
    assert {modality for modality, _ in replies} == set(Modality)
    assert answered >= {Modality.METRICS, Modality.TRACES, Modality.LOGS, Modality.STATE}
    suspects = {each.id: each.suspect.name for each in desk.case.hypotheses}
    shown = {suspects[each.hypothesis] for each in desk.case.findings if each.surfaced}
    assert shown <= {"payment", "ledger"}, desk.case.findings


def test_nobody_looks_and_the_message_leads_into_the_finished_notebook(place: Place) -> None:
    """A service hangs: rule, Alertmanager, webhook, queue, worker, a message in Slack; its link opens what is found."""
    place.estate.pause("inventory")
    try:
        link = _told(place.slack, "inventory", 3 * WITHIN)
    finally:
        place.estate.resume("inventory")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = chromium.new_page()
        page.goto(f"{place.address}/lab?token={TOKEN}")
        page.goto(link)
        first = page.locator(".wb-first").first
        first.wait_for(timeout=120_000)
        shown = first.inner_text()
        chromium.close()

    assert "inventory" in shown


def _told(slack: SlackServer, suspect: str, patience: float) -> str:
    """Wait for a message whose finding names a suspect; return the notebook's link in it."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        for message in list(slack.threads):
            said = json.dumps(message["blocks"])
            links = re.findall(r"http[^\"|>]+/workbench/open/[^\"|>]+", said)
            if links and re.search(rf"\b{suspect}\b", said):
                return str(links[0])
        time.sleep(0.5)  # it is the worker who posts; nothing tells this side
    raise AssertionError(f"no message about {suspect} within {patience} s: {[m['text'] for m in slack.threads]}")


def opened(jar: urllib.request.OpenerDirector, address: str, patience: float = 60.0) -> str:
    """Return a page of the server, which may still come up."""
    until = time.monotonic() + patience
    while True:
        try:
            with jar.open(address, timeout=30) as reply:
                return str(reply.read().decode())
        except OSError as error:
            if time.monotonic() > until:
                raise AssertionError(f"{address} did not open: {error}") from error
            time.sleep(0.5)  # the port is not open yet; there is no event to wait for
