"""What every scanner test needs: facts by their labels, a folder from texts, and a clock that stands still."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ontology import terms
from ontology.iris import WB
from ontology.nouns import Fact

Said = set[tuple[str, str, Any]]


@pytest.fixture
def said() -> Callable[[Iterable[Fact]], Said]:
    """Facts as (label, predicate without its namespace, label or value)."""

    def by_label(facts: Iterable[Fact]) -> Said:
        known = tuple(facts)
        labels = {fact.subject: fact.object for fact in known if fact.predicate == terms.LABEL}
        return {
            (
                str(labels.get(fact.subject, fact.subject)),
                fact.predicate.removeprefix(WB),
                labels.get(fact.object, fact.object) if isinstance(fact.object, str) else fact.object,
            )
            for fact in known
        }

    return by_label


@pytest.fixture
def estate(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A folder made of path -> text."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "estate"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return write


@pytest.fixture
def noon() -> Callable[[], datetime]:
    """A clock that stands at noon."""
    return lambda: datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class Vendor:
    """An HTTP server of our own that answers in a vendor's documented shapes, on a free loopback port."""

    answers: dict[str, Any]
    """Path to a value sent as JSON, a status, bytes as they are, or a function from the query to one of these."""
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def http(self, base: str) -> requests.Session:
        """Hand in a plain session, as `scanners.protocol.Clients` would; no other client is asked for."""
        session = requests.Session()
        session.trust_env = False
        return session

    def reply(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, query))
        found = self.answers.get(parts.path, 404)
        found = found(query) if callable(found) else found
        if isinstance(found, int):
            return found, b"{}"
        return 200, found if isinstance(found, bytes) else json.dumps(found).encode()


@pytest.fixture
def vendor() -> Iterator[Callable[[Mapping[str, Any]], Vendor]]:
    """Starts servers that answer what they are given; what is not among it is 404."""
    with ExitStack() as stack:

        def start(answers: Mapping[str, Any]) -> Vendor:
            made = Vendor(dict(answers))

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"
                wbufsize = -1  # one packet an answer: headers and body apart wait for each other

                def do_GET(self) -> None:
                    status, body = made.reply(self.path)
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            made.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return made

        yield start
