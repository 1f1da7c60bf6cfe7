"""Compose files as the Compose specification merges them: mappings by key, lists appended, commands replaced.

In: documents as parsed. Out: services in one shape, every setting with the line it stands at. Pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scanners.bounded import Document
from scanners.protocol import Problem


@dataclass(frozen=True, slots=True)
class Value:
    """A setting as written, and where."""

    template: str | None
    """As written; None where the value comes from outside (`- CART_PORT`)."""
    evidence: str
    value: str | None = None
    """With variables filled in; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a service listens on."""

    target: int
    evidence: str


@dataclass(frozen=True, slots=True)
class PortText:
    """A line under `ports` or `expose`, as written."""

    text: str
    evidence: str

    def ports(self, fill: Callable[[str], str]) -> Iterator[Port]:
        """Yield the container ports, a range port by port.

        >>> [port.target for port in PortText("127.0.0.1:8000-8001:9000-9001/tcp", "").ports(str)]
        [9000, 9001]
        """
        last = fill(self.text).split("/", 1)[0].rsplit(":", 1)[-1]
        start, _, end = last.partition("-")
        if start.isdigit() and (not end or end.isdigit()):
            for port in range(int(start), min(int(end or start), int(start) + 100) + 1):
                yield Port(port, self.evidence)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a Compose estate."""

    name: str
    evidence: str
    image: str = ""
    built: bool = False
    context: str = ""
    dockerfile: str = ""
    port_texts: tuple[PortText, ...] = ()
    ports: tuple[Port, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    depends_on: Mapping[str, str] = field(default_factory=dict)
    """Name of another service to where that stands."""
    aliases: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health_check: str = ""
    memory_limit: str = ""
    cpu_limit: str = ""
    replicas: int | None = None
    restart: str = ""
    extends: str = ""


@dataclass(frozen=True, slots=True)
class Compose:
    """All files, merged."""

    project: str
    services: tuple[Service, ...]

    @property
    def env_files(self) -> tuple[str, ...]:
        """Every file that an `env_file` names."""
        return tuple(dict.fromkeys(name for service in self.services for name in service.env_files))


def merged(documents: Iterable[Document]) -> tuple[Compose, tuple[Problem, ...]]:
    """Return the estate that the documents declare, later ones over earlier ones, and what was wrong in them."""
    services: dict[str, Service] = {}
    problems: list[Problem] = []
    project = ""
    for document in documents:
        if not isinstance(document.content, dict):
            problems.append(Problem(document.path, "is not a mapping, so it is no Compose file"))
            continue
        project = project or _text(document.content.get("name"))
        declared = document.content.get("services") or {}
        if not isinstance(declared, dict):
            problems.append(Problem(document.at("services"), "`services` is not a mapping"))
            continue
        for name, body in declared.items():
            if not isinstance(body, dict) and body is not None:
                problems.append(Problem(document.at(f"services/{name}"), f"service {name} is not a mapping"))
                continue
            part = _service(name, body or {}, document)
            services[name] = over(services[name], part) if name in services else part
    return Compose("" if "$" in project else project, tuple(_extended(services))), tuple(problems)


def included(document: Document) -> Iterator[str]:
    """Yield the paths of the Compose files that a document includes."""
    for each in _sequence(_mapping(document.content).get("include")):
        paths = each.get("path") if isinstance(each, dict) else each
        yield from (path for path in map(_text, _sequence(paths)) if path)


def over(base: Service, part: Service) -> Service:
    """Return the base with what the overlay says laid over it."""
    return replace(
        base,
        image=part.image or base.image,
        built=part.built or base.built,
        context=part.context or base.context,
        dockerfile=part.dockerfile or base.dockerfile,
        port_texts=tuple(dict.fromkeys((*base.port_texts, *part.port_texts))),
        environment={**base.environment, **part.environment},
        env_files=tuple(dict.fromkeys((*base.env_files, *part.env_files))),
        depends_on={**base.depends_on, **part.depends_on},
        aliases=tuple(dict.fromkeys((*base.aliases, *part.aliases))),
        command=part.command or base.command,
        health_check=part.health_check or base.health_check,
        memory_limit=part.memory_limit or base.memory_limit,
        cpu_limit=part.cpu_limit or base.cpu_limit,
        replicas=base.replicas if part.replicas is None else part.replicas,
        restart=part.restart or base.restart,
        extends=part.extends or base.extends,
    )


def _extended(services: Mapping[str, Service]) -> Iterator[Service]:
    """Yield the services with what they extend filled in, one level, from the same estate."""
    for service in services.values():
        base = services.get(service.extends)
        if base is None or base is service:
            yield service
        else:
            yield replace(over(base, service), name=service.name, evidence=service.evidence)


def _service(name: str, body: Mapping[str, Any], document: Document) -> Service:
    """Return one service of one file."""
    path = f"services/{name}"
    build = body.get("build")
    build = {"context": build} if isinstance(build, str) else _mapping(build)
    deploy = _mapping(body.get("deploy"))
    limits = _mapping(_mapping(deploy.get("resources")).get("limits"))
    health = _mapping(body.get("healthcheck")).get("test")
    extends = body.get("extends")
    return Service(
        name,
        document.at(path),
        image=_text(body.get("image")),
        built=bool(build),
        context=_text(build.get("context")),
        dockerfile=_text(build.get("dockerfile")),
        port_texts=tuple(_ports(body, path, document)),
        environment=_environment(body.get("environment"), f"{path}/environment", document),
        env_files=tuple(
            _text(each.get("path") if isinstance(each, dict) else each) for each in _sequence(body.get("env_file"))
        ),
        depends_on={
            other.partition(":")[0]: document.at(f"{path}/{section}/{key}")
            for section in ("links", "depends_on")
            for key, other in _names(body.get(section))
        },
        aliases=tuple(_aliases(body)),
        command=(*_words(body.get("entrypoint")), *_words(body.get("command"))),
        health_check=" ".join(_words(health)),
        memory_limit=_text(limits.get("memory") or body.get("mem_limit")),
        cpu_limit=_text(limits.get("cpus") or body.get("cpus")),
        replicas=_number(deploy.get("replicas", body.get("scale"))),
        restart=_text(body.get("restart")),
        extends=_text(extends.get("service") if isinstance(extends, dict) else extends),
    )


def _environment(raw: Any, path: str, document: Document) -> dict[str, Value]:
    """Return the settings of a mapping or of a list of `NAME=value`."""
    found: dict[str, Value] = {}
    if isinstance(raw, dict):
        for name, value in raw.items():
            found[name] = Value(None if value is None else _text(value), document.at(f"{path}/{name}"))
    for index, line in enumerate(raw if isinstance(raw, list) else []):
        name, sign, value = _text(line).partition("=")
        if name:
            found[name.strip()] = Value(value if sign else None, document.at(f"{path}/{index}"))
    return found


def _ports(body: Mapping[str, Any], path: str, document: Document) -> Iterator[PortText]:
    """Yield the lines of `ports` and `expose`, short or long."""
    for key in ("ports", "expose"):
        for index, each in enumerate(_sequence(body.get(key))):
            text = _text(each.get("target") if isinstance(each, dict) else each)
            if text:
                yield PortText(text, document.at(f"{path}/{key}/{index}"))


def _aliases(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the other names of a service on its networks."""
    for key in ("container_name", "hostname"):
        if isinstance(body.get(key), str) and "$" not in body[key]:
            yield body[key]
    for network in _mapping(body.get("networks")).values():
        yield from (_text(alias) for alias in _sequence(_mapping(network).get("aliases")))


def _names(raw: Any) -> Iterator[tuple[str, str]]:
    """Yield key in the file and name, of a list of names or a mapping by name."""
    if isinstance(raw, dict):
        yield from ((name, name) for name in raw)
    elif isinstance(raw, list):
        yield from ((str(index), _text(name)) for index, name in enumerate(raw))


def _words(raw: Any) -> tuple[str, ...]:
    """Return a command as its words."""
    if isinstance(raw, list):
        return tuple(_text(word) for word in raw)
    if not isinstance(raw, str):
        return ()
    try:
        return tuple(shlex.split(raw))
    except ValueError:  # an open quote: the shell of the container may still make sense of it
        return tuple(re.split(r"\s+", raw.strip()))


def _text(raw: Any) -> str:
    """Return a scalar as Compose writes it; nothing for anything else."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, str | int | float) else ""


def _number(raw: Any) -> int | None:
    return int(raw) if isinstance(raw, int) or (isinstance(raw, str) and raw.isdigit()) else None


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _sequence(raw: Any) -> Sequence[Any]:
    return raw if isinstance(raw, list) else [] if raw is None else [raw]
