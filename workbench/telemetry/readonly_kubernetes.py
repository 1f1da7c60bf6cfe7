"""A Kubernetes client that can only read: GET of listed paths, no secret, no proxy, no stream into a container.

The check stands in the connection pool, below the library's own REST client. Streams (exec, attach, port forwarding)
replace a method of the client; that is refused as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException
from urllib3.util import parse_url

from ontology.errors import NotAllowed, Unavailable
from workbench.telemetry.readonly import AGAIN, Allowed, address, check

TIMEOUT = urllib3.Timeout(connect=5, read=30)
"""Seconds; where a call names no limit of its own."""
RETRIES = urllib3.Retry(
    total=4,
    redirect=0,
    backoff_factor=0.2,
    status_forcelist=AGAIN,
    allowed_methods={"GET"},
    raise_on_status=False,
    retry_after_max=30,
)
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
NEVER = frozenset({"secrets", "proxy", "watch"})
"""What must not stand where a path names its resource."""
_SEALED = frozenset({"call_api", "request", "rest_client"})


class ReadOnlyPool:
    """The connection pool of a client, which passes listed reads of one address only."""

    def __init__(self, pool: Any, base: str) -> None:
        """Stand before a pool."""
        self._pool, self._base = pool, address(base)

    def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Send a listed read; a redirect is handed back as it came.

        Raises:
            NotAllowed: it is off the list.
        """
        check(self._base, READS, method, url, headers or {})
        path = (parse_url(url).path or "").removeprefix(self._base.path or "")
        if _resource(path) in NEVER or options.get("body") is not None or options.get("fields"):
            raise NotAllowed(
                f"The read-only client does not ask for {path}.",
                next_step="Secrets, proxies and bodies are never sent; names of secrets come from what refers to them.",
            )
        limits = {"timeout": options.get("timeout") or TIMEOUT, "retries": RETRIES, "redirect": False}
        kept = {name: options[name] for name in ("preload_content",) if name in options}
        return self._pool.request(method, url, headers=headers, **limits, **kept)

    def clear(self) -> None:
        """Close the connections."""
        self._pool.clear()


class ReadOnlyApiClient(ApiClient):
    """An API client over a `ReadOnlyPool`."""

    def __init__(self, configuration: Configuration) -> None:
        """Build the client of a configuration, and put our pool in place of its own."""
        super().__init__(configuration)
        own = ReadOnlyPool(self.rest_client.pool_manager, configuration.host)
        self.rest_client.pool_manager = own  # type: ignore[assignment]  # the part of a pool that the library uses
        self._sealed = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SEALED and getattr(self, "_sealed", False):
            raise NotAllowed(
                "The read-only client opens no stream.",
                next_step="Run exec, attach and port forwarding yourself: kubectl.",
            )
        super().__setattr__(name, value)


def client(context: str = "") -> ReadOnlyApiClient:
    """Return a client for a context of the kubeconfig; empty: its current one, or the cluster that we run in.

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
    return ReadOnlyApiClient(settings)


def _kubeconfig() -> bool:
    """Say whether a kubeconfig was named or lies at its usual place."""
    return "KUBECONFIG" in os.environ or Path("~/.kube/config").expanduser().exists()


def _resource(path: str) -> str:
    """Return the segment that names the resource: `pods` of `/api/v1/namespaces/shop/pods/cart-0`."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    return parts[2] if parts[:1] == ["namespaces"] and len(parts) > 2 else parts[0] if parts else ""
