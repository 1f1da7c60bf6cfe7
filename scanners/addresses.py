"""The hosts that stand in a value, and their ports. Pure.

Understood: URLs, `host:port`, lists of either, connection strings (`Host=db;Port=5432`, `user@tcp(db:3306)/`,
`jdbc:...`, Oracle's), gRPC's `dns:///cart:7070`, neighbours in YAML and JSON (`address: cart`, `port_value: 7070`),
dotted properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEFAULT_PORTS: Mapping[str, int] = {
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "grpc": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "sqlserver": 1433,
    "mongodb": 27017,
    "mongodb+srv": 27017,
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "kafka": 9092,
    "nats": 4222,
    "memcached": 11211,
    "clickhouse": 9000,
    "mqtt": 1883,
    "ldap": 389,
    "smtp": 25,
    "etcd": 2379,
}

_NO_HOST = frozenset({"file", "unix", "unixs", "fd", "data"})
"""Schemes after which a path stands, and no host."""
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?)*"
_URL = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?:[^\s/]*@)?(?P<hosts>(?>{_HOST}(?::\d+)?(?:,{_HOST}(?::\d+)?(?![\w\-]*:?//|[\w.\-]*=))*))(?!=)"
)
_GO_DSN = re.compile(rf"@?(?:tcp|udp)\((?P<host>{_HOST})(?::(?P<port>\d+))?\)")
_PAIR_HOST = re.compile(
    r"(?i)(?:^|[;\s&?,(])(?P<prefix>(?:[\w\-]+\.)*)"
    r"(?:host|hostname|server|data source|datasource|addr|address|network address)\s*=\s*"
    rf"(?:tcp:)?(?P<host>{_HOST})(?:[:,](?P<port>\d+))?"
)
_PAIR_PORT = r"(?i)(?:^|[;\s&?,(]){}port\s*=\s*(?P<port>\d+)"
_HOST_PORT = re.compile(rf"(?<![\w.\-/:$%])(?P<host>{_HOST}):(?P<port>\d{{2,5}})(?![\w.\-:])")
_BARE = re.compile(rf"^{_HOST}$")
_ORACLE = re.compile(
    rf"jdbc:oracle:\w+:[^@\s]*@(?://)?(?P<host>{_HOST})(?::(?P<port>\d+))?"
    rf"|\(HOST\s*=\s*(?P<tns>{_HOST})\)\s*\(PORT\s*=\s*(?P<at>\d+)\)",
    re.IGNORECASE,
)
_RESOLVED = re.compile(
    rf"(?:\b(?:dns|xds|passthrough|kubernetes):///(?:[^/\s]*/)?|(?:^|(?<=[\s\"'@]))//)(?P<host>{_HOST}):(?P<port>\d+)"
)
"""gRPC's names for a resolver, and an address without a scheme."""
_NESTED = re.compile(
    rf"\b(?:host|hostname|address|addr|server)[\"']?:\s*[\"']?(?P<host>{_HOST})[\"']?\s*[,\n]\s*"
    r"[\"']?(?:port|port_value|portNumber)[\"']?:\s*[\"']?(?P<port>\d+)"
)
"""Two neighbours of a YAML or JSON text: Envoy's `address: cart`, `port_value: 7070`."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host in a value, and the port if it stands there."""

    host: str
    port: int | None = None
    implied: int | None = None
    """The default port of its scheme, where no port stands."""
    bare: bool = False
    """The whole value is the host: only the setting's name can say that it is one."""


def addresses(value: str) -> Iterator[Address]:
    """Yield the hosts that stand in a value, each once.

    >>> [(each.host, each.port) for each in addresses("PLAINTEXT://kafka:9092,CONTROLLER://kafka:9093")]
    [('kafka', 9092), ('kafka', 9093)]
    >>> [(each.host, each.implied) for each in addresses("postgres://shop:pw@db/shop")]
    [('db', 5432)]
    >>> [(each.host, each.port) for each in addresses("Host=db;Port=5432;Username=shop")]
    [('db', 5432)]
    >>> list(addresses("/chat"))
    []
    """
    seen: set[tuple[str, int | None]] = set()
    for address in _addresses(value[:20_000]):
        key = (address.host.lower(), address.port)
        if key not in seen:
            seen.add(key)
            yield address


def _addresses(value: str) -> Iterator[Address]:
    rest = value
    for match in _URL.finditer(value):
        scheme = match["scheme"].lower()
        if scheme in _NO_HOST:
            continue
        for part in match["hosts"].split(","):
            host, _, port = part.partition(":")
            yield Address(host, int(port) if port else None, DEFAULT_PORTS.get(scheme))
        rest = rest.replace(match[0], " ")
    for pattern in (_ORACLE, _RESOLVED, _NESTED, _GO_DSN):
        for match in pattern.finditer(rest):
            groups = match.groupdict()
            host, at = groups["host"] or groups["tns"], groups["port"] or groups.get("at")
            yield Address(host, int(at) if at else None)
            rest = rest.replace(match[0], " ")
    if "=" in rest:
        for match in _PAIR_HOST.finditer(rest):
            port = re.search(_PAIR_PORT.format(re.escape(match["prefix"])), rest)
            yield Address(match["host"], int(match["port"] or (port["port"] if port else 0)) or None)
    for match in _HOST_PORT.finditer(rest):
        if int(match["port"]) <= 65535:
            yield Address(match["host"], int(match["port"]))
    for part in re.split(r"[,\s]+", value.strip()):
        bare = part.split("/", 1)[0] if not part.startswith("/") else ""
        if _BARE.match(bare) and not bare.isdigit():
            yield Address(bare, bare=True)
