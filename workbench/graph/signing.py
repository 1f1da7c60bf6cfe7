"""How a request to a SPARQL engine says who asks: Basic, Digest, bearer token, or AWS Signature Version 4.

Each is a signer as `requests` takes them. The address and three settings choose one (`signer`).
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from ontology.errors import BadInput, Unavailable

KINDS = ("basic", "digest", "bearer", "sigv4", "none")
NEPTUNE = "neptune-db"
"""The name of Amazon Neptune in a signature."""


class Bearer(AuthBase):
    """Sends a token."""

    def __init__(self, token: str) -> None:
        """Keep the token."""
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class SigV4(AuthBase):
    """Signs with AWS credentials, which are fetched anew for each request, as they expire."""

    def __init__(self, session: Any, region: str, service: str = NEPTUNE) -> None:
        """Take a botocore session, which knows where credentials come from, and what is asked."""
        self._session, self._region, self._service = session, region, service

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with its signature.

        Raises:
            Unavailable: there are no AWS credentials.
        """
        from botocore.auth import SigV4Auth  # late: botocore takes half a second
        from botocore.awsrequest import AWSRequest

        credentials = self._session.get_credentials()
        if credentials is None:
            raise Unavailable(
                "There are no AWS credentials to sign requests with.",
                next_step="Log in with AWS, or set AWS_PROFILE; WORKBENCH_GRAPH_AUTH=none sends unsigned requests.",
            )
        # Only what no proxy changes on its way: the host, the type of the body, and the body itself.
        kept = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
        made = AWSRequest(request.method, request.url, headers=kept, data=request.body)
        SigV4Auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(made)
        request.headers.update(dict(made.headers.items()))
        return request


def signer(address: str, kind: str = "", user: str = "", secret: str = "") -> AuthBase | None:
    """Return who signs requests to that address; None where nobody does.

    Without a `kind`: Basic where there is a user, bearer where there is a secret alone, Signature Version 4 for Amazon
    Neptune, else none.

    Raises:
        BadInput: an unknown kind, or one that lacks its user, secret or region.
    """
    chosen = kind or _usual(address, user, secret)
    if chosen not in KINDS:
        raise BadInput(f"{chosen!r} is no way to sign in.", next_step=f"Set graph_auth to one of {', '.join(KINDS)}.")
    if chosen in ("basic", "digest", "bearer") and not secret:
        raise BadInput(f"There is no secret for {chosen}.", next_step="Set WORKBENCH_GRAPH_SECRET.")
    if chosen in ("basic", "digest") and not user:
        raise BadInput(f"There is no user for {chosen}.", next_step="Write it into the address: https://user@host/...")
    if chosen == "sigv4":
        return _aws(address)
    made = {"basic": HTTPBasicAuth, "digest": HTTPDigestAuth}.get(chosen)
    if made is not None:
        return made(user.encode(), secret.encode()) if chosen == "basic" else made(user, secret)
    return Bearer(secret) if chosen == "bearer" else None


def _usual(address: str, user: str, secret: str) -> str:
    if user:
        return "basic"
    if secret:
        return "bearer"
    return "sigv4" if is_neptune(address) else "none"


def is_neptune(address: str) -> bool:
    """Say whether the address is that of an Amazon Neptune cluster.

    >>> is_neptune("https://db.cluster-c1.eu-west-1.neptune.amazonaws.com:8182/sparql")
    True
    """
    return (urlsplit(address).hostname or "").endswith((".neptune.amazonaws.com", ".neptune.amazonaws.com.cn"))


def _aws(address: str) -> SigV4:
    """Return a signer with the credentials of the environment, for the region that the address names."""
    import botocore.session

    session = botocore.session.get_session()
    named = (urlsplit(address).hostname or "").partition(".neptune.")[0].rpartition(".")[2]
    region = named if is_neptune(address) else os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise BadInput("No AWS region is known.", next_step="Set AWS_REGION.")
    return SigV4(session, str(region))
