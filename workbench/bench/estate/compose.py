"""The estate's compose file: what it declares, and how a release is written into it, comments and order kept.

compose = Compose(folder / "shop" / "compose.yaml")
compose.services["payment"].environment["POOL_SIZE"]
compose.release("payment", "1.8.3", {"POOL_SIZE": "1"})     # -> {"SERVICE_VERSION": ("1.8.2", "1.8.3"), ...}
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ontology.errors import BadInput, NotFound

SHOP = Path(__file__).with_name("shop")
ENVIRONMENT = "shop"
"""What its things belong to, in the graph, in its alerts and in its cases."""
LEFT_OUT = ("__pycache__", "node_modules", "*.pyc", "build", "data")
"""What a run leaves behind in the shop's folder, as patterns of file names: no copy takes it along."""
PORT = 8080
"""Where every service listens inside a container, and by which number the others call it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is built here, and how it runs without a container."""

    name: str
    image: str
    environment: Mapping[str, str]
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    fds: int
    """Most open file descriptors; 0: not limited."""
    memory: int
    """Most bytes of resident memory; 0: not limited."""

    @property
    def version(self) -> str:
        """What runs."""
        return str(self.environment.get("SERVICE_VERSION", self.image.rpartition(":")[2]))


@dataclass(frozen=True, slots=True)
class Seed:
    """What fills a store before the services start, with the environment of one of them."""

    service: str
    run: tuple[str, ...]


class Compose:
    """The file; read anew at every look."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def content(self) -> Mapping[str, Any]:
        """The whole of it."""
        content: Mapping[str, Any] = yaml.safe_load(self.path.read_text())
        return content

    @property
    def services(self) -> dict[str, Service]:
        """The services that are built here and say how they run, by name.

        Raises:
            BadInput: none does.
        """
        declared = self.content["services"]
        found = {name: _service(name, each) for name, each in declared.items() if "x-process" in each}
        if not found:
            raise BadInput(f"No service of {self.path} says how it runs.", next_step="Give it x-process: {run: [...]}.")
        return found

    @property
    def servers(self) -> frozenset[str]:
        """The names of what is not built here: databases, caches, collectors."""
        return frozenset(name for name, each in self.content["services"].items() if "build" not in each)

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """What is run once before the services."""
        return tuple(Seed(str(each["service"]), _words(each["run"])) for each in self.content.get("x-seed") or ())

    def release(self, name: str, version: str, environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Write a release of a service; return what changed: key to the values before and after (empty: not set).

        Raises:
            NotFound: there is no such service.
        """
        text = self.path.read_text()
        start = re.search(rf"^  {re.escape(name)}:[ \t]*\n", text, re.MULTILINE)
        if start is None or name not in self.services:
            raise NotFound(f"There is no service {name!r}.", next_step=f"Services: {', '.join(self.services)}.")
        end = re.compile(r"^(?: {0,2}\S)", re.MULTILINE).search(text, start.end())
        block = text[start.end() : end.start() if end else len(text)]
        old, changed = self.services[name], dict[str, tuple[str, str]]()
        for key, value in {"SERVICE_VERSION": version, **environment}.items():
            changed[key] = (str(old.environment.get(key, "")), value)
            block = _set(block, key, value)
        block = re.sub(r"(?m)^(\s+image:\s*\S+):[^\s:]+$", rf"\g<1>:{version}", block)
        self.path.write_text(text[: start.end()] + block + (text[end.start() :] if end else ""))
        return {key: pair for key, pair in changed.items() if pair[0] != pair[1]}


def _service(name: str, declared: Mapping[str, Any]) -> Service:
    process = declared["x-process"]
    environment = declared.get("environment") or {}
    if isinstance(environment, list):
        environment = dict(each.partition("=")[::2] for each in environment)
    return Service(
        name,
        str(declared.get("image", name)),
        {key: "" if value is None else str(value) for key, value in environment.items()},
        tuple(_words(each) for each in process.get("build") or ()),
        _words(process["run"]),
        int(process.get("fds", 0)),
        int(process.get("memory", 0)),
    )


def _words(words: Any) -> tuple[str, ...]:
    """Return the words of a program; `python` is the interpreter that runs us, which has the packages."""
    first, *rest = (str(each) for each in words)
    return (sys.executable if first in ("python", "python3") else first, *rest)


def _set(block: str, key: str, value: str) -> str:
    r"""Return a service's block with a variable of its environment set, quoted as it was; a new one always is.

    >>> _set("    environment:\n      A: '1' # why\n", "A", "2")
    "    environment:\n      A: '2' # why\n"
    """
    line = re.compile(rf"(?m)^(\s+{re.escape(key)}:[ ]*)(\"[^\"\n]*\"|'[^'\n]*'|[^#\n]*?)([ ]*(?:#[^\n]*)?)$")
    if found := line.search(block):
        quote = found[2][:1] if found[2][:1] in ("'", '"') else ("" if _plain(value) else '"')
        return block[: found.start()] + f"{found[1]}{quote}{value}{quote}{found[3]}" + block[found.end() :]
    place = re.search(r"(?m)^(\s+)environment:[ ]*\n", block)
    if place is None:
        raise BadInput("The service has no block of environment.", next_step="Write it as a mapping, a key a line.")
    return f'{block[: place.end()]}{place[1]}  {key}: "{value}"\n{block[place.end() :]}'


def _plain(value: str) -> bool:
    """Say whether YAML reads a bare word as that very text."""
    try:
        return bool(yaml.safe_load(f"a: {value}") == {"a": value})
    except yaml.YAMLError:
        return False
