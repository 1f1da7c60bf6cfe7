"""Which service does a value mean? Pure: values, the settings beside them and a directory of names in, mentions out.

Understood: URLs, `host:port`, lists of either, connection strings (`Host=db;Port=5432`, `user@tcp(db:3306)/`,
`jdbc:...`), bare hosts with the port in a sibling setting or in a sibling's address of the same service, and the
indirections `$(NAME)` and `${NAME:-default}`.

Confidence comes in bands: 0.9 name and port both match one service; 0.7 the name matches and the port is
missing or implied; 0.5 the value alone looks like it. (1.0 is for what was observed.) What is called a
mention here never holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ontology.nouns import Iri
from scanners.addresses import Address as Address
from scanners.addresses import addresses as addresses

SURE, LIKELY, POSSIBLE = 0.9, 0.7, 0.5

_INDIRECT = re.compile(
    r"\$\$|\$\((?P<k8s>\w+)\)|\$\{(?P<name>\w+)(?:(?P<op>:?[-+?])(?P<rest>[^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}|\$(?P<plain>[A-Za-z_]\w*)"
)
_ADDRESS_NAME = re.compile(
    r"(?i)(^|[_.\-])(host|hosts|hostname|addr|addrs|address|addresses|url|urls|uri|uris|endpoint|endpoints|server|servers|"
    r"broker|brokers|bootstrap|connect|connection|connection_?string|dsn|upstream|backend|target|peer|peers|node|nodes|proxy|gateway|svc|domain|location|base)s?([_.\-]|\d|$)"
    r"|(host|url|uri|addr|endpoint|address|servers?|connection|connectionstrings?)(__\w+)?$"
)
_QUANTITY_NAME = re.compile(
    r"(?i)(^|[_.\-])(timeout|interval|retries|attempts|seconds?|millis|ms|s|count|size|limit|enabled|port|name|type|mode|file|dir|folder|path)$"
)
_ADDRESS_END = re.compile(r"(?i)[_.\-]?(host(name)?|addr(ess)?|endpoint|server|url|uri|name|service)$")


@dataclass(frozen=True, slots=True)
class Target:
    """A service that values may mean: where it is reached."""

    service: Iri
    name: str
    ports: frozenset[int] = frozenset()
    """Ports on which it is known to listen; empty when none is known."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A value means this service."""

    target: Target
    port: int | None
    confidence: float
    bare: bool = False
    """The value was a bare host; the port is that of a sibling, or unknown."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Host name to the service behind it, as seen from one namespace."""

    targets: Mapping[str, Target]
    """Lower-case names: `cart`, and `cart.shop` where there are namespaces."""
    namespace: str = ""

    def find(self, host: str) -> Target | None:
        """Return the service behind a host name, or None; understands `cart.shop.svc.cluster.local` and `db-0.db`.

        >>> cart = Target(Iri("urn:cart"), "cart")
        >>> Directory({"cart": cart, "cart.shop": cart}, "shop").find("cart.shop.svc.cluster.local").name
        'cart'
        """
        parts = host.lower().rstrip(".").split(".")
        if "svc" in parts[1:]:
            parts = parts[: parts.index("svc", 1)]
        if len(parts) == 1:
            return self.targets.get(f"{parts[0]}.{self.namespace}") or self.targets.get(parts[0])
        found = self.targets.get(".".join(parts[:2]))
        if found is None and re.fullmatch(r"[\w\-]+-\d+", parts[0]) and len(parts) <= 3:
            found = self.targets.get(".".join(parts[1:])) or self.targets.get(f"{parts[1]}.{self.namespace}")
        return found or self.targets.get(".".join(parts))


def expand(text: str, variables: Mapping[str, str], *, depth: int = 8) -> str:
    """Return the text with `$(A)`, `${A}`, `${A:-b}`, `${A-b}`, `${A:+b}` and `$A` filled in.

    What is unknown stays as written.

    >>> expand("http://${HOST:-cart}:$(PORT)", {"PORT": "7070"})
    'http://cart:7070'
    >>> expand("$${KEPT} $(UNKNOWN)", {})
    '${KEPT} $(UNKNOWN)'
    """

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = match["k8s"] or match["name"] or match["plain"]
        operator, rest = match["op"] or "", match["rest"] or ""
        known = variables.get(name)
        empty = known is None or (operator.startswith(":") and known == "")
        if operator.endswith("-") and empty:
            return expand(rest, variables, depth=depth - 1) if depth else rest
        if operator.endswith("+"):
            return "" if empty else expand(rest, variables, depth=depth - 1) if depth else rest
        if known is None or depth <= 0 or len(known) > 10_000:
            return match[0]
        others = {key: value for key, value in variables.items() if key != name}
        return expand(known, others, depth=depth - 1)

    return _INDIRECT.sub(fill, text)


def names_an_address(variable: str) -> bool:
    """Say whether a setting's name says that its value is an address.

    >>> names_an_address("CART_ADDR"), names_an_address("KAFKA_TOPIC"), names_an_address("dbHost")
    (True, False, True)
    """
    return bool(_ADDRESS_NAME.search(variable)) and not _QUANTITY_NAME.search(variable)


def names_a_quantity(variable: str) -> bool:
    """Say whether a setting's name says that its value is a number, a kind or a file: no address.

    >>> names_a_quantity("PAGE_SIZE"), names_a_quantity("HOSTS_FILE"), names_a_quantity("CART")
    (True, True, False)
    """
    return bool(_QUANTITY_NAME.search(variable))


def sibling_port(variable: str, siblings: Mapping[str, str], known: frozenset[int]) -> int | None:
    """Return the port that a neighbouring setting gives for this host, best one that the service listens on.

    >>> sibling_port("FLAGS_HOST", {"FLAGS_UI_PORT": "4000", "FLAGS_PORT": "8013"}, frozenset())
    8013
    """
    stem = _ADDRESS_END.sub("", variable).rstrip("_.-").lower()
    if not stem:
        return None
    pattern = re.compile(rf"^{re.escape(stem)}[_.\-]?(?:\w+[_.\-])?port(?:[_.\-]\w+)?$")
    ports = {
        name.lower(): int(value) for name, value in siblings.items() if value.isdigit() and pattern.match(name.lower())
    }
    exact = next((port for name, port in ports.items() if re.sub(r"[_.\-]", "", name[len(stem) :]) == "port"), None)
    return exact or next((port for port in ports.values() if port in known), None) or next(iter(ports.values()), None)


def told_port(target: Target, siblings: Mapping[str, str], directory: Directory) -> int | None:
    """Return the port with which the other settings name this service; None where none does, or two disagree.

    >>> cart = Target(Iri("urn:cart"), "cart", frozenset({7070, 7071}))
    >>> told_port(cart, {"CART_HOST": "cart", "CART_EVENTS": "http://cart:7071/events"}, Directory({"cart": cart}))
    7071
    """
    said = [each for value in siblings.values() for each in addresses(value) if each.port is not None]
    meant = ((directory.find(each.host), each.port) for each in said)
    ports = {port for found, port in meant if found is not None and found.service == target.service}
    return ports.pop() if len(ports) == 1 else None


def mentions(variable: str, value: str, siblings: Mapping[str, str], directory: Directory) -> tuple[Mention, ...]:
    """Return the services that the value of a setting means, with the port and how sure that is.

    Args:
        variable: name of the setting.
        value: its value, indirections filled in.
        siblings: the other settings of the same process, name to value.
        directory: the names that can be meant.
    """
    found: dict[tuple[Iri, int | None], Mention] = {}
    for address in addresses(value):
        target = directory.find(address.host)
        mention = None if target is None else _judge(variable, address, siblings, target, directory)
        if mention is None:
            continue
        if mention.bare and any(service == mention.target.service for service, _ in found):
            continue
        found.setdefault((mention.target.service, mention.port), mention)
    return tuple(found.values())


def _judge(
    variable: str, address: Address, siblings: Mapping[str, str], target: Target, directory: Directory
) -> Mention | None:
    """Return how sure it is that the address means the target; None when the value is only a word."""
    if address.port is not None:
        return Mention(target, address.port, SURE if address.port in target.ports else LIKELY)
    only = next(iter(target.ports)) if len(target.ports) == 1 else None
    if not address.bare:
        port = address.implied if address.implied in target.ports or only is None else only
        return Mention(target, port, LIKELY)
    port = sibling_port(variable, siblings, target.ports)
    if names_an_address(variable) or port is not None:
        return Mention(target, port or only or told_port(target, siblings, directory), LIKELY, bare=True)
    words = set(re.split(r"[_.\-]+", variable.lower())) - {"service", "svc"}
    alike = words == set(re.split(r"[_.\-]+", address.host.lower())) - {"service", "svc"}
    return Mention(target, only, POSSIBLE, bare=True) if alike else None


@dataclass(frozen=True, slots=True)
class External:
    """A host outside the estate that a value names."""

    host: str
    port: int | None = None


def outside(variable: str, value: str, directory: Directory) -> tuple[External, ...]:
    """Return the hosts of a setting that are full domain names outside the estate.

    A value that is nothing but a host counts where the setting's name says that it is one.

    >>> outside("BANK", "https://api.example.com/v1", Directory({}))
    (External(host='api.example.com', port=443),)
    >>> [each.host for each in outside("DB_HOST", "orders.abc.eu-west-1.rds.amazonaws.com", Directory({}))]
    ['orders.abc.eu-west-1.rds.amazonaws.com']
    >>> outside("CONFIG", "application.yaml", Directory({}))
    ()
    """
    told = names_an_address(variable)
    return tuple(
        External(address.host.lower(), address.port or address.implied)
        for address in addresses(value)
        if (told or not address.bare)
        and re.fullmatch(r"(?:[\w\-]+\.)+[A-Za-z][A-Za-z\-]+", address.host)
        and not address.host.endswith((".local", ".internal", ".svc", ".localhost"))
        and directory.find(address.host) is None
    )
