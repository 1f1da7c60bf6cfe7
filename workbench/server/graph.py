"""The graph over HTTP on loopback: SPARQL 1.1 queries, and fact sets that are handed to the owner of the store.

Both have a token of their own, which stands in a file that only this user can read and opens nothing else; no login, no
cookie and no page of a browser counts. The store is opened at the first request, and never on the server's thread.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from threading import Lock
from typing import Any, Protocol, TypeVar

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from ontology.errors import NotAllowed, PersonError
from workbench.server.refusal import refuse, sentences

T = TypeVar("T")
READERS = 4
"""Queries at once; each may be a process of its own."""


class Owner(Protocol):
    """Opens the store, answers and writes. Every method blocks, and raises `PersonError`s."""

    def sparql(self, form: dict[str, str], accept: str) -> tuple[str, str]:
        """Answer a query in a killable worker: the type of the answer, and the answer."""
        ...

    def own(self, form: dict[str, str]) -> tuple[str, bytes]:
        """Answer a question of our own catalogue."""
        ...

    def write(self, verb: str, body: bytes) -> dict[str, Any]:
        """Do what the verb says with what was handed over; once this returns it is on the disk."""
        ...


class Graph:
    """The owner as the handlers call it: one thread writes, a few ask."""

    def __init__(self, owner: Callable[[], Owner]) -> None:
        """Take what makes the owner; importing it takes a while, so that it is made at the first request."""
        self._make = owner
        self._made: Owner | None = None
        self._making = Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="workbench-graph-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="workbench-graph-reader")
        self.token = ""
        """Empty while this server does not own the graph; then nobody gets in."""

    async def ask(self, act: Callable[[Owner], T]) -> T:
        """Return what `act` says of the owner."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: act(self._owner()))

    async def write(self, act: Callable[[Owner], T]) -> T:
        """Return what came of `act`; one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: act(self._owner()))

    def _owner(self) -> Owner:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made


class _Handler(JupyterHandler):
    """Lets in who has the token and sits on this machine."""

    def initialize(self, graph: Graph) -> None:
        """Take the graph."""
        self.graph = graph

    def check_xsrf_cookie(self) -> None:
        """Skip the check: the token stands in a header, which a foreign page cannot set, and no cookie counts."""

    async def prepare(  # type: ignore[override]  # as jupyter_server's own: a coroutine in tornado's place
        self, *, _redirect_to_login: bool = True
    ) -> Awaitable[None] | None:
        """Refuse a stranger before anything is done."""
        await super().prepare(_redirect_to_login=_redirect_to_login)
        if not _loopback(self.request.connection):
            raise HTTPError(403)
        scheme, _, sent = self.request.headers.get("Authorization", "").partition(" ")
        token = self.graph.token.encode()
        same = hmac.compare_digest(sent.strip().encode("latin-1", "replace"), token)  # takes as long if wrong
        if not (token and same and scheme.lower() == "bearer"):
            raise HTTPError(401)
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error so that our client can raise it again."""
        problem, next_step = sentences(status_code, kwargs.get("exc_info"))
        exc_info = kwargs.get("exc_info")
        cause = exc_info[1].__cause__ if exc_info else None
        kind = _kind(cause) if isinstance(cause, PersonError) else NotAllowed.__name__ if status_code < 500 else ""
        if status_code == 401:
            self.set_header("WWW-Authenticate", "Bearer")
            problem, next_step = "The token of the graph is missing or wrong.", "See docs/graph.md."
        self._answer("application/json", json.dumps({"kind": kind, "problem": problem, "next_step": next_step}))

    def _answer(self, kind: str, body: str | bytes) -> None:
        """Send what no cache keeps."""
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "no-store")
        self.finish(body)

    def _form(self) -> dict[str, str]:
        """Return the fields of the form, of the address, or the one query that the body is."""
        fields = {name: self.get_argument(name, strip=False) for name in self.request.arguments}
        if self.request.headers.get("Content-Type", "").startswith("application/sparql-query"):
            fields["query"] = self.request.body.decode("utf-8", "replace")
        return fields


class Sparql(_Handler):
    """`GET | POST /workbench/sparql`: the SPARQL 1.1 protocol for queries."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Answer the query."""
        form, accept = self._form(), self.request.headers.get("Accept", "")
        if self.request.headers.get("Content-Type", "").startswith("application/sparql-update"):
            form["update"] = ""
        try:
            kind, body = await self.graph.ask(lambda owner: owner.sparql(form, accept))
        except PersonError as error:
            raise refuse(error) from error
        self._answer(kind, body)

    @allow_unauthenticated
    async def post(self) -> None:
        """Answer the query."""
        await self.get()


class Handing(_Handler):
    """`POST /workbench/graph/<verb>`: `query`, `ping`, or a fact set: `scan`, `learn`, `forget`, `alias`, `unalias`."""

    @allow_unauthenticated
    async def post(self, verb: str) -> None:
        """Do it, then say so."""
        if verb == "ping":
            self._answer("application/json", json.dumps({"pid": os.getpid()}))
            return
        try:
            if verb == "query":
                form = self._form()
                self._answer(*await self.graph.ask(lambda owner: owner.own(form)))
                return
            done = await self.graph.write(lambda owner: owner.write(verb, self.request.body))
        except PersonError as error:
            raise refuse(error) from error
        self._answer("application/json", json.dumps(done))


def _kind(error: PersonError) -> str:
    """Return the name of the error among those of `ontology.errors`."""
    return next(each.__name__ for each in type(error).__mro__ if each.__module__ == PersonError.__module__)


def _loopback(connection: Any) -> bool:
    """Say whether the other end of the connection is on this machine; what a header says of that does not count."""
    address = getattr(connection.context, "address", None)
    try:
        return bool(ip_address(str(address[0])).is_loopback) if address else False
    except ValueError:
        return False
