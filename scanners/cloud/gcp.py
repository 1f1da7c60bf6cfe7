"""Google Cloud: networks, clusters, machines, databases, load balancers and topics of one project.

    GcpScanner("acme-prod", clients=clients).scan()

An API that is disabled or denied makes the scan incomplete and is named; the rest is kept. Only the fields that facts
need are asked for: start-up scripts, keys of clusters and passwords are never sent to us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ontology.errors import NotAllowed
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from scanners.binding import UNBOUND, Binding
from scanners.cloud import cloud_nouns, gcp_resources
from scanners.cloud.gcp_resources import Item, Project
from scanners.ledger import Ledger
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

TRIES = 4
"""The library tries 429 and 5xx again that often, with a growing wait."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of an API."""

    sort: str
    api: str
    version: str
    collection: str
    """Path to the collection in the client: `projects.topics`."""
    scope: tuple[str, str]
    """Name of the parameter that says whose, and its value with `{project}`."""
    key: str
    """Where the entries stand in an answer."""
    fields: str
    """Fields of an entry that are asked for."""
    spread: bool = False
    """Entries come by zone and region (`aggregatedList`)."""


_OWN = ("project", "{project}")
LISTINGS = (
    Listing("network", "compute", "v1", "networks", _OWN, "items", "name,selfLink"),
    Listing(
        "subnet", "compute", "v1", "subnetworks", _OWN, "subnetworks", "name,selfLink,network,ipCidrRange", spread=True
    ),
    Listing(
        *("instance", "compute", "v1", "instances", _OWN, "instances"),
        "name,id,selfLink,status,labels,networkInterfaces(network,subnetwork,networkIP,accessConfigs/natIP)",
        spread=True,
    ),
    Listing(
        *("balancer", "compute", "v1", "forwardingRules", _OWN, "forwardingRules"),
        "name,selfLink,network,IPAddress,IPProtocol,target,backendService",
        spread=True,
    ),
    Listing(
        "backend", "compute", "v1", "backendServices", _OWN, "backendServices", "name,selfLink,protocol", spread=True
    ),
    Listing("proxy", "compute", "v1", "targetHttpProxies", _OWN, "targetHttpProxies", "selfLink,urlMap", spread=True),
    Listing("proxy", "compute", "v1", "targetHttpsProxies", _OWN, "targetHttpsProxies", "selfLink,urlMap", spread=True),
    Listing(
        *("url-map", "compute", "v1", "urlMaps", _OWN, "urlMaps"),
        "selfLink,defaultService,pathMatchers(defaultService,pathRules/service)",
        spread=True,
    ),
    Listing(
        *("cluster", "container", "v1", "projects.locations.clusters"),
        *(("parent", "projects/{project}/locations/-"), "clusters"),
        "name,location,network,networkConfig(network,subnetwork),endpoint,currentMasterVersion,status,resourceLabels",
    ),
    Listing(
        *("database", "sqladmin", "v1", "instances", _OWN, "items"),
        "name,region,gceZone,databaseVersion,state,ipAddresses,connectionName,dnsName,"
        "settings/ipConfiguration/privateNetwork",
    ),
    Listing(
        *("cache", "redis", "v1", "projects.locations.instances"),
        *(("parent", "projects/{project}/locations/-"), "instances"),
        "name,host,port,authorizedNetwork,currentLocationId,redisVersion,state",
    ),
    Listing("topic", "pubsub", "v1", "projects.topics", ("project", "projects/{project}"), "topics", "name,labels"),
    Listing(
        *("subscription", "pubsub", "v1", "projects.subscriptions", ("project", "projects/{project}")),
        *("subscriptions", "name,topic,pushConfig/pushEndpoint"),
    ),
    Listing("bucket", "storage", "v1", "buckets", _OWN, "items", "name,location,labels"),
)
"""Everything that is asked."""


@dataclass(frozen=True, slots=True)
class GcpScanner:
    """Reads one project."""

    target: str
    """A project id."""
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    binding: Binding = field(default=UNBOUND, kw_only=True)
    """`gcp:<name of a cluster>` gives the alias that its Kubernetes scans have."""
    name: str = field(default="gcp", kw_only=True)
    layer: Layer = field(default=Layer.RUNNING, kw_only=True)

    @property
    def scope(self) -> str:
        """The project."""
        return self.target

    def read(self) -> Reading[Project]:
        """Ask every API.

        Raises:
            Unavailable: there are no credentials, or Google does not answer.
            NotAllowed: nothing of the project may be read.
        """
        found: dict[str, list[Item]] = {}
        problems: list[Problem] = []
        made: dict[str, Any] = {}
        for each in LISTINGS:
            client = made.get(each.api) or made.setdefault(each.api, self.clients.google(each.api, each.version))
            entries, wrong = _listed(client, each, self.target)
            found.setdefault(each.sort, []).extend(entries)
            problems += wrong
        if len(problems) >= len(LISTINGS) and not any(found.values()):
            raise NotAllowed(
                f"Nothing of the project {self.target!r} may be read: {problems[0].reason}.",
                next_step="Check the project id, and that your account has the Viewer role: gcloud projects list.",
            )
        project = Project(self.target, {sort: tuple(entries) for sort, entries in found.items()})
        return Reading(project, self.now(), tuple(problems), not problems)

    def facts(self, reading: Reading[Project]) -> tuple[Fact, ...]:
        """Say what the project holds."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        cloud_nouns.write_place(ledger, gcp_resources.place(reading.raw), "project")
        for resource in gcp_resources.resources(reading.raw):
            cloud_nouns.write(ledger, resource)
            if resource.kind is Kind.CLUSTER:
                alias = self.binding.environment(self.name, resource.name, other="")
                cloud_nouns.write_alias(ledger, resource.iri, alias)
        gcp_resources.write_pushes(ledger, reading.raw)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def _listed(client: Any, listing: Listing, project: str) -> tuple[list[Item], list[Problem]]:
    """Return the entries of a list, and what could not be read of it."""
    from googleapiclient.errors import Error, HttpError

    where = f"{listing.api}.{listing.collection}"
    found: list[Item] = []
    missing: list[Problem] = []
    try:
        for page in _pages(client, listing, project):
            found += _entries(page, listing)
            missing += [Problem(where, f"no answer from {place}") for place in _unreached(page, listing)]
    except HttpError as error:
        missing.append(Problem(where, _reason(error)))
    except Error as error:  # an answer that is none: cut off, or not JSON
        missing.append(Problem(where, type(error).__name__))
    return found, missing


def _pages(client: Any, listing: Listing, project: str) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list."""
    collection = client
    for part in listing.collection.split("."):
        collection = getattr(collection, part)()
    verb = "aggregatedList" if listing.spread else "list"
    name, value = listing.scope
    around = (
        f"items/*({listing.key}({listing.fields}),warning)" if listing.spread else f"{listing.key}({listing.fields})"
    )
    more = {"container": "missingZones", "redis": "unreachable,nextPageToken"}.get(listing.api, "nextPageToken")
    request = getattr(collection, verb)(**{name: value.format(project=project)}, fields=f"{around},{more}")
    following = getattr(collection, f"{verb}_next", None)
    while request is not None:
        page = request.execute(num_retries=TRIES)
        yield page if isinstance(page, Mapping) else {}
        request = following(request, page) if following else None


def _entries(page: Mapping[str, Any], listing: Listing) -> list[Item]:
    """Return the entries of a page."""
    if listing.spread:
        return [each for part in (page.get("items") or {}).values() for each in part.get(listing.key) or []]
    return list(page.get(listing.key) or [])


def _unreached(page: Mapping[str, Any], listing: Listing) -> Iterator[str]:
    """Yield the places that did not answer: what stands there is not in the page."""
    yield from page.get("missingZones") or []
    yield from page.get("unreachable") or []
    for place, part in (page.get("items") or {}).items() if listing.spread else ():
        if (part.get("warning") or {}).get("code") == "UNREACHABLE":
            yield place


def _reason(error: Any) -> str:
    """Return why a call failed: status and Google's own sentence."""
    return f"{error.status_code} {error.reason}"[:300]
