"""A Kubernetes client that can only read: GET of listed paths, no secret, no proxy, no stream into a container.

The check stands in the connection pool, below the library's own REST client. Streams (exec, attach, port forwarding)
replace a method of the client; that is refused as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError, TimeoutError
from urllib3.util import parse_url

from ontology.errors import NotAllowed, Unavailable
from workbench.telemetry.pace import Pace, Paces, Seen
from workbench.telemetry.readonly import Allowed, Offence, address, offences, refuse

CONNECT_SECONDS = 5.0
_GROUPS = ("/api/v1", "/apis/{group}/{version}")
_OBJECTS = (
    "/{resource}",
    "/{resource}/{name}",
    "/namespaces/{space}/{resource}",
    "/namespaces/{space}/{resource}/{name}",
)
_DISCOVERY = ("/version", "/api", "/apis", "/apis/{group}", *_GROUPS)
READS = tuple(
    Allowed("GET", path)
    for path in (
        *(path + slash for path in _DISCOVERY for slash in ("", "/")),  # the library ends them with a slash
        *(group + what for group in _GROUPS for what in _OBJECTS),
        "/api/v1/namespaces/{space}/pods/{name}/log",
    )
)
"""Discovery, lists and objects; of subresources only what a container has written."""
REVIEWS = tuple(
    Allowed("POST", f"/apis/authorization.k8s.io/v1/{name}")
    for name in ("selfsubjectrulesreviews", "selfsubjectaccessreviews")
)
"""What a client that is made for it may ask besides: what its own user may do. A POST that stores nothing."""
NEVER = frozenset({"secrets", "proxy", "watch"})
"""What must not stand where a path names its resource."""
_SEALED = frozenset({"call_api", "request", "rest_client"})


class ReadOnlyPool:
    """The connection pool of a client, which passes listed reads of one address only."""

    def __init__(self, pool: Any, base: str, pace: Pace | None = None, *, reviews: bool = False) -> None:
        """Stand before a pool.

        Args:
            pool: the library's own.
            base: address of the API server.
            pace: how hard it may be asked; one of its own where None.
            reviews: whether it may also be asked what its user may do, and that alone.
        """
        self._pool, self._base, self._reviews = pool, address(base), reviews
        self.pace = pace or Pace(self._base.url)

    def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Send a listed read; a redirect is handed back as it came.

        Raises:
            NotAllowed: it is off the list.
            Unavailable: nobody answers, or the server rests.
        """
        path = (parse_url(url).path or "").removeprefix(self._base.path or "")
        review = self._reviews and _reviews(method, path, options.get("body"))
        refuse(self._base, next(self._offences(method, url, path, headers or {}, options, review), None))
        kept = {name: options[name] for name in ("preload_content", *(("body",) if review else ())) if name in options}
        limit = options.get("timeout")
        return self.pace.ask(lambda until: self._once(method, url, headers, limit, until, kept), _seen)

    def _offences(
        self, method: str, url: str, path: str, headers: Mapping[str, str], options: Mapping[str, Any], review: bool
    ) -> Iterator[Offence]:
        """Yield why a request may not be sent; a review is listed and has a body, and keeps every other rule."""
        listed = REVIEWS if review else READS
        yield from offences(self._base, listed, method, url, headers)
        if _resource(path) in NEVER:
            yield Offence("resource", f"{path}: names of secrets come from what refers to them")
        if not review and (options.get("body") is not None or options.get("fields")):
            yield Offence("body", f"a body to {path}")

    def _once(
        self, method: str, url: str, headers: Any, limit: Any, until: float, kept: Mapping[str, Any]
    ) -> urllib3.BaseHTTPResponse:
        """Send once, within the time limits; a call's own limit counts where it names one.

        Raises:
            Unavailable: nobody answers.
        """
        silence = min(self.pace.limits.seconds, max(until - self.pace.clock(), 0.1))
        timeout = limit or urllib3.Timeout(connect=min(CONNECT_SECONDS, silence), read=silence)
        try:
            return self._pool.request(  # type: ignore[no-any-return]  # a pool of urllib3
                method, url, headers=headers, timeout=timeout, retries=False, redirect=False, **kept
            )
        except HTTPError as error:
            late = isinstance(error, TimeoutError)
            raise Unavailable(
                f"{self._base.url} does not answer: {'it took too long' if late else type(error).__name__}.",
                next_step="Check the address in the kubeconfig, and whether you are in the network (VPN).",
            ) from error

    def clear(self) -> None:
        """Close the connections."""
        self._pool.clear()


class ReadOnlyApiClient(ApiClient):
    """An API client over a `ReadOnlyPool`."""

    def __init__(self, configuration: Configuration, pace: Pace | None = None, *, reviews: bool = False) -> None:
        """Build the client of a configuration, and put our pool in place of its own; arguments as `ReadOnlyPool`."""
        super().__init__(configuration)
        own = ReadOnlyPool(self.rest_client.pool_manager, configuration.host, pace, reviews=reviews)
        self.rest_client.pool_manager = own  # type: ignore[assignment]  # the part of a pool that the library uses
        self.pace = own.pace
        self._sealed = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SEALED and getattr(self, "_sealed", False):
            raise NotAllowed(
                "The read-only client opens no stream.",
                next_step="Run exec, attach and port forwarding yourself: kubectl.",
            )
        super().__setattr__(name, value)


def client(context: str = "", paces: Paces | None = None, *, reviews: bool = False) -> ReadOnlyApiClient:
    """Return a client for a context of the kubeconfig; empty: its current one, or the cluster that we run in.

    Args:
        context: its name.
        paces: which has the pace of the server; one of its own where None.
        reviews: whether it may also ask what its user may do.

    Raises:
        Unavailable: there is no such context, or no kubeconfig.
    """
    settings = Configuration()
    try:
        if not context and "KUBERNETES_SERVICE_HOST" in os.environ and not _kubeconfig():
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            # now, not when the library was imported; and without writing a renewed token into the person's file
            file = os.environ.get("KUBECONFIG")
            config.load_kube_config(file, context or None, settings, persist_config=False)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise Unavailable(
            f"The kubeconfig has no usable context {context!r}: {error}.",
            next_step="List them: kubectl config get-contexts. Another file: set KUBECONFIG.",
        ) from error
    return ReadOnlyApiClient(settings, paces.of(settings.host) if paces else None, reviews=reviews)


def _seen(response: urllib3.BaseHTTPResponse) -> Seen:
    return response.status, response.headers


def _reviews(method: str, path: str, body: Any) -> bool:
    """Say whether a request asks what one's own user may do: by method, path and what its body says that it is."""
    text = body.decode() if isinstance(body, bytes) else str(body)
    name = re.search(r'"kind": ?"(SelfSubject(?:Rules|Access)Review)"', text)
    return any(each.fits(method, path) for each in REVIEWS) and name is not None and name[1].lower() in path


def _kubeconfig() -> bool:
    """Say whether a kubeconfig was named or lies at its usual place."""
    return "KUBECONFIG" in os.environ or Path("~/.kube/config").expanduser().exists()


def _resource(path: str) -> str:
    """Return the segment that names the resource: `pods` of `/api/v1/namespaces/shop/pods/cart-0`."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    return parts[2] if parts[:1] == ["namespaces"] and len(parts) > 2 else parts[0] if parts else ""
