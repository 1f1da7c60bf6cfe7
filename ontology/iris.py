"""How an IRI is made from names that a manifest, an API, a trace and a log line all know.

Shape: `<base>id/<kind>/<segment>:<segment>:...`; letters, digits, `_`, `-` and `.` are kept, everything else is
percent-encoded; a `/` inside a code path becomes `:`. DNS names, registries and cloud ids are lower-cased.
"""

from __future__ import annotations

from urllib.parse import quote

from ontology.nouns import Iri

BASE = "https://w3id.org/incident-workbench/"
WB = BASE + "def/"
"""Namespace of the classes and properties (`wb:`)."""
OTEL = BASE + "otel/"
"""Namespace of OpenTelemetry attribute names, dots kept (`otel:`). Write them as full IRIs in SPARQL."""
PROV = "http://www.w3.org/ns/prov#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"

PREFIXES = {"wb": WB, "otel": OTEL, "prov": PROV, "rdf": RDF, "rdfs": RDFS, "xsd": XSD}
"""Preloaded wherever SPARQL is typed."""


def thing(kind: str, *names: str) -> Iri:
    """Return the IRI of a thing of that kind.

    >>> thing("service", "default", "cart")
    'https://w3id.org/incident-workbench/id/service/default:cart'
    >>> thing("file", "github.com/org/shop", "src/main.py")
    'https://w3id.org/incident-workbench/id/file/github.com:org:shop:src:main.py'
    """
    path = ":".join(quote(name, safe="/").strip("/").replace("/", ":") for name in names)
    return Iri(f"{BASE}id/{kind}/{path}")


def graph(*names: str) -> Iri:
    """Return the IRI of a named graph, such as `graph("fact", "compose", "shop")`."""
    return Iri(f"{BASE}g/" + "/".join(quote(name, safe="") for name in names))


def service(name: str, environment: str = "default") -> Iri:
    """Return the IRI of a service: the environment of the scope binding and its OpenTelemetry name."""
    return thing("service", environment, name)
