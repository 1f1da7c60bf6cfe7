"""The clients that assembly hands to the scanners: each can only read, held at its HTTP layer.

    clients = LiveClients()
    clients.aws("prod").client("ec2").describe_vpcs()        # sent
    clients.aws("prod").client("ec2").terminate_instances(InstanceIds=["i-0"])  # NotAllowed; nothing is sent

Credentials are the vendor's own default chain: profile, application default credentials, kubeconfig.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.telemetry.pace import Paces
from workbench.telemetry.readonly import Allowed, ReadOnlySession

if TYPE_CHECKING:
    from workbench.telemetry.kubernetes_rights import Rights

GRAFANA = (
    "/api/search",
    "/api/dashboards/uid/{uid}",
    "/api/v1/provisioning/alert-rules",
    "/api/datasources",
    "/api/folders",
)
PROMETHEUS = ("/api/v1/rules", "/api/v1/targets", "/api/v1/metadata")
JAEGER = ("/api/services", "/api/operations", "/api/services/{name}/operations", "/api/traces", "/api/dependencies")
READS = tuple(Allowed("GET", path) for path in (*GRAFANA, *PROMETHEUS, *JAEGER))
"""What scanners may ask over plain HTTP."""


@dataclass(frozen=True, slots=True)
class LiveClients:
    """Implements `scanners.protocol.Clients` against the real systems."""

    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Address to the token that is sent there, such as a Grafana service account's: a bearer's, or with its scheme."""

    paces: Paces = field(default_factory=Paces, repr=False)
    """How hard each address may be asked: the sources ask by the same ones."""

    def http(self, base: str) -> ReadOnlySession:
        """Return a session that sends listed reads to one address.

        Raises:
            BadInput: `base` is no address of an API.
        """
        token = self.tokens.get(base.rstrip("/"))
        return ReadOnlySession(
            base, READS, headers=bearing(token) if token else None, pace=self.paces.of(base) if base else None
        )

    def kubernetes(self, context: str) -> Any:
        """Return a `kubernetes.client.ApiClient` for a context; empty for the current one.

        Raises:
            Unavailable: there is no such context.
        """
        from workbench.telemetry import readonly_kubernetes  # late, like the two below: they take seconds to import

        return readonly_kubernetes.client(context, self.paces)

    def rights(self, context: str) -> Rights:
        """Return what the user of a context may do there.

        Raises:
            Unavailable: there is no such context, nobody answers, or the server does not tell.
        """
        from workbench.telemetry import kubernetes_rights, readonly_kubernetes

        return kubernetes_rights.asked(readonly_kubernetes.client(context, self.paces, reviews=True))

    def aws(self, profile: str) -> Any:
        """Return a `boto3.Session` for a profile; empty for the default one.

        Raises:
            NotFound: there is no such profile.
            Unavailable: there are no credentials.
        """
        from workbench.telemetry import readonly_aws

        return readonly_aws.session(profile, self.paces)

    def google(self, api: str, version: str) -> Any:
        """Return a `googleapiclient.discovery.Resource`, such as `("compute", "v1")`.

        Raises:
            Unavailable: there are no credentials.
        """
        from workbench.telemetry import readonly_google

        return readonly_google.resource(api, version, self.paces)


@dataclass(frozen=True, slots=True)
class ScannerClients(LiveClients):
    """The same for scanners, but that a cluster is scanned only by who may not write there."""

    may_write: bool = False
    """Said so in the settings: a context that may write is meant."""

    def kubernetes(self, context: str) -> Any:
        """Return a client as `LiveClients` does, once the user of the context is known to read alone.

        Raises:
            NotAllowed: the user may write, and nobody said that this is meant.
            Unavailable: there is no such context.
        """
        from workbench.telemetry.kubernetes_rights import Guarded

        connect, rights = partial(LiveClients.kubernetes, self, context), partial(self.rights, context)
        return Guarded(connect, rights, context or "current", self.may_write)()


def bearing(token: str) -> dict[str, str]:
    """Return the header that carries a token: as a bearer's, or with the scheme that stands before it.

    >>> bearing("abc"), bearing("ApiKey abc")
    ({'Authorization': 'Bearer abc'}, {'Authorization': 'ApiKey abc'})
    """
    return {"Authorization": token if " " in token else f"Bearer {token}"}
