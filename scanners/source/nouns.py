"""What code says of itself, whatever its language: functions, what they read, whom they call, which hosts they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from scanners.references import addresses

Watch = Callable[[str], None]
"""Is told the file that a reader is about to touch."""


def unwatched(_file: str) -> None:
    """Watch nothing."""


_LOOPBACK = ("localhost", "127.", "0.0.0.0", "::1")  # noqa: S104  # compared, not bound
_VOCABULARIES = ("www.w3.org", "schemas.", "json-schema.org", "xmlns.", "purl.org", "opentelemetry.io")
"""Names of documents and XML namespaces that are spelled like an address; nobody connects to them."""
_PROSE = re.compile(r"[\s<>{}]")
"""What no bare `host:port` holds, but sentences, markup and style sheets (`width:300`) do."""

_TELLS = re.compile(
    r"(?:.*[.:>])?(?:e?print(?:ln|f)?|puts|error_log|debug|info|notice|warn(?:ing)?|error|exception|critical|fatal|panic"
    r"|(?:debug|info|warn|error|fatal|print)(?:f|ln|w)|log(?:Trace|Debug|Information|Warning|Error|Critical)"
    r"|WriteLine)!?"
    r"|(?:console|logger)\.log",
    re.IGNORECASE,
)
"""Calls that write to a log or a screen."""


@dataclass(frozen=True, slots=True)
class Read:
    """An environment variable is read."""

    name: str
    line: int
    default: str | None = None


@dataclass(frozen=True, slots=True)
class FlagRead:
    """A feature flag is asked for."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Client:
    """A client is made or used: the variables that give its address, and the hosts written out."""

    line: int
    variables: tuple[str, ...]
    hosts: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class HostText:
    """A host stands in the code."""

    host: str
    port: int | None
    line: int


@dataclass(slots=True)
class Symbol:
    """A function, by its qualified name; the module itself has no name."""

    name: str
    line: int
    end_line: int
    reads: list[Read] = field(default_factory=list)
    flags: list[FlagRead] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    hosts: list[HostText] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Module:
    """The symbols of a file, the module itself first."""

    symbols: tuple[Symbol, ...]


def hosts(texts: Iterable[str]) -> Iterator[tuple[str, int | None]]:
    """Yield the hosts that are written out in texts; this machine's own is none, nor is the name of a vocabulary.

    >>> list(hosts(["http://cart:7070/x", "http://localhost:1", "http://www.w3.org/2000/svg"]))
    [('cart', 7070)]
    >>> list(hosts(["cart:7070", "<p style='width:300'>", "host=db port=5432"]))
    [('cart', 7070), ('db', 5432)]
    """
    for text in texts:
        prose = _PROSE.search(text) is not None
        for address in addresses(text):
            host = address.host.lower()
            if address.bare or host.startswith(_LOOPBACK + _VOCABULARIES) or host[:1].isdigit():
                continue
            if not prose or re.search(rf"(?://|[@,(]|=\s*(?:tcp:)?){re.escape(address.host)}", text):
                yield address.host, address.port or address.implied


def tells(callee: str) -> bool:
    """Say whether what is called writes to a log or a screen: what it is told is prose.

    >>> tells("logger.warning"), tells("info!"), tells("client.get")
    (True, True, False)
    """
    return _TELLS.fullmatch(callee) is not None


def line_of(host: str, text: str, first: int) -> int:
    r"""Return the line of a host in a text that begins at line `first`.

    >>> line_of("cart", "see\nhttp://cart:1", 7)
    8
    """
    return first + text.count("\n", 0, max(text.find(host), 0))
