"""Clients of Google's APIs that can only read: GET, one host, listed paths, no redirect.

The clients are built from the API descriptions that ship with the library, so building one asks nobody. Where an API
is reached at another address, it is set as for gcloud: `CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import google.auth
import google.auth.transport.requests
import httplib2
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from googleapiclient import discovery
from urllib3.util import parse_url

from ontology.errors import NotAllowed, Unavailable
from workbench.telemetry.pace import Pace, Paces, Seen
from workbench.telemetry.readonly import Allowed, address, check

SECONDS = 20.0
"""Time limit for connecting and for each read."""
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""Several list calls (those of container) take no narrower scope; what may be asked is decided here and by IAM."""


def _reads(*paths: str) -> tuple[Allowed, ...]:
    return tuple(Allowed("GET", path) for path in paths)


READS: Mapping[str, tuple[Allowed, ...]] = {
    "compute": _reads(
        "/projects/{project}/global/networks",
        "/projects/{project}/aggregated/backendServices",
        "/projects/{project}/aggregated/forwardingRules",
        "/projects/{project}/aggregated/instances",
        "/projects/{project}/aggregated/subnetworks",
        "/projects/{project}/aggregated/targetHttpProxies",
        "/projects/{project}/aggregated/targetHttpsProxies",
        "/projects/{project}/aggregated/urlMaps",
    ),
    "container": _reads("/v1/projects/{project}/locations/{location}/clusters"),
    "pubsub": _reads("/v1/projects/{project}/topics", "/v1/projects/{project}/subscriptions"),
    "redis": _reads("/v1/projects/{project}/locations/{location}/instances"),
    "sqladmin": _reads("/v1/projects/{project}/instances"),
    "storage": _reads("/b"),
}
"""API to what may be asked of it, relative to its address (`https://compute.googleapis.com/compute/v1`)."""


class ReadOnlyHttp(httplib2.Http):  # type: ignore[misc]  # httplib2 has no types
    """The transport of a client: it sends listed reads of one address, with the credentials of the default chain."""

    def __init__(self, base: str, allowed: tuple[Allowed, ...], credentials: Any, pace: Pace | None = None) -> None:
        """Bind the transport to an address; `credentials` are google-auth's, `pace` is its own where None."""
        super().__init__(timeout=SECONDS)
        self.follow_redirects = False
        self.pace = pace or Pace(base)
        self._base, self._allowed, self._credentials = address(base), allowed, credentials
        self._tokens = google.auth.transport.requests.Request()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> Any:
        """Send a listed read.

        Raises:
            NotAllowed: it is off the list.
            Unavailable: the credentials are not accepted, or nobody answers.
        """
        check(self._base, self._allowed, method, uri, headers or {})
        if body:
            raise NotAllowed("The read-only transport sends no body.", next_step="Ask with parameters.")
        target = parse_url(uri).url  # as it was checked: another parser may read the address differently
        return self.pace.ask(lambda _: self._once(target, method, headers, connection_type), _seen)

    def _once(self, target: str, method: str, headers: Mapping[str, str] | None, connection_type: Any) -> Any:
        """Send once.

        Raises:
            Unavailable: the credentials are not accepted, or nobody answers.
        """
        sent = dict(headers or {})
        try:
            self._credentials.before_request(self._tokens, method, target, sent)
            return super().request(target, method, None, sent, 0, connection_type)
        except GoogleAuthError as error:
            raise Unavailable(
                "Google does not accept the credentials.",
                next_step="Renew them: gcloud auth application-default login.",
            ) from error
        except (OSError, httplib2.HttpLib2Error) as error:
            raise Unavailable(
                f"{self._base.url} does not answer: {type(error).__name__}.",
                next_step="Check the network, or the address in CLOUDSDK_API_ENDPOINT_OVERRIDES_....",
            ) from error


def _seen(answer: Any) -> Seen:
    response, _ = answer
    return int(response.status), response


def resource(api: str, version: str, paces: Paces | None = None) -> Any:
    """Return the client of an API, such as `("compute", "v1")`.

    Args:
        api: its name.
        version: its version.
        paces: which have the pace of its address; one of its own where None.

    Raises:
        NotAllowed: nothing of that API is on the list.
        Unavailable: there are no credentials.
    """
    if api not in READS:
        raise NotAllowed(f"Nothing of Google's {api} API is read.", next_step=f"Listed: {', '.join(sorted(READS))}.")
    base = os.environ.get(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}") or _home(api, version)
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError as error:
        raise Unavailable(
            "There are no Google credentials.",
            next_step="Run: gcloud auth application-default login (the Viewer role is enough).",
        ) from error
    return discovery.build(
        api,
        version,
        http=ReadOnlyHttp(base, READS[api], credentials, paces.of(base) if paces else None),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": base.rstrip("/") + "/"},
    )


def _home(api: str, version: str) -> str:
    """Return the address that the shipped description of an API names."""
    return f"https://{api}.googleapis.com/" + (f"{api}/{version}/" if api in ("compute", "storage") else "")
