"""A small server that speaks the Messages API over a real socket, driven by a script or a function.

    with MessagesServer([failed(529), called(("conclude", {...}))]) as server:
        ClaudeReasoner(..., base_url=server.url)
    server.requests          # the bodies that came in

It speaks `POST /v1/messages` (whole and streamed), `POST /v1/messages/count_tokens` and `GET /v1/models`, with cache
fields in the usage and errors in the API's own shape. Standard library only.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers to one request."""

    content: tuple[Mapping[str, Any], ...] = ()
    """Blocks as the API has them: `{"type": "text", ...}`, `{"type": "tool_use", ...}`."""
    stop_reason: str = "end_turn"
    usage: Mapping[str, int] = field(default_factory=lambda: {"input_tokens": 1000, "output_tokens": 200})
    status: int = field(default=200, kw_only=True)
    error_code: str = field(default="", kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    events: int | None = field(default=None, kw_only=True)
    """Cut a stream off after that many events; None sends all."""
    wait: threading.Event | None = field(default=None, kw_only=True)
    """Answer only when this is set: a server that does not answer."""


def said(text: str, stop_reason: str = "end_turn", **rest: Any) -> Reply:
    """Return a reply of plain text."""
    return Reply(({"type": "text", "text": text},), stop_reason, **rest)


def called(*calls: tuple[str, Mapping[str, Any]], stop_reason: str = "tool_use", **rest: Any) -> Reply:
    """Return a reply that calls tools: pairs of a tool's name and its arguments."""
    blocks = tuple(
        {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": dict(arguments)}
        for n, (name, arguments) in enumerate(calls)
    )
    return Reply(blocks, stop_reason, **rest)


def failed(status: int, *, retry_after: float | None = None, error_code: str = "") -> Reply:
    """Return an HTTP error in the API's shape; `error_code` is the one in its details."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(status=status, headers=headers, error_code=error_code)


class MessagesServer:
    """The server; use it as a context manager.

    Args:
        answer: replies in order, the last one again and again; or a function of the request's body.
        input_tokens: what count_tokens says.
    """

    def __init__(
        self, answer: Iterable[Reply] | Callable[[dict[str, Any]], Reply], *, input_tokens: int = 1000
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.counted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.input_tokens = input_tokens
        self._lock = threading.Lock()
        self._answer = answer if callable(answer) else _in_order(tuple(answer))
        handler = type("Handler", (_Handler,), {"play": self})
        self._http = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def reply(self, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        """Note the request and return the answer to it."""
        with self._lock:
            self.requests.append(body)
            self.headers.append({name.lower(): value for name, value in headers.items()})
            return self._answer(body)

    def __enter__(self) -> MessagesServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _in_order(replies: Sequence[Reply]) -> Callable[[dict[str, Any]], Reply]:
    left = list(replies)
    return lambda _body: left.pop(0) if len(left) > 1 else left[0]


class _Server(ThreadingHTTPServer):
    """Connections in threads; a client that hangs up early is no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show the traceback of our own mistakes only."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    play: MessagesServer

    def do_GET(self) -> None:  # the name that http.server calls
        if self.path.startswith("/v1/models"):
            model = {
                "type": "model",
                "id": "claude-opus-5-5",
                "display_name": "Claude",
                "created_at": "2026-01-01T00:00:00Z",
            }
            self._json(200, {"data": [model], "has_more": False, "first_id": None, "last_id": None})
        else:
            self._json(404, _error("not_found_error", self.path))

    def do_POST(self) -> None:  # as above
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self.play.counted.append(body)
            self._json(200, {"input_tokens": self.play.input_tokens})
        elif path == "/v1/messages":
            self._message(body, self.play.reply(body, self.headers))  # type: ignore[arg-type]  # a Message is a mapping of str
        else:
            self._json(404, _error("not_found_error", path))

    def _message(self, body: dict[str, Any], reply: Reply) -> None:
        if reply.wait is not None:
            reply.wait.wait(30)
        if reply.status != 200:
            kind = KINDS.get(reply.status, "api_error")
            self._json(reply.status, _error(kind, "as scripted", reply.error_code), reply.headers)
        elif body.get("stream"):
            self._stream(_events(_message(body, reply)), reply.events)
        else:
            self._json(200, _message(body, reply), reply.headers)

    def _json(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Sequence[Mapping[str, Any]], cut: int | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events[:cut]:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # the signature of http.server
        """Say nothing."""


def _error(kind: str, message: str, code: str = "") -> dict[str, Any]:
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}}


def _message(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [dict(block) for block in reply.content],
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "usage": {**cache, **reply.usage},
    }


def _events(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events that stream this message."""
    usage = {**message["usage"], "output_tokens": 1}
    start = {**message, "content": [], "stop_reason": None, "usage": usage}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        events += _block(index, block)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": message["usage"]})
    return [*events, {"type": "message_stop"}]


def _block(index: int, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of one block: its start, its content in two pieces, its end."""
    if block["type"] == "tool_use":
        empty, kind, key, text = {**block, "input": {}}, "input_json_delta", "partial_json", _arguments(block)
    elif block["type"] == "thinking":
        empty, kind, key, text = {**block, "thinking": ""}, "thinking_delta", "thinking", block["thinking"]
    else:
        empty, kind, key, text = {**block, "text": ""}, "text_delta", "text", block["text"]
    middle = len(text) // 2
    pieces = [{"type": kind, key: piece} for piece in (text[:middle], text[middle:])]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces),
        {"type": "content_block_stop", "index": index},
    ]


def _arguments(block: Mapping[str, Any]) -> str:
    """Return a tool call's arguments as JSON; a string is sent as it is, so that a script can break it."""
    return block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
