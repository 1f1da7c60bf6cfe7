"""JSON of an API, asked with a client that was handed in; what goes wrong is told in the words of the person."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ontology.errors import BadInput, NotAllowed, NotFound, Unavailable
from scanners.documents import DEPTH, depth

SECONDS = (3.05, 30.0)
"""Limits for connecting and for each read."""
SIZE = 64 * 1024 * 1024
"""Bytes one answer may have."""


def is_address(target: str) -> bool:
    """Say whether a target is an address rather than a path.

    >>> is_address("https://grafana.example/x"), is_address("./dashboards")
    (True, False)
    """
    return target.lower().startswith(("http://", "https://"))


def scope_of_address(target: str) -> str:
    """Return host, port and prefix: what an address is called, without user and query.

    >>> scope_of_address("https://me:pw@grafana.example:3000/x/?a=b")
    'grafana.example:3000/x'
    """
    parts = urlsplit(target)
    return parts.netloc.rpartition("@")[2].lower() + parts.path.rstrip("/")


def ask(session: Any, base: str, path: str, **params: Any) -> Any:
    """Return the JSON that an API answers to a GET.

    Args:
        session: a `requests.Session`.
        base: address of the API.
        path: below the base, `/api/v1/rules`.
        params: the query; what is None is left out.

    Raises:
        Unavailable: no answer, a failure, or no JSON.
        NotAllowed, NotFound: it refuses, or knows no such path.
    """
    import requests

    where = scope_of_address(base)
    try:
        reply = session.get(base.rstrip("/") + path, params=params, timeout=SECONDS)
    except requests.RequestException as error:
        raise Unavailable(
            f"{where} does not answer: {type(error).__name__}.", next_step="Check the address and that it is reachable."
        ) from error
    if reply.status_code in (401, 403):
        raise NotAllowed(
            f"{where} refuses {path} ({reply.status_code}).", next_step="Give the token the right to read it."
        )
    if reply.status_code == 404:
        raise NotFound(f"{where} has no {path}.", next_step="Check the address, with its path prefix, and the version.")
    if not reply.ok:
        raise Unavailable(f"{where} answers {path} with {reply.status_code}.", next_step="Look at its own log.")
    return _json(reply, where, path)


def _json(reply: Any, where: str, path: str) -> Any:
    """Return the value of an answer.

    Raises:
        Unavailable: it is none, too long or too deep.
    """
    try:
        value = reply.json() if len(reply.content) <= SIZE else None
    except (ValueError, RecursionError):
        value = None
    if value is None or depth(value) > DEPTH:
        raise Unavailable(
            f"{where} answers {path} with something that is no JSON we can use.",
            next_step="Check that the address is the API's, not a login page's.",
        )
    return value


def folder_expected(target: str) -> BadInput:
    """Return what to say of a target that must be an address."""
    return BadInput(f"{target!r} is no address.", next_step="Write it as https://host:port/prefix.")
