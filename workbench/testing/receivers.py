"""Who is told: a Slack, a mail server and a webhook that keep what reaches them, each over a real socket.

with SlackServer() as slack:
    Slack("C1", slack.token, slack.url).send(notice, Delivery(1))
    slack.messages["1700000000.000001"]["blocks"]
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status, headers and a body."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Post:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Receiver:
    """An HTTP server that keeps what is posted to it; use it as a context manager.

    Args:
        context: with a certificate, it speaks HTTPS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.posts: list[Post] = []
        self.next: list[Reply] = []
        """Answers given before the usual one, such as a 429; the request is kept, and nothing else is done."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"to": self}))
        self._http.daemon_threads = True
        self._scheme = "http" if context is None else "https"
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}/hook?team=1"

    def take(self, post: Post) -> Reply:
        """Keep a request, and answer it."""
        with self._lock:
            self.posts.append(post)
            return self.next.pop(0) if self.next else self.reply(post)

    def reply(self, post: Post) -> Reply:
        """Answer a request."""
        return Reply()

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    to: Receiver
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Hand the request on, and send the answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.to.take(Post(self.command, self.path, dict(self.headers.items()), body))
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *parts: object) -> None:
        """Keep quiet."""


class SlackServer(Receiver):
    """A Slack of one workspace: it checks token, channel and the limits of blocks, and keeps messages by timestamp.

    A post with a `client_msg_id` that it has seen is the message that it has, as Slack does for its own clients.
    """

    token = "xoxb-test"  # noqa: S105  # of a test

    def __init__(self, channels: tuple[str, ...] = ("C1",)) -> None:
        super().__init__()
        self.channels = channels
        self.messages: dict[str, dict[str, Any]] = {}
        """What stands there, by timestamp; of an edited one the latest, with its `edits`."""
        self.knows_doubles = True
        """Whether `client_msg_id` is heeded, which Slack promises nobody."""

    @property
    def url(self) -> str:
        """The address of its Web API."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/api"

    @property
    def threads(self) -> list[dict[str, Any]]:
        """The messages that begin a thread, in their order."""
        return [each for each in self.messages.values() if "thread_ts" not in each]

    def reply(self, post: Post) -> Reply:
        """Answer a method of the Web API."""
        if post.headers.get("Authorization") != f"Bearer {self.token}":
            return _slack(error="invalid_auth")
        method = {"/api/chat.postMessage": self._posted, "/api/chat.update": self._updated}.get(post.path)
        if method is None or post.method != "POST":
            return _slack(error="unknown_method")
        said = post.said
        if said.get("channel") not in self.channels:
            return _slack(error="channel_not_found")
        return _slack(error="invalid_blocks") if refused(said.get("blocks", [])) else method(said)

    def _posted(self, said: dict[str, Any]) -> Reply:
        known = [at for at, each in self.messages.items() if each.get("client_msg_id") == said.get("client_msg_id")]
        at = known[0] if known and self.knows_doubles else f"1700000000.{len(self.messages) + 1:06d}"
        self.messages.setdefault(at, {**said, "edits": 0})
        return _slack(channel=said["channel"], ts=at)

    def _updated(self, said: dict[str, Any]) -> Reply:
        before = self.messages.get(said["ts"])
        if before is None:
            return _slack(error="message_not_found")
        before.update(text=said["text"], blocks=said["blocks"], edits=before["edits"] + 1)
        return _slack(channel=said["channel"], ts=said["ts"])


def refused(blocks: list[dict[str, Any]]) -> str:
    """Return why Slack would refuse blocks, by its documented limits; empty where it would not."""
    if len(blocks) > 50:
        return "more than 50 blocks"
    limits = {"header": 150, "section": 3000}
    long = [each["type"] for each in blocks if len(each.get("text", {}).get("text", "")) > limits.get(each["type"], 0)]
    elements = [one for each in blocks if each["type"] == "actions" for one in each["elements"]]
    wide = [one for one in elements if len(one["text"]["text"]) > 75 or len(one.get("url", "")) > 3000]
    return f"too long: {long or wide}" if long or wide or len(elements) > 25 else ""


def _slack(error: str = "", **said: object) -> Reply:
    body = {"ok": False, "error": error} if error else {"ok": True, **said}
    return Reply(200, json.dumps(body).encode())


class MailServer:
    """An SMTP server that keeps mails; use it as a context manager.

    Args:
        context: with a certificate, it offers STARTTLS and takes nothing without.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.mails: list[EmailMessage] = []
        self.next: list[str] = []
        """Answers to DATA given before the usual one, such as `451 later`."""
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Talk", (_Talk,), {"to": self}))
        self._tcp.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._tcp.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tcp.shutdown()
        self._tcp.server_close()


class _Talk(socketserver.StreamRequestHandler):
    to: MailServer

    def handle(self) -> None:
        """Speak SMTP until QUIT."""
        secure = self.to.context is None
        self._say("220 test")
        while line := self.rfile.readline(1000).decode("ascii", "replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                self._say("250-test" if secure else "250-test\r\n250-STARTTLS")
                self._say("250 8BITMIME")
            elif verb == "STARTTLS" and self.to.context is not None:
                self._say("220 go")
                self.request = self.to.context.wrap_socket(self.request, server_side=True)
                self.setup()
                secure = True
            elif verb == "QUIT":
                self._say("221 bye")
                return
            elif not secure:
                self._say("530 Must issue a STARTTLS command first")
            elif verb == "DATA":
                self._data()
            else:
                self._say("250 ok")

    def _data(self) -> None:
        self._say("354 go")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self.to.next:
            self._say(self.to.next.pop(0))
            return
        self.to.mails.append(message_from_bytes(b"".join(lines), _class=EmailMessage, policy=policy.default))
        self._say("250 kept")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()
