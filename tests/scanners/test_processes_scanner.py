"""Processes: what runs here, and where it listens."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ontology import terms
from scanners.processes import Host, Process, ProcessScanner
from scanners.protocol import Reading

Saying = Callable[[Any], set[tuple[str, str, Any]]]
START = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_listener_and_its_client_meet(said: Saying) -> None:
    """A connection to a port of this host joins the two processes; a service name makes a service."""
    web = Process(
        1, "python", ("python", "web.py"), "/usr/bin/python", "shop", START, (), (("127.0.0.1", 7070),), "web"
    )
    cart = Process(
        2, "python", ("python", "cart.py"), "/usr/bin/python", "shop", START, (("0.0.0.0", 7070),), (), "cart"
    )
    scanner = ProcessScanner(host="box")
    facts = said(scanner.facts(Reading(Host("box", (web, cart)), START)))

    assert {("web", "connectsTo", "cart"), ("cart", "listensOn", "box:7070"), ("cart", "executes", "cart.py")} <= facts
    assert ("web", "implements", "web") in facts


def test_a_process_in_a_container_runs_on_it(said: Saying) -> None:
    """A process whose control group names a container runs on that, and the container on the host."""
    identifier = 60 * "a" + "beef"
    cart = Process(2, "cart", ("cart",), "", "shop", START, (("0.0.0.0", 7070),), service="cart", container=identifier)
    facts = ProcessScanner(host="box").facts(Reading(Host("box", (cart,)), START))

    assert {("cart", "runsOn", identifier[:12]), (identifier[:12], "runsOn", "box")} <= said(facts)
    assert identifier in {fact.object for fact in facts if fact.predicate == terms.OTEL_CONTAINER_ID}


def test_a_command_line_is_redacted() -> None:
    """What the injected redact takes out of a command line is in no fact."""
    process = Process(1, "serve", ("serve", "--password=canary", "secretword"), "", "u", START)
    scanner = ProcessScanner(host="box", redact=lambda text: text.replace("secretword", "*").replace("canary", "*"))
    facts = scanner.facts(Reading(Host("box", (process,)), START))

    assert "serve --password=* *" in {fact.object for fact in facts if fact.predicate == terms.COMMAND}
    assert not any("canary" in str(fact.object) for fact in facts)


def test_a_real_process_is_seen_and_then_gone() -> None:
    """A process that listens is in the scan while it runs, and not in the next one after it ended."""
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OTEL_SERVICE_NAME": "lonely"},
    )
    assert child.stdout is not None
    port = int(child.stdout.readline())
    scanner = ProcessScanner(chosen=lambda process: process.pid == child.pid, host=socket.gethostname())
    during = scanner.scan()
    child.communicate()
    after = scanner.scan()

    assert any(fact.predicate == terms.PORT and fact.object == port for fact in during.facts)
    assert any(fact.object == "lonely" for fact in during.facts)
    assert not any(fact.predicate == terms.PID for fact in after.facts)
